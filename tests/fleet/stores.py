"""Local stores for the tests of the fleet, and what is in them, row by row.

Traces are those of the property tests (tests/property/generate.py), a host on which everything goes
wrong; but no clock is ahead of ours, and no tick is numbered beyond what is taken: ship() refuses both.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "property"))
import batches
import generate
from central import SIZE

LATEST = 1_700_000_000 * 10**9  # 2023
# of a store, as of a tick: the columns of each table, those with * are numbers of the store
TABLES = {
    "boot": "boot* boot_uuid first_tick* tick_base*",
    "restart": "tick* version interval_ns max_gap_ns mono_ns utc_offset_ns",
    "gap": "tick* from_tick* span_ns cause",
    "clock_step": "tick* step_ns",
    "hour_cut": "tick* hour first_segment*",
    "life": "life* boot* domid vm first_tick* ran_tick* counted_tick* last_tick* billed",
    "segment": "segment* life* first_tick* last_tick* kib counted",
    "tick": "tick* late_ns utc_diff_ns window_ns synchronised domains kib",
    "tick_time": "tick* mono_ns utc_ns max_gap_ns window_ns synchronised domains kib",
}


def in_boots(records):
    """Each record and the boot that it is of."""
    boot = None
    for record in records:
        if record[0] in "PB":
            boot = record[4] if record[0] == "P" else record[1]
        yield record, boot


def tame(records):
    """The same trace on a host whose clock may be anywhere before LATEST, and whose boots count from 0 or 1."""
    first = {}
    for record, boot in in_boots(records):
        if record[0] == "T":
            least = first.setdefault(boot, record[1] - record[1] % 2)
            record = record[:1] + [record[1] - least, record[2], record[3] % LATEST] + record[4:]
        yield record


class Maker:
    def __init__(self, bindir, scratch):
        self.program = os.path.join(os.path.abspath(bindir), "pagemeter")
        self.scratch = scratch
        self.made = 0

    def run(self, *words):
        done = subprocess.run([self.program, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120)
        if done.returncode:
            raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def place(self):
        self.made += 1
        return os.path.join(self.scratch, f"store-{self.made}")

    def replay(self, records, place=None):
        """The directory of the store."""
        place = place or self.place()
        trace = place + ".trace"
        with open(trace, "wb") as file:
            file.write(generate.text(records))
        self.run("replay", trace, "--db", place)
        return place

    def restore(self, place, backup):
        """Another directory, with what was in the backup."""
        self.run("restore", backup, "--db", place)
        return place

    def backup(self, place):
        path = place + ".backup"
        self.run("backup", path, "--db", place)
        return path

    def random(self, seed, lives):
        return list(tame(generate.random_trace(seed, lives)[0]))


def local(place, store=None):
    return batches.Local(os.path.join(place, "meter.db"), store)


def until(records, local_store, tick):
    """The trace up to and including a tick of the store that it made."""
    wanted = local_store.ask("SELECT b.boot_uuid, t.mono_ns FROM tick_time AS t"
                             " JOIN boot AS b ON b.first_tick <= t.tick WHERE t.tick = ? ORDER BY b.boot DESC LIMIT 1", tick)[0]
    for place, (record, boot) in enumerate(in_boots(records)):
        if record[0] == "T" and (boot, record[2]) == wanted:
            return records[:place + 1]
    raise AssertionError(f"tick {tick} is not in the trace")


def rows_of(local_store, table, number=0):
    """With a store's numbers, or in the numbers that a database of many hosts gives to store `number`."""
    columns = TABLES[table].split()
    names = ", ".join(column.rstrip("*") for column in columns)
    where = "first_tick" if table in ("life", "segment") else "1" if table == "boot" else "tick"
    begin = local_store.begin if table != "boot" else 0
    return ["|".join("" if value is None else str(value + number * SIZE if column.endswith("*") else value)
                     for column, value in zip(columns, row))
            for row in local_store.ask(f"SELECT {names} FROM {table} WHERE {where} > ? ORDER BY 1", begin)]


def central_rows(server, database, table, number):
    names = ", ".join(column.rstrip("*") for column in TABLES[table].split())
    return server.ask(f"SELECT {names} FROM meter.{table} WHERE store_no = {number} ORDER BY 1", database).splitlines()


def must_be_same(server, database, local_store, number, but=()):
    """What is shown of a store is what it has itself."""
    for table in TABLES:
        if table in but:
            continue
        wanted, got = rows_of(local_store, table, number), central_rows(server, database, table, number)
        if wanted != got:
            differing = [pair for pair in zip(wanted + ["none"], got + ["none"]) if pair[0] != pair[1]]
            raise AssertionError(f"{table}: the host has {len(wanted)} rows, the database {len(got)}; first {differing[0]}")
