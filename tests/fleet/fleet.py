#!/usr/bin/env python3
"""Twenty hosts whose clocks differ ship to one PostgreSQL through everything that goes wrong.

    fleet.py [--seed N] [--hosts N] [--lives N] BINDIR

Each host is a random trace (tests/property/generate.py: boots, gaps, clocks that step, restarts of
the meter) of VMs that move between hosts, replayed into its own store part by part while a `pagemeter
ship` carries it to the database: through a proxy that cuts connections at random bytes, while
PostgreSQL is killed and started again, and the shippers are killed too, and sometimes forget all
that they noted. Afterwards

  tables    every table of the database is, row by row, the union of the hosts' own
  usage     by VM, host, life and hour is what an independent computation makes of the traces
  bills     every line has the exact sum of its usage times the price, and every whole penny
  audit     finds nothing; no row contradicted another

The seed is printed. The last line is "N passed, M failed".
"""

import argparse
import collections
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "property"))
import generate
import oracle
import server as postgres
from proxy import Proxy

HOUR = generate.HOUR
SIZE = 10**12
EPOCH_HOUR = 490_000          # in 2025
NANO = 4_200_000_000          # nano-pennies: 0.042 EUR per GiB*h
PENNY = 3_774_873_600 * 10**9 * 10**9


class Wrong(AssertionError):
    pass


def month_of_hour(hour):
    at = time.gmtime(hour * 3600)
    return (at.tm_year - 1970) * 12 + at.tm_mon - 1


# ---- hosts ----

class Host(generate.Host):
    """One of a fleet: its clock is its own, and is set at times, but never to another century."""

    def __init__(self, seed, lives, pool):
        self.pool = pool
        super().__init__(seed, lives)
        self.p_clock, self.p_step = 0, self.random.choice([0, 0.01, 0.1])
        self.tiny = False
        self.crowd = self.random.choice([4, 15])

    def name_of_new_domain(self):
        if self.random.random() < 0.6:
            return self.random.choice(self.pool)  # it was elsewhere, or still is
        return super().name_of_new_domain()

    def wall_clock_step(self):
        pick = self.random
        if pick.random() >= self.p_step:
            return pick.randint(-50_000, 50_000)
        return pick.choice([10**8, 10**9, HOUR, pick.randrange(2 * generate.DAY)]) * pick.choice([-1, 1])

    def start_of_boot(self):
        self.seq = self.random.choice([0, 1, self.random.randrange(10**6)])
        self.mono = self.random.choice([0, 10**9, self.random.randrange(10**16)])

    def run(self):
        self.header(self.boot_uuid())
        self.start_of_boot()
        self.utc = EPOCH_HOUR * HOUR + self.random.randrange(10 * HOUR)  # clocks differ by hours
        self.bear(0)
        while self.born < self.lives:
            while self.random.random() < self.p_event:
                self.event()
            self.tick()
        return self.records


class Store:
    """A host's directory, and the program that ships it."""

    def __init__(self, number, host, program, scratch, uri):
        self.host, self.program, self.uri = host, program, uri
        self.records = host.run()
        self.directory = os.path.join(scratch, f"host{number}")
        self.process = None
        self.done = 0

    def run(self, *words, data=None, expect=0):
        done = subprocess.run([self.program, *words, "--db", self.directory], input=data, capture_output=True, timeout=300)
        if expect is not None and done.returncode != expect:
            raise Wrong(f"{words[0]} of {self.host.host} exits with {done.returncode}: {done.stderr.decode()[-500:]}")
        return done

    def replay(self, pick):
        until = min(len(self.records), self.done + pick.randrange(1, max(2, len(self.records) // 6)))
        while until < len(self.records) and self.records[until - 1][0] != "T":
            until += 1
        part = self.records[self.done:until]
        if self.done:
            part = [generate.header_at(self.records, self.done)] + part
        self.done = until
        self.run("replay", "-", data=generate.text(part))

    def start(self):
        if self.process is None and os.path.exists(os.path.join(self.directory, "meter.db")):
            self.process = subprocess.Popen([self.program, "ship", "--to", self.uri, "--db", self.directory, "--state",
                                             self.directory, "--interval", "1s"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, how=signal.SIGKILL):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def forget(self):
        """All that it noted of what was delivered."""
        for name in os.listdir(self.directory):
            if name.startswith("ship.db"):
                os.unlink(os.path.join(self.directory, name))


def live(stores, server, pick):
    """Everything at once, until all is measured."""
    restarts = kills = 0
    while any(store.done < len(store.records) for store in stores):
        store = pick.choice([store for store in stores if store.done < len(store.records)])
        store.replay(pick)
        store.start()
        time.sleep(pick.random() * 0.4)
        chance = pick.random()
        if chance < 0.1:
            restarts += 1
            server.stop("immediate")
            time.sleep(pick.random() * 0.3)
            server.start()
        elif chance < 0.4:
            kills += 1
            victim = pick.choice(stores)
            victim.kill()
            if pick.random() < 0.3 and os.path.exists(victim.directory):
                victim.forget()
            victim.start()
    return restarts, kills


def finish(stores, direct):
    """What is left, without anything in the way."""
    for store in stores:
        store.kill(signal.SIGTERM)
        done = subprocess.run([store.program, "ship", "--to", direct(store), "--db", store.directory, "--state",
                               store.directory, "--once"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise Wrong(f"ship --once exits with {done.returncode}: {done.stderr[-500:]}")


# ---- what must be there ----

OWN = {  # columns in the order of both, and which of them are numbers of the store
    "boot": ("boot, boot_uuid, first_tick, tick_base", "boot, first_tick, tick_base"),
    "restart": ("tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns", "tick"),
    "tick": ("tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib", "tick"),
    "gap": ("tick, from_tick, span_ns, cause", "tick, from_tick"),
    "clock_step": ("tick, step_ns", "tick"),
    "hour_cut": ("tick, hour, first_segment", "tick, first_segment"),
    "life": ("life, boot, domid, vm, first_tick, ran_tick, counted_tick, last_tick, billed",
             "life, boot, first_tick, ran_tick, counted_tick, last_tick"),
    "segment": ("segment, life, first_tick, last_tick, kib, counted", "segment, life, first_tick, last_tick"),
    "usage_hour": ("life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns", "life"),
    "usage_day": ("life, day, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns", "life"),
}


def check_tables(stores, server, database):
    numbers = dict(server.rows("SELECT store, store_no FROM meter.store", database))
    for table, (columns, own) in OWN.items():
        wanted = []
        for store in stores:
            local = sqlite3.connect(f"file:{store.directory}/meter.db?mode=ro", uri=True)
            base = int(numbers[local.execute("SELECT store FROM store").fetchone()[0]]) * SIZE
            names = columns.split(", ")
            for row in local.execute(f"SELECT {columns} FROM {table}"):
                wanted.append(tuple("" if value is None else str(value + base if name in own.split(", ") else value)
                                    for name, value in zip(names, row)))
            local.close()
        got = [tuple(row) for row in server.rows(f"SELECT {columns} FROM {table}", database)]
        if sorted(wanted) != sorted(got):
            less, more = collections.Counter(wanted) - collections.Counter(got), collections.Counter(got) - collections.Counter(wanted)
            raise Wrong(f"{table}: {sum(less.values())} rows are missing, {list(less)[:2]}; {sum(more.values())} are not the"
                        f" hosts', {list(more)[:2]}")
        if not got and table not in ("clock_step", "gap"):
            raise Wrong(f"{table} is empty")


def rows_of(stores):
    rows = []
    for store in stores:
        _, ticks = oracle.read_trace(generate.text(store.records))
        rows += oracle.usage_per_life_and_hour(store.host.host, oracle.lives_of(ticks))
    return rows


def pagemeter(program, uri, *words):
    done = subprocess.run([program, *words, "--db", uri], stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                          env={**os.environ, "PGOPTIONS": "-c synchronous_commit=on"})
    if done.returncode:
        raise Wrong(f"{' '.join(words)} exits with {done.returncode}: {(done.stdout[-300:] + done.stderr[-300:]).decode()}")
    return done.stdout


def check_usage(program, uri, rows):
    for by in ("vm", "vm,host,life,hour", "host", "vm,hour"):
        got = pagemeter(program, uri, "usage", "--all", "--by", by, "--format", "csv")
        wanted = oracle.csv_of(rows, by.split(","), True)
        if got != wanted:
            pairs = [pair for pair in zip(got.splitlines(), wanted.splitlines()) if pair[0] != pair[1]]
            raise Wrong(f"usage by {by}: {pairs[:2]}, {len(got.splitlines())} and {len(wanted.splitlines())} lines")


def check_bills(program, uri, server, database, rows, scratch):
    key = os.path.join(scratch, "ledger.key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(os.urandom(32).hex() + "\n")
    wanted = collections.Counter()
    for row in rows:
        if row["domid"] != 0 and row["kib_ns"]:
            wanted[row["vm"], month_of_hour(row["hour_number"])] += row["kib_ns"] * NANO
    pagemeter(program, uri, "account", "add", "acme", "--name", "Acme")
    pagemeter(program, uri, "tariff", "set", "default", "0.042", "EUR/GiBh", "--from", "2020-01-01")
    for vm in {vm for vm, _ in wanted}:
        pagemeter(program, uri, "account", "assign", vm, "acme", "--from", "2020-01-01")
    pagemeter(program, uri, "charge", "--key", key)
    pagemeter(program, uri, "charge", "--key", key)
    got = {(vm, int(month)): int(posted)
           for vm, month, posted in server.rows("SELECT vm, month, posted FROM billing.line", database)}
    for (vm, month), n in wanted.items():
        if got.get((vm, month), 0) != n // PENNY:
            raise Wrong(f"VM {vm} in month {month}: {got.get((vm, month))} pennies, and should be {n // PENNY}")
    if not sum(got.values()):
        raise Wrong("no penny was taken")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--lives", type=int, default=60)
    parser.add_argument("bindir")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    pick = random.Random(options.seed)
    program = os.path.join(os.path.abspath(options.bindir), "pagemeter")
    passed = failed = 0

    def check(what, function, *values):
        nonlocal passed, failed
        try:
            result = function(*values)
            passed += 1
            return result
        except (AssertionError, subprocess.TimeoutExpired) as wrong:
            failed += 1
            print(f"FAIL {what}: {wrong}")
            return None

    with tempfile.TemporaryDirectory(prefix="pagemeter-fleet.", dir="/dev/shm") as scratch, \
            postgres.any_server("-c synchronous_commit=off") as server:  # ship() must not go by it
        os.chmod(scratch, 0o755)
        server.create("fleet")
        server.ask("ALTER DATABASE fleet SET search_path = meter, billing")
        uri = server.uri("fleet")
        pagemeter(program, uri, "db", "init")
        server.distribute("fleet")
        between = os.path.join(scratch, "proxy")
        os.mkdir(between)
        proxy = Proxy(between, server.place, options.seed)
        proxy.is_wild = True
        pool = [str(generate.Host(f"{options.seed} pool {i}", 1).host) for i in range(12)]
        stores = []
        for number in range(options.hosts):
            host = Host(f"{options.seed}/{number}", options.lives, pool)
            stores.append(Store(number, host, program, scratch, f"postgresql://xen{number}@/fleet?host={between}"))
            pagemeter(program, uri, "db", "host", "add", host.host, f"xen{number}")
        restarts, kills = check("the hosts live", live, stores, server, pick) or (0, 0)
        check("what is left", finish, stores, lambda store: store.uri.replace(between, server.place))
        for store in stores:
            store.kill()
        check("keep", pagemeter, program, uri, "db", "keep")
        check("tables", check_tables, stores, server, "fleet")
        rows = rows_of(stores)
        check("usage", check_usage, program, uri, rows)
        check("bills", check_bills, program, uri, server, "fleet", rows, scratch)
        check("audit", pagemeter, program, uri, "audit")
        conflicts = server.ask("SELECT count(*) FROM meter.ship_conflict", "fleet")
        check("conflicts", lambda: None if conflicts == "0" else (_ for _ in ()).throw(Wrong(f"{conflicts} rows contradict")))
        print(f"{sum(len(store.records) for store in stores)} records of {len(stores)} hosts, {proxy.cuts} connections cut,"
              f" {restarts} times PostgreSQL killed, {kills} times a shipper")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
