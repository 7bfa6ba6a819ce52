"""What a host may not do: contradict itself, send what no store has, read, change, or write for another.

Checks for schema.py; each takes the scene, and what is broken in the schema when it must fail.
"""

import concurrent.futures
import contextlib
import copy
import json
import time

import batches
import central
import server as fleet
import stores
from central import SIZE

HOST, OTHER_HOST = "aaaaaaaa-0000-4000-8000-0000000000a1", "bbbbbbbb-0000-4000-8000-0000000000b1"
STORE, OTHER_STORE = "aaaaaaaa-0000-4000-8000-0000000000a2", "bbbbbbbb-0000-4000-8000-0000000000b2"
VM = "cccccccc-0000-4000-8000-000000000001"
HOUR = 486944
START = HOUR * 3600 * 10**9

# A sound batch of a made-up host: two hours, in four batches.
BATCH = {
    "protocol": 1, "store": STORE, "store_number": 1, "store_created_ns": 7, "restored_from": None, "restored_after": None,
    "after": -1, "up_to": 20, "hour": HOUR,
    "rows": {"boot": [[1, "dddddddd-0000-4000-8000-000000000001", 10, 0]], "restart": [[10, "0.1.0", 10, 50, 1000, START + 5]],
             "gap": [[15, 12, 70, "overrun"]], "clock_step": [[16, 200000000], [20, 300000000]], "hour_cut": [[10, HOUR, 1]],
             "life": [[1, 1, 3, VM, 10, 11, 12, None, 1], [2, 1, 4, VM, 11, 11, 16, 18, 1], [3, 1, 5, VM, 12, None, None, None, 0]]},
    "ticks": [[10, 0, 0, 5, 1, 1, 400], [11, 1, 2, 5, 1, 2, 800], [12, 1, 2, 5, 0, 2, 800], [15, 4, 2, 5, 1, 2, 800],
              [16, 4, 2, 5, 1, 2, 800], [18, 4, 2, 5, 1, 2, 800], [20, 4, 2, 5, 1, 1, 400]],
    "segments": [[1, 1, 10, -1, 400, 1], [2, 2, 11, 18, 400, 1], [3, 3, 12, -1, 8, 0]],
}
NEXT = dict(BATCH, after=20, up_to=24, rows={"life": [[1, 1, 3, VM, 10, 11, 12, 22, 1], [3, 1, 5, VM, 12, 21, 23, None, 0],
                                                      [4, 1, 6, VM, 22, None, None, None, 1]]},
            ticks=[[21, 4, 2, 5, 1, 1, 400], [22, 4, 2, 5, 1, 1, 404], [24, 4, 2, 5, 1, 1, 404]],
            segments=[[1, 1, 10, 22, 400, 1], [3, 3, 12, 21, 8, 0], [4, 4, 22, -1, 404, 1], [5, 3, 22, -1, 8, 1]])
# the host boots; the cut is of the same hour
LATE = dict(BATCH, after=24, up_to=28,
            rows={"boot": [[2, "dddddddd-0000-4000-8000-000000000003", 25, 5]], "restart": [[25, "0.1.0", 10, 50, 9000, START + 5]],
                  "gap": [[26, 25, 70, "window"]], "clock_step": [[26, -200000000]], "hour_cut": [[25, HOUR, 6]],
                  "life": [[3, 1, 5, VM, 12, 21, 23, 24, 0], [4, 1, 6, VM, 22, None, None, 24, 1], [5, 2, 3, VM, 25, 25, 26, None, 1]]},
            ticks=[[25, 0, 0, 5, 1, 0, 0], [26, 4, 2, 5, 1, 1, 8], [28, 4, 2, 5, 1, 1, 8]],
            segments=[[4, 4, 22, 24, 404, 1], [5, 3, 22, 24, 8, 1], [6, 5, 25, -1, 8, 1]])


def prepared(scene, change):
    """A database that knows both hosts: (name, deliver)."""
    name = scene.database(change)
    central.add_host(scene.server, name, HOST, "hostile")
    central.add_host(scene.server, name, OTHER_HOST, "other_host")
    return name, lambda *batches_, role="hostile": central.deliver(scene.server, name, role, map(batches.call, batches_))


def tables(scene, name):
    """All that a host has delivered, and what keeps it."""
    return scene.server.ask("".join(f"SELECT * FROM meter.{table} ORDER BY 1, 2, 3;" for table in (
        "boot_row", "restart_row", "gap_row", "clock_step_row", "hour_cut_row", "life_row", "segment_row", "segment_ahead",
        "tick_pack", "delivered")), name)


def must(condition, what):
    if not condition:
        raise AssertionError(what)


def changed(batch, **values):
    return dict(copy.deepcopy(batch), **values)


def with_row(batch, table, place, column, value):
    """The same batch with one other value in one row."""
    other = copy.deepcopy(batch)
    rows = other[table] if table in ("ticks", "segments") else other["rows"][table]
    rows[place][column] = value
    return other


def at_hour(batch, hour, **values):
    """The same batch in another hour."""
    other = copy.deepcopy(dict(batch, hour=hour, **values))
    for row in other["rows"].get("restart", []):
        row[5] += (hour - batch["hour"]) * 3600 * 10**9
    for row in other["rows"].get("hour_cut", []):
        row[1] = hour
    return other


def with_more(batch, table, row):
    other = copy.deepcopy(batch)
    rows = other[table] if table in ("ticks", "segments") else other["rows"].setdefault(table, [])
    rows.append(row)
    rows.sort(key=lambda one: one[0])
    return other


# ---- contradictions ----

CONTRADICTIONS = [  # table of the host, its number, and the batch that says it
    ("boot", 1, with_row(BATCH, "boot", 0, 1, "dddddddd-0000-4000-8000-000000000002")),
    ("boot", 1, with_row(BATCH, "boot", 0, 2, 11)),
    ("boot", 1, with_row(BATCH, "boot", 0, 3, -1)),
    ("boot", 2, with_more(BATCH, "boot", [2, "dddddddd-0000-4000-8000-000000000002", 11, 5])),
    ("restart", 10, with_row(BATCH, "restart", 0, 1, "0.1.1")),
    ("restart", 10, with_row(BATCH, "restart", 0, 2, 11)),
    ("restart", 10, with_row(BATCH, "restart", 0, 3, 51)),
    ("restart", 10, with_row(BATCH, "restart", 0, 4, 1001)),
    ("restart", 10, with_row(BATCH, "restart", 0, 5, -5)),
    ("restart", 12, with_more(BATCH, "restart", [12, "0.1.0", 10, 50, 1000, START + 5])),
    ("gap", 15, with_row(BATCH, "gap", 0, 1, 11)),
    ("gap", 15, with_row(BATCH, "gap", 0, 2, 71)),
    ("gap", 15, with_row(BATCH, "gap", 0, 3, "window")),
    ("gap", 18, with_more(BATCH, "gap", [18, 16, 60, "window"])),
    ("clock_step", 16, with_row(BATCH, "clock_step", 0, 1, 200000001)),
    ("clock_step", 18, with_more(BATCH, "clock_step", [18, 200000001])),
    ("hour_cut", 10, with_row(BATCH, "hour_cut", 0, 2, 2)),
    ("life", 1, with_row(BATCH, "life", 0, 1, 2)),
    ("life", 1, with_row(BATCH, "life", 0, 2, 9)),
    ("life", 1, with_row(BATCH, "life", 0, 3, VM[:-1] + "2")),
    ("life", 1, with_row(BATCH, "life", 0, 4, 11)),
    ("life", 1, with_row(BATCH, "life", 0, 5, 12)),
    ("life", 1, with_row(BATCH, "life", 0, 6, 15)),
    ("life", 1, with_row(BATCH, "life", 0, 7, 16)),
    ("life", 1, with_row(BATCH, "life", 0, 8, 0)),
    ("life", 2, with_row(BATCH, "life", 1, 7, 16)),
    ("life", 3, with_row(BATCH, "life", 2, 5, 15)),
    ("life", 9, with_more(BATCH, "life", [9, 1, 8, VM, 16, None, None, None, 1])),
    ("segment", 1, with_row(BATCH, "segments", 0, 1, 2)),
    ("segment", 1, with_row(BATCH, "segments", 0, 2, 11)),
    ("segment", 1, with_row(BATCH, "segments", 0, 3, 16)),
    ("segment", 1, with_row(BATCH, "segments", 0, 4, 401)),
    ("segment", 1, with_row(BATCH, "segments", 0, 5, 0)),
    ("segment", 2, with_row(BATCH, "segments", 1, 3, 16)),
    ("segment", 9, with_more(BATCH, "segments", [9, 1, 16, -1, 4, 1])),
    ("segment", 1, changed(BATCH, hour=HOUR + 1, rows={})),
    ("tick", 11, with_row(BATCH, "ticks", 1, 1, 2)),
    ("tick", 11, with_row(BATCH, "ticks", 1, 2, 3)),
    ("tick", 11, with_row(BATCH, "ticks", 1, 3, 6)),
    ("tick", 11, with_row(BATCH, "ticks", 1, 4, 0)),
    ("tick", 11, with_row(BATCH, "ticks", 1, 5, 1)),
    ("tick", 11, with_row(BATCH, "ticks", 1, 6, 804)),
    ("tick", 13, with_more(BATCH, "ticks", [13, 1, 2, 5, 1, 2, 800])),
    # of the second batch: ends that are set, and those that should have been
    ("life", 1, with_row(NEXT, "life", 0, 7, 21)),
    ("life", 1, with_row(NEXT, "life", 0, 6, 15)),
    ("life", 3, with_row(NEXT, "life", 1, 5, 22)),
    ("life", 3, with_row(NEXT, "life", 1, 6, 24)),
    ("life", 4, with_row(NEXT, "life", 2, 5, 22)),
    ("segment", 1, with_row(NEXT, "segments", 0, 3, 21)),
    ("segment", 1, with_row(NEXT, "segments", 0, 4, 404)),
    ("segment", 4, with_row(NEXT, "segments", 2, 3, 22)),
    ("segment", 8, with_more(NEXT, "segments", [8, 1, 16, 21, 400, 1])),
    # of the third: ends of what is open
    ("life", 5, with_row(LATE, "life", 2, 7, 26)),
    ("segment", 6, with_row(LATE, "segments", 2, 3, 26)),
]


def check_contradictions(scene, change=None):
    """Each is kept once, however often it is said, and changes nothing; sound batches are none."""
    name, deliver = prepared(scene, change)
    said = deliver(BATCH, NEXT, BATCH, NEXT, LATE, NEXT, BATCH, LATE)
    must(said == [(20, 0)] + [(24, 0)] * 3 + [(28, 0)] * 4, f"sound batches: {said}")
    before = tables(scene, name)
    kept = 0
    for table, number, batch in CONTRADICTIONS:
        what = f"{table} {number}: {json.dumps(batch['rows'])[:80]}"
        said = deliver(batch, batch)
        must(said[0][1] >= 1 and said[0] == said[1], f"{what} is answered with {said}")
        must(tables(scene, name) == before, f"{what} changed something")
        found, count = scene.server.rows(f"SELECT count(*) FILTER (WHERE row_of = '{table}' AND number % {SIZE} = {number}), count(*)"
                                         " FROM meter.ship_conflict", name)[0]
        must(int(found) > 0 and int(count) > kept, f"{what} is not kept")
        kept = int(count)
    shown = scene.server.ask("SELECT stored, said, role FROM meter.ship_conflict WHERE row_of = 'clock_step' AND number % 100 = 16",
                             name)
    must(shown == '{"tick": 1000000000016, "step_ns": 200000000}|{"tick": 1000000000016, "step_ns": 200000001}|hostile', shown)


def check_contradictions_of_refused(scene, change=None):
    """A contradiction is kept, and told, when the rest of the batch is refused; and nothing else of it is stored."""
    late = with_row(with_row(BATCH, "ticks", 5, 1, 490), "ticks", 6, 1, 500)
    # as an exchanged file has it that has measured on, from the beginning of the hour
    other = changed(BATCH, up_to=24, ticks=BATCH["ticks"][:5] + [[tick, 0, 2, 5, 1, 2, 800] for tick in (18, 20, 22, 24)])
    other["rows"]["restart"].append([18, "0.1.0", 10, 50, *BATCH["rows"]["restart"][0][4:]])
    for what, batch, of in (("a restart", other, "restart"), ("a segment", with_row(with_row(NEXT, "segments", 0, 4, 404), "ticks", 0, 1, -99), "segment"),
                            ("a tick", with_row(with_row(BATCH, "ticks", 1, 1, 2), "life", 0, 8, 2), "tick")):
        name, deliver = prepared(scene, change)
        deliver(late if of == "restart" else BATCH)
        before = tables(scene, name)
        try:
            said = deliver(batch, batch)
        except fleet.Refused as error:
            raise AssertionError(f"{what} that contradicts is refused with the rest: {error}") from error
        must(said[0] == said[1] and said[0][0] == 20 and said[0][1] > 0, f"{what} that contradicts is answered with {said}")
        must(tables(scene, name) == before, f"{what}: something of a batch that is refused was stored")
        kept = scene.server.ask(f"SELECT count(*) FILTER (WHERE row_of = '{of}') > 0, count(*), min(role) FROM meter.ship_conflict", name)
        must(kept == f"t|{said[0][1]}|hostile", f"{what} that contradicts is not kept: {kept}, of {said}")
    must_refuse_wrong(deliver, with_row(NEXT, "ticks", 0, 1, -99))


def must_refuse_wrong(deliver, batch):
    try:
        deliver(batch)
    except fleet.Refused as error:
        return must("not later" in str(error), str(error))
    raise AssertionError("what contradicts nothing, and can't be read, is taken")


def check_most_contradictions(scene, change=None):
    """No more of a store are kept than a person would look at."""
    name, deliver = prepared(scene, change)
    deliver(BATCH)
    scene.server.ask("INSERT INTO meter.ship_conflict SELECT 1, 'x', i, NULL, '{}', '', 'x' FROM generate_series(1, 9990) AS i", name)
    deliver(*[with_row(BATCH, "segments", 0, 4, 1000 + i) for i in range(30)])
    count = scene.server.ask("SELECT count(*) FROM meter.ship_conflict WHERE store_no = 1", name)
    must(count == "10000", f"{count} conflicts are kept")


def check_end_first(scene, change=None):
    """An end that comes before its beginning is set when that comes; a contradiction of the two is kept."""
    name, deliver = prepared(scene, change)
    must(deliver(NEXT, NEXT) == [(-1, 0)] * 2, "behind a hole nothing is whole")
    must(deliver(BATCH) == [(24, 0)], "the batch that was missing")
    must(not scene.server.ask("SELECT * FROM meter.ship_conflict", name), "a conflict")
    must(scene.server.ask(f"SELECT last_tick - {SIZE} FROM meter.segment WHERE segment = {SIZE + 1}", name) == "22", "its end")
    name, deliver = prepared(scene, change)
    deliver(NEXT)
    must(deliver(with_row(BATCH, "segments", 0, 4, 401)) == [(24, 1)], "a beginning that contradicts an end")
    must(scene.server.ask(f"SELECT kib, last_tick IS NULL FROM meter.segment_row WHERE segment = {SIZE + 1}", name) == "401|t",
         "the beginning is what was delivered of the first batch")


def check_hidden(scene, change=None):
    """Nothing of what lies behind a hole is shown, nor the end that it tells of something before it."""
    name, deliver = prepared(scene, change)
    shown = lambda: [stores.central_rows(scene.server, name, table, 1) for table in stores.TABLES]
    deliver(BATCH)
    before = shown()
    late = changed(LATE, segments=[[1, 1, 10, 24, 400, 1], [3, 3, 12, 27, 8, 0], [6, 5, 25, -1, 8, 1]])
    late["rows"]["life"] = [[1, 1, 3, VM, 10, 11, 12, 24, 1], [3, 1, 5, VM, 12, 25, 26, 27, 0], [5, 2, 3, VM, 25, 25, 26, None, 1]]
    must(deliver(late) == [(20, 0)], "what lies behind a hole")
    for table, rows_, now in zip(stores.TABLES, before, shown()):
        must(rows_ == now, f"{table}: {now}")
    found = scene.server.ask("SELECT (SELECT count(*) FROM meter.segment_row WHERE last_tick IS NOT NULL), (SELECT count(*)"
                             " FROM meter.life_row WHERE last_tick IS NOT NULL), (SELECT count(*) FROM meter.tick_pack)", name)
    must(found == "3|3|3", f"what is kept of it: {found}")


def check_restarts(scene, change=None):
    """Ticks are timed by the restart before them, in whatever batch it came."""
    for mixed in (0, 1):
        name, deliver = prepared(scene, change)
        batch = with_more(BATCH, "restart", [15, "0.1.0", 7, 50, 5000, START + 9])
        for tick in batch["ticks"]:
            tick[4] = 1 - mixed * (tick[0] == 16)
        must(deliver(batch) == [(20, 0)], "a batch with two restarts")
        said = scene.server.ask("SELECT string_agg(mono_ns || '/' || utc_ns, ' ' ORDER BY tick) FROM meter.tick_time", name)
        wanted = " ".join(f"{mono}/{mono + START + off}" for mono, off in (
            (1000, 5), (1011, 7), (1021, 7), (5004, 11), (5011, 11), (5025, 11), (5039, 11)))
        must(said == wanted, f"times of ticks: {said}")


def check_pruned_cut(scene, change=None):
    """Of two cuts of one hour, what lies behind the second stays."""
    name, deliver = prepared(scene, change)
    deliver(BATCH, NEXT, LATE)
    scene.server.ask(f"INSERT INTO meter.derived VALUES (1, {SIZE + 25});"
                     f"SELECT meter.prune_store(1, {SIZE + 25}, 1, {HOUR}, 0, 0, 0, 0, 0)", name)
    for table, wanted in (("segment_row", 6), ("tick_pack", 25), ("hour_cut_row", 25)):
        left = scene.server.ask(f"SELECT array_agg(DISTINCT {dict(segment_row='segment', tick_pack='first_tick').get(table, 'tick')}"
                                f" - {SIZE}) FROM meter.{table}", name)
        must(left == f"{{{wanted}}}", f"{table}: {left}")
    must(scene.server.ask("SELECT ticks, segments FROM meter.prune", name) == "10|5", "how much went")


def check_believed_in_parts(scene, change=None):
    """A row that contradicts in one thing sets nothing in another."""
    for table, place, column, value in (("life", 0, 2, 9), ("life", 0, 5, 10), ("segments", 0, 4, 401), ("segments", 0, 5, 0)):
        name, deliver = prepared(scene, change)
        deliver(BATCH)
        must(deliver(with_row(NEXT, table, place, column, value)) == [(24, 1)], f"{table} {column} is no conflict")
        kept = "life_row WHERE life" if table == "life" else "segment_row WHERE segment"
        must(scene.server.ask(f"SELECT last_tick FROM meter.{kept} = {SIZE + 1}", name) == "", f"{table} {column}: its end is set")


# ---- several sessions ----

def check_snapshots(scene, change=None):
    """A transaction that does not see what was delivered since it began delivers nothing."""
    name, deliver = prepared(scene, change)
    deliver(BATCH)
    for level in ("REPEATABLE READ", "SERIALIZABLE"):
        try:
            scene.server.ask(f"BEGIN ISOLATION LEVEL {level}; {batches.call(NEXT)} COMMIT", name, "hostile")
            raise AssertionError(f"delivered in a transaction that is {level}")
        except fleet.Refused as error:
            must("not READ COMMITTED" in str(error), str(error))
    deliver(NEXT)


def check_made_meanwhile(scene, change=None):
    """Who waited until another session had made the store has it to itself as well."""
    name, deliver = prepared(scene, change)
    ask = lambda batch, seconds: scene.server.ask(
        f"BEGIN; {batches.call(batch)} SELECT pg_sleep({seconds}); COMMIT", name, "hostile")
    waits = lambda: scene.server.ask(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = '{wanted}'")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(ask, BATCH, 1)
        wanted = "PgSleep"
        until(lambda: waits() == "1")
        second = pool.submit(ask, BATCH, 2)
        first.result()
        until(lambda: waits() == "1")
        try:
            scene.server.ask(f"SET lock_timeout = '200ms'; {batches.call(NEXT)}", name, "hostile")
            raise AssertionError("two sessions deliver one store at once")
        except fleet.Refused as error:
            must("lock timeout" in str(error), str(error))
        second.result()
    must(deliver(NEXT) == [(24, 0)], "what comes behind them")


@contextlib.contextmanager
def held(scene, name, text, role="hostile"):
    """A transaction of somebody else's that has done this, and does not end."""
    ask = lambda text: scene.server.ask(text, name)
    sleeping = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        other = pool.submit(scene.server.ask, f"BEGIN; {text} SELECT pg_sleep(60)", name, role)
        until(lambda: ask(f"SELECT count(*) {sleeping}") == "1")
        try:
            yield
        finally:
            must(ask(f"SELECT pg_terminate_backend(pid, 5000) {sleeping}") == "t", "it was waited for")
            other.exception()


def check_patience(scene, change=None):
    """A host's transaction that does not end is waited for by no other host, and by a keeper for no longer than it says."""
    name, deliver = prepared(scene, change)
    question = changed(BATCH, up_to=-1, rows={}, ticks=[], segments=[])
    deliver(BATCH)
    ask = lambda text, role="postgres": scene.server.ask(f"SET statement_timeout = '10s'; {text}", name, role)
    numbers = lambda: ask("SELECT string_agg(store_no || right(store, 2), ' ' ORDER BY store_no) FROM meter.store")
    with held(scene, name, batches.call(changed(question, store=STORE[:-1] + "7"))):
        ask(batches.call(changed(BATCH, store=OTHER_STORE)), "other_host")
        ask(batches.call(changed(question, store=OTHER_STORE[:-1] + "7")), "other_host")
    scene.server.ask(f"INSERT INTO meter.derived VALUES (1, {SIZE + 25}), (3, 3 * {SIZE} + 25)", name)
    deliver(NEXT, LATE)
    restored = dict(question, restored_after=5, after=5, up_to=5)
    deliver(changed(restored, store=STORE[:-1] + "9", restored_from=STORE))
    with held(scene, name, batches.call(question)):
        must(ask("SELECT meter.retire_restored()") == "0", "a store that somebody delivers to is retired")
        must(ask(f"SELECT meter.prune_store(1, {SIZE + 25}, 1, {HOUR}, 0, 0, 0, 0, 0)") == "0", "or pruned")
        try:
            ask("SELECT meter.retire_store(1, 1, 1)")
            raise AssertionError("or retired, by a person")
        except fleet.Refused as error:
            must("delivers to store 1 and does not end" in str(error), str(error))
        must(ask("SELECT meter.retire_store(3, 1, 1)") == str(3 * SIZE + 20), "another store is retired meanwhile")
    must(ask(f"SELECT meter.prune_store(1, {SIZE + 25}, 1, {HOUR}, 0, 0, 0, 0, 0)") == "1", "pruned afterwards")
    must(ask("SELECT meter.retire_restored(); SELECT meter.retire_restored()") == "1\n0", "retired afterwards, once")
    deliver(changed(question, store=STORE[:-1] + "8"))
    must(numbers() == "1a2 3b2 4b7 5a9 6a8", f"stores and their numbers: {numbers()}")


def until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come to that")


# ---- what no store has ----

def rows(**lists):
    return changed(BATCH, rows=lists)


LIFE, RESTART = BATCH["rows"]["life"][0], BATCH["rows"]["restart"]
TEN_YEARS = 10 * 366 * 24 * 3600 * 10**9


def far(span):
    """An interval so long, on a host whose clock is set back meanwhile."""
    batch = at_hour(BATCH, 394464)  # 2015
    batch["ticks"][6][1:3] = [span - 16, 16 - span]
    return batch


def lives(count):
    batch = far(TEN_YEARS)
    batch["segments"] = [[i, 1, 10, -1, 400, 1] for i in range(count)]
    return batch


def in_parts(count):
    """Between two cuts so many years, in as many intervals."""
    batch, year = far(TEN_YEARS), TEN_YEARS // 10
    batch["segments"] = [[i, 1, 10, -1, 400, 1] for i in range(count)]
    batch["ticks"] = batch["ticks"][:6] + [[20 + i, (i + 1) * year // 100, -(i + 1) * year // 100, 5, 1, 1, 400] for i in range(100)]
    return dict(batch, up_to=119)


def days_ago(days):
    return int(time.time()) // 3600 - 24 * days


REFUSED = [  # batches, of which each is beyond a limit, and what is said of it
    ("protocol", [changed(BATCH, protocol=value) for value in (0, 2, None)]),
    ("of which store", [changed(BATCH, store=value) for value in (None, "", STORE[:-1], STORE + "0", STORE.upper(), "z" + STORE[1:])]),
    ("of which store", [changed(BATCH, store_number=value) for value in (None, 0, -1)]),
    ("of which store", [changed(BATCH, store_created_ns=value) for value in (None, -1)]),
    ("of which store", [changed(BATCH, restored_from=OTHER_STORE), changed(BATCH, restored_after=5),
                        changed(BATCH, restored_from="x", restored_after=5),
                        changed(BATCH, restored_from=OTHER_STORE, restored_after=-2),
                        changed(BATCH, restored_from=OTHER_STORE, restored_after=10**12)]),
    ("of which ticks", [changed(BATCH, after=value) for value in (None, -2, 21)] + [changed(BATCH, up_to=None)]),
    ("of which ticks", [changed(BATCH, after=10**12 - 1, up_to=10**12, ticks=[[10**12, 0, 0, 0, 0, 0, 0]], rows={}, segments=[])]),
    ("hour", [changed(BATCH, hour=value) for value in (None, -1, 10**9)]),
    ("is of no tick", [changed(BATCH, after=20)]),
    ("do not lead", [changed(BATCH, ticks=[]), changed(BATCH, up_to=21), changed(BATCH, up_to=19), changed(BATCH, after=10),
                     changed(BATCH, ticks=BATCH["ticks"][:-1])]),
    ("not behind the one before", [changed(BATCH, ticks=[BATCH["ticks"][1], *BATCH["ticks"][1:]]),
                                   changed(BATCH, ticks=[BATCH["ticks"][2], BATCH["ticks"][1], *BATCH["ticks"][3:]])]),
    ("a tick has numbers", [with_row(BATCH, "ticks", 1, column, value) for column, value in
                            ((3, -1), (4, 2), (4, -1), (5, -1), (5, 1000001), (6, -1))]),
    ("without a number", [with_row(BATCH, "ticks", 1, 1, None), with_row(BATCH, "segments", 1, 4, None)]),
    ("are not rows of 7", [changed(BATCH, ticks=BATCH["ticks"] + [[1]])]),
    ("are not rows of 6", [changed(BATCH, segments=[[1, 1, 10, -1, 400]])]),
    ("a segment has numbers", [with_row(BATCH, "segments", 0, column, value) for column, value in
                               ((0, -1), (0, 10**12), (1, -1), (1, 10**12), (2, 21), (3, 9), (3, -2), (4, -1), (4, 2**40 + 1),
                                (5, 2), (5, -1))]),
    ("segment nothing was recorded", [with_row(NEXT, "segments", 0, 3, 19), with_row(NEXT, "segments", 0, 3, 24),
                                      with_row(NEXT, "segments", 0, 3, -1)]),
    ("comes twice", [changed(BATCH, segments=BATCH["segments"] + BATCH["segments"][:1]), rows(life=[LIFE, LIFE])]),
    ("no lists", [changed(BATCH, rows=value) for value in ([], 5)]),
    ("no rows of", [rows(tick=[]), rows(segment=[[1]]), rows(LIFE=[LIFE])]),
    ("is no list", [rows(life={}), rows(life=None), rows(boot=7)]),
    ("not as it should be", [rows(life=[value]) for value in (None, 5, [], LIFE[:-1], LIFE + [1], [str(LIFE[0])] + LIFE[1:],
                                                              [1.5] + LIFE[1:], [10**19] + LIFE[1:], [10**18 * 90] + LIFE[1:],
                                                              [None] + LIFE[1:], LIFE[:3] + [7] + LIFE[4:],
                                                              LIFE[:8] + [True], LIFE[:8] + [None], [[1]] + LIFE[1:])]),
    ("not as it should be", [rows(gap=[[15, 12, 70, "x" * 101]])]),
    ("a row of life has numbers", [rows(life=[LIFE[:column] + [value] + LIFE[column + 1:]]) for column, value in
                                   ((0, -1), (0, 10**12), (1, -1), (1, 10**12), (2, -1), (2, 65536), (3, VM[:-1]), (3, VM.upper()),
                                    (4, 21), (4, -1), (5, 9), (6, 10), (7, 9), (8, 2), (8, -1))]),
    ("life nothing was recorded", [changed(NEXT, rows={"life": [[5, 1, 3, VM, 10, 11, 12, None, 1]]}, segments=[])]),
    ("not of a tick", [rows(boot=[[1, HOST, 21, 0]]), rows(restart=[[21, "x", 1, 1, 1, 1]]), rows(gap=[[-1, -2, 1, "x"]]),
                       rows(clock_step=[[21, 5]]), rows(hour_cut=[[21, HOUR, 1]])]),
    ("boot has numbers", [rows(boot=[row]) for row in ([-1, HOST, 10, 0], [10**12, HOST, 10, 0], [1, "x", 10, 0],
                                                       [1, HOST, 10, 10**12], [1, HOST, 10, -2**53 - 1])]),
    ("restart has numbers", [rows(restart=[row]) for row in ([10, "x", 0, 1, 1, 1], [10, "x", 1, -1, 1, 1], [10, "x", 1, 1, -1, 1])]),
    ("gap has numbers", [rows(gap=[row]) for row in ([15, 15, 1, "x"], [15, -1, 1, "x"], [15, 12, 0, "x"])]),
    ("clock_step has numbers", [rows(clock_step=[[15, 0]])]),
    ("hour_cut has numbers", [rows(hour_cut=[[10, HOUR, -1]]), rows(hour_cut=[[10, HOUR, 10**12]])]),
    ("goes over an hour cut", [rows(hour_cut=[[11, HOUR, 1]]), rows(hour_cut=[[10, HOUR + 1, 1]])]),
    ("no clock shows", [rows(life=[LIFE]), with_row(BATCH, "restart", 0, 0, 11), with_row(BATCH, "restart", 0, 4, 2**63 - 1), with_row(with_row(BATCH, "restart", 0, 4, 2**63 - 104), "restart", 0, 5, -9),
                        with_row(BATCH, "restart", 0, 5, -2**63), with_row(BATCH, "restart", 0, 5, -1001), with_row(BATCH, "restart", 0, 5, 2**63 - 1), with_row(BATCH, "restart", 0, 2, 2**62),
                        with_row(BATCH, "ticks", 2, 1, 2**63 - 1), with_row(BATCH, "ticks", 2, 2, 2**63 - 1),
                        with_row(BATCH, "ticks", 2, 1, -2**63)]),
    ("not later than the one before", [with_row(BATCH, "ticks", 2, 1, -9), with_row(BATCH, "ticks", 3, 1, -29),
                                       with_more(BATCH, "restart", [12, "0.1.0", 10, 50, 1010, START + 5])]),
    ("not of the hour", [with_row(BATCH, "restart", 0, 5, START - 1001), with_row(BATCH, "ticks", 6, 2, 3600 * 10**9 - 1109),
                         changed(BATCH, hour=HOUR - 1, rows={"restart": RESTART}), with_row(BATCH, "restart", 0, 5, 4 * 10**18)]),
    ("without an hour cut", [rows(boot=BATCH["rows"]["boot"], restart=RESTART)]),
    ("more than 10 years behind", [far(TEN_YEARS + 1)]),
    ("10,000,000 hours", [lives(114), in_parts(1140)]),
    ("hours that are to come", [with_row(with_row(at_hour(BATCH, days_ago(1)), "ticks", 6, 1, 74 * 3600 * 10**9), "ticks", 6, 2, -74 * 3600 * 10**9)]),
    ("where no tick is", [with_row(BATCH, "segments", 2, 2, 13), with_row(BATCH, "segments", 1, 3, 17)]),
    ("more than 1 rows", [rows(hour_cut=[[10, HOUR, 1], [12, HOUR, 1]])]),
]
TAKEN = [  # within the same limits
    at_hour(BATCH, 0, rows={"restart": RESTART}), with_row(BATCH, "ticks", 2, 1, -8), changed(BATCH, after=9), changed(BATCH, after=0), with_row(BATCH, "ticks", 1, 5, 1000000),
    with_row(BATCH, "ticks", 1, 3, 0), with_row(BATCH, "segments", 0, 4, 2**40), with_row(BATCH, "segments", 0, 0, 10**12 - 1),
    with_row(BATCH, "segments", 0, 0, 0), with_row(BATCH, "segments", 0, 1, 10**12 - 1), with_row(BATCH, "segments", 0, 3, 10),
    with_row(BATCH, "segments", 0, 3, 20), with_row(BATCH, "life", 0, 2, 65535), with_row(BATCH, "life", 0, 0, 0),
    with_row(BATCH, "life", 0, 0, 10**12 - 1), with_row(BATCH, "boot", 0, 3, -2**53), with_row(BATCH, "gap", 0, 1, 14),
    with_row(BATCH, "restart", 0, 3, 0), with_row(with_row(BATCH, "restart", 0, 4, 2**63 - 105), "restart", 0, 5, START - 2**63 + 106),
    with_row(at_hour(BATCH, 0), "restart", 0, 5, -1000),
    with_row(BATCH, "gap", 0, 3, "x" * 100), changed(BATCH, up_to=10**12 - 1, ticks=BATCH["ticks"] + [[10**12 - 1, 300 - 10**13, 0, 0, 0, 0, 0]]),
    with_row(BATCH, "restart", 0, 5, START - 1000), with_row(BATCH, "ticks", 6, 2, 3600 * 10**9 - 1110), far(TEN_YEARS), lives(113), in_parts(1138),
]


def check_limits(scene, change=None):
    """From both sides: what is refused leaves nothing behind, and says what to do."""
    name, deliver = prepared(scene, change)
    refused = [(wanted, batch) for wanted, batches_ in REFUSED for batch in batches_]
    said, errors = scene.server.try_all([batches.call(batch) for _, batch in refused], name, "hostile")
    for (wanted, batch), error in zip(refused, said):
        must(wanted in error, f"{batch} should be refused because of '{wanted}', and is: {error or 'taken'}")
    must(errors.count("HINT") == len(refused), "something is refused, and no hint says why")
    for place, batch in enumerate(TAKEN):
        said = deliver(changed(batch, store=f"{place:08x}{STORE[8:]}"))
        must(said[0][1] == 0, f"{batch}: {said}")
    hours = scene.server.ask("SELECT floor(extract(epoch FROM now()) / 3600)", name)
    deliver(at_hour(BATCH, int(hours) + 48, store=STORE, rows={"restart": RESTART}))
    deliver(dict(with_row(with_row(at_hour(BATCH, int(hours)), "ticks", 6, 1, 46 * 3600 * 10**9), "ticks", 6, 2, -46 * 3600 * 10**9),
                 store=STORE[:-1] + "c"))
    try:
        deliver(changed(BATCH, store=STORE, hour=int(hours) + 50, rows={}))
        raise AssertionError("a batch of the day after tomorrow")
    except fleet.Refused as error:
        must("clock of the host" in str(error), str(error))
    half = changed(lives(100), store=STORE[:-1] + "d")
    after = dict(half, after=20, up_to=21, rows={}, ticks=[[21, TEN_YEARS // 2, -TEN_YEARS // 2, 5, 1, 1, 400]], segments=[])
    half["ticks"][6][1:3] = [TEN_YEARS // 4, -TEN_YEARS // 4]
    deliver(half, after)
    after = dict(after, after=21, up_to=22, ticks=[[22, TEN_YEARS * 5 // 4, -TEN_YEARS * 5 // 4, 5, 1, 1, 400]])
    try:
        deliver(after)
        raise AssertionError("more hours of lives, batch by batch")
    except fleet.Refused as error:
        must("10,000,000 hours" in str(error), str(error))
    many = [[tick, 0, 0, 0, 1, 0, 0] for tick in range(1, 20002)]
    must(deliver(changed(BATCH, store=OTHER_STORE, ticks=many[:-1], up_to=20000, segments=[],
                         rows={"restart": [[1, *RESTART[0][1:]]]})) == [(20000, 0)], "20000 ticks")
    for what, values, columns, most in (("ticks", 7 * 20001, 7, 20000), ("segments", 6 * 2000001, 6, 2000000)):
        try:
            scene.server.ask(f"SELECT meter.ship_rows('{what}', array_fill(bigint '1', ARRAY[{values}]), {columns}, {most})", name)
            raise AssertionError(f"one more than {most} {what}")
        except fleet.Refused as error:
            must(f"are more than {most}" in str(error), str(error))
        must(scene.server.ask(f"SELECT meter.ship_rows('{what}', array_fill(bigint '1', ARRAY[{columns * most}]), {columns}, {most})",
                              name) == str(most), f"{most} {what}")
    scene.server.ask(f"INSERT INTO meter.store SELECT i, lpad(to_hex(i), 8, '0') || '{HOST[8:]}', '{OTHER_HOST}', 1, 1"
                     " FROM generate_series(1001, 1999) AS i", name)
    deliver(changed(BATCH, store=OTHER_HOST), role="other_host")
    try:
        deliver(changed(BATCH, store="bbbbbbbb-0000-4000-8000-0000000000b9"), role="other_host")
        raise AssertionError("a host with 1001 stores")
    except fleet.Refused as error:
        must("1000 stores" in str(error), str(error))


def check_question(scene, change=None):
    """A batch of no tick tells what is there, and leaves nothing but the store's number."""
    name, deliver = prepared(scene, change)
    question = changed(BATCH, up_to=-1, hour=None, rows={}, ticks=[], segments=[])
    must(deliver(question) == [(-1, 0)], "of a store that delivered nothing")
    deliver(BATCH)
    must(deliver(question, changed(question, after=500, up_to=500)) == [(20, 0)] * 2, "of one that did")
    for other in (changed(question, store_number=2), changed(question, store_created_ns=8)):
        try:
            deliver(other)
            raise AssertionError("a store that was made otherwise")
        except fleet.Refused as error:
            must("one is a copy" in str(error), str(error))


# ---- for whom ----

def check_other_hosts(scene, change=None):
    """The host is that of the role; a store is one host's for ever."""
    name, deliver = prepared(scene, change)
    deliver(BATCH)
    before = tables(scene, name)
    attempts = [(BATCH, "belongs to another host"), (NEXT, "belongs to another host"),
                (changed(BATCH, up_to=-1, rows={}, ticks=[], segments=[]), "belongs to another host"),
                (changed(BATCH, store=OTHER_STORE, restored_from=STORE, restored_after=5, after=5), "has delivered nothing")]
    for batch, wanted in attempts:
        try:
            deliver(batch, role="other_host")
            raise AssertionError(f"written for another host: {wanted}")
        except fleet.Refused as error:
            must(wanted in str(error), str(error))
    scene.server.ask("DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'no_host') THEN"
                     " CREATE ROLE no_host LOGIN IN ROLE pagemeter_host; END IF; END $$", name)
    for role in ("no_host", "postgres"):
        try:
            deliver(NEXT, role=role)
            raise AssertionError(f"written by {role}")
        except fleet.Refused as error:
            must("delivers for no host" in str(error), str(error))
    must(tables(scene, name) == before, "something was written")
    deliver(changed(BATCH, store=OTHER_STORE), role="other_host")
    must(scene.server.ask("SELECT host FROM meter.store ORDER BY store_no", name) == f"{HOST}\n{OTHER_HOST}", "hosts of stores")
    for role, host in (("hostile", OTHER_HOST), ("anybody", "no id")):
        try:
            scene.server.ask(f"SELECT meter.admit_host('{role}', '{host}')", name)
            raise AssertionError(f"{role} is admitted for {host}")
        except fleet.Refused:
            pass


SCHEMAS = "('meter', 'billing', 'pagemeter')"


def attempts_on(table, column):
    return ([("read", f"SELECT * FROM {table}"), ("read", f"COPY (SELECT * FROM {table}) TO STDOUT")]
            + [("write", text) for text in (f"DELETE FROM {table}", f"INSERT INTO {table} DEFAULT VALUES", f"TRUNCATE {table}",
                                            f"UPDATE {table} SET {column} = {column}", f"DROP TABLE {table}", f"DROP VIEW {table}",
                                            f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", f"ALTER TABLE {table} RENAME TO x")])


OTHER_ATTEMPTS = [
    "CREATE TABLE meter.x (x int)", "CREATE TABLE public.x (x int)", "CREATE TEMP TABLE x (x int)", "CREATE SCHEMA x",
    "SET ROLE pagemeter_keeper", "SET ROLE pagemeter_billing", "SET ROLE pagemeter_reader", "SET ROLE other_host",
    "SET SESSION AUTHORIZATION other_host", "CREATE ROLE x", "ALTER ROLE hostile SUPERUSER",
    "ALTER ROLE hostile CONNECTION LIMIT 1000", "ALTER ROLE other_host SET statement_timeout = 1", "ALTER ROLE ALL SET statement_timeout = 1",
    "ALTER SYSTEM SET work_mem = '1GB'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'", "GRANT pagemeter_reader TO hostile",
    "SET session_replication_role = replica", "COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/x'",
    "SELECT pg_read_file('PG_VERSION')", "SELECT lo_create(0)", "SELECT lo_from_bytea(0, '')", "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_lock_shared(1)", "CREATE EXTENSION pgstattuple",
    "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE PUBLICATION x", "SELECT * FROM pg_authid",
    "ALTER FUNCTION meter.ship_has(int, bigint) COST 2", "CREATE VIEW pg_temp.x AS SELECT 1", "SELECT meter.ship_has(1, 1)",
    "SELECT meter.make_partitions(3)", "SELECT meter.strftime('%Y', 1, 'unixepoch')", "SELECT * FROM meter.ticks_between(1, 1, 1)", "SELECT * FROM meter.store_ends()", "SELECT * FROM meter.lives_of('')",
    "SELECT meter.retire_store(1, 1, 1)", "SELECT meter.admit_host('hostile', 'x')", "SELECT meter.drop_empty_partitions()",
    "SELECT meter.prune_store(1, 1, 1, 1, 1, 1, 1, 1, 1)", "SELECT meter.retire_restored()",
]


def rights_of(scene, name, role):
    """What a role can do: (kind, object), as it is tried, and as the server's catalog has it."""
    tables_ = scene.server.rows("SELECT n.nspname || '.' || c.relname, min(a.attname) FROM pg_class AS c"
                                " JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid"
                                f" AND a.attnum = 1 WHERE n.nspname IN {SCHEMAS} AND c.relkind IN ('r', 'p', 'v')"
                                " AND NOT c.relispartition GROUP BY 1", name)
    attempts = [(kind, table.rpartition(".")[2], text) for table, column in tables_ for kind, text in attempts_on(table, column)]
    attempts += [("other", text, text) for text in OTHER_ATTEMPTS]
    said, _ = scene.server.try_all([text for _, _, text in attempts], name, role)
    can = {(kind, what) for (kind, what, _), error in zip(attempts, said) if not error}
    for right, kind in (("SELECT", "read"), ("INSERT", "write"), ("UPDATE", "write"), ("DELETE", "write"), ("TRUNCATE", "write"),
                        ("REFERENCES", "write"), ("TRIGGER", "write")):
        can |= {(kind, row[0]) for row in scene.server.rows(
            f"SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            f" WHERE n.nspname IN {SCHEMAS} AND c.relkind IN ('r', 'p', 'v')"
            f" AND has_table_privilege('{role}', c.oid, '{right}')", name)}
    can |= {("call", row[0]) for row in scene.server.rows(
        f"SELECT p.proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN {SCHEMAS}"
        f" AND has_function_privilege('{role}', p.oid, 'EXECUTE')", name)}
    return can, {table.rpartition(".")[2] for table, _ in tables_}


def check_rights(scene, change=None):
    """A host's role may call ship() and nothing else; a reader reads; billing and the keeper write what is theirs."""
    name, deliver = prepared(scene, change)
    deliver(BATCH)
    got, tables_ = rights_of(scene, name, "hostile")
    must(got == {("call", "ship")}, f"a host may {sorted(got - {('call', 'ship')})}")
    books = {"account", "adjustment", "change_log", "charged", "export_run", "ledger", "line", "period", "rated", "tariff",
             "vm_name", "vm_owner"}
    kept = {"usage_hour", "usage_day", "derived", "host_role"}
    called = {"ticks_between", "store_ends", "lives_of", "strftime"}
    for group, written, more in (
            ("reader", set(), set()), ("billing", books, set()),
            ("keeper", kept, {"ship", "make_partitions", "drop_empty_partitions", "drop_hours", "admit_host", "retire_store", "retire_restored", "prune_store"})):
        role = f"one_{group}"
        scene.server.ask(f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN"
                         f" CREATE ROLE {role} LOGIN IN ROLE pagemeter_{group}; END IF; END $$", name)
        got, _ = rights_of(scene, name, role)
        of_kind = lambda kind: {what for found, what in got if found == kind}
        must(of_kind("read") >= tables_, f"{group} may not read {tables_ - of_kind('read')}")
        must(of_kind("write") - {"posting"} == written, f"{group} may write, or not: {of_kind('write') ^ written}")
        must(of_kind("call") == called | more, f"{group} may call, or not: {of_kind('call') ^ (called | more)}")
        other = {text for text in of_kind("other")
                 if not any(word in text for word in ("TEMP", "pg_temp", "advisory", "strftime", "ticks_between", "store_ends", "lives_of", f"ROLE pagemeter_{group}"))}
        must(all(any(f".{function}(" in text for function in more) for text in other), f"{group} may {other}")


def check_books(scene, change=None):
    """What is said, posted or sealed stays, and who listens hears of a posting's number, and nothing else."""
    name = scene.database(change)
    ask = lambda text: scene.server.ask("SET search_path = billing;" + text, name)
    ask("INSERT INTO change_log VALUES (1, 1, 'me', 'it'); INSERT INTO account VALUES ('acme', 'Acme', 0, 1);"
        f"INSERT INTO vm_owner VALUES ('{VM}', 0, 1, 'acme'); INSERT INTO vm_name VALUES ('{VM}', 1, 'x');"
        "INSERT INTO tariff VALUES ('acme', 0, 1, 5, 'EUR', 'GiBh');"
        f"INSERT INTO line VALUES (1, 'acme', '{VM}', 'EUR', 'GiBh', 1, 0, 0, 0, 0, 0, 0, 0),"
        f" (2, 'acme', '{VM}', 'EUR', 'GiBh', 2, 0, 0, 0, 0, 0, 0, 0);"
        "INSERT INTO adjustment VALUES (1, 1, 5, 5, 5, 5, 'late', 5); INSERT INTO rated VALUES (1, 5, 5, 5, 5, 5, 5, 5);"
        f"INSERT INTO charged VALUES ('{STORE}', '{HOST}', 5, NULL, 0, 0, 0, 0);"
        "INSERT INTO export_run VALUES (1, 1, 'json', 1, 2, 'x', 0, 'x', 1, 'x')")
    heard = ask(f"LISTEN pagemeter_posting; INSERT INTO ledger VALUES (1, 1, 'posting', 1, 7, 0, 0, 0, '{HOST}', 5, '{'a' * 64}');"
                f"INSERT INTO ledger VALUES (2, 1, 'transfer', 1, 0, 0, 0, 1, '', 5, '{'b' * 64}')")
    must(heard.count("Asynchronous") == 1 and 'payload "{"entry" : 1}"' in heard, f"heard: {heard}")
    ask("INSERT INTO period VALUES (1, 1, 2, 1, '')")
    for text in ["UPDATE change_log SET who = 'you'", "UPDATE account SET name = 'x'", "UPDATE vm_owner SET account = 'acme'",
                 "UPDATE vm_name SET name = 'y'", "UPDATE tariff SET nano_pennies = 6", "UPDATE line SET posted = 1 WHERE line = 1",
                 "UPDATE line SET month = 3 WHERE line = 2", "UPDATE line SET vm = '' WHERE line = 2", "UPDATE adjustment SET kib_s = 6",
                 "UPDATE rated SET kib_s = 6", "UPDATE period SET sealed_ns = 2", "UPDATE ledger SET pennies = 8",
                 "UPDATE export_run SET hash = 'y'", "INSERT INTO adjustment VALUES (2, 1, 5, 5, 5, 5, 'late', 5)",
                 "INSERT INTO rated VALUES (1, 6, 5, 5, 5, 5, 5, 5)", "INSERT INTO line SELECT 3, account, '', currency, unit, 1,"
                 " 0, 0, 0, 0, 0, 0, 0 FROM line WHERE line = 1",
                 f"INSERT INTO ledger VALUES (4, 1, 'posting', 2, 7, 0, 0, 0, '', 5, '{'c' * 64}')",
                 f"INSERT INTO ledger VALUES (3, 1, 'posting', 1, 7, 0, 0, 0, '', 5, '{'c' * 64}')"]:
        must_refuse(ask, text)
    for table in ("change_log", "account", "vm_owner", "vm_name", "tariff", "line", "adjustment", "rated", "period", "ledger",
                  "export_run"):
        must_refuse(ask, f"DELETE FROM {table}")
        must_refuse(ask, f"TRUNCATE {table} CASCADE")
    ask("UPDATE line SET posted = 1, n_low = 5 WHERE line = 2; INSERT INTO rated VALUES (2, 6, 5, 5, 5, 5, 5, 5);"
        "UPDATE rated SET kib_s = 6 WHERE line = 2; INSERT INTO adjustment VALUES (2, 2, 5, 5, 5, 5, 'late', 5);"
        f"INSERT INTO ledger VALUES (3, 1, 'posting', 2, -7, 0, 0, 0, '', 5, '{'c' * 64}')")
    said = ask("SELECT entry, account, vm, month, currency, pennies FROM posting ORDER BY 1")
    must(said == f"1|acme|{VM}|1|EUR|7\n3|acme|{VM}|2|EUR|-7", f"postings: {said}")


def must_refuse(ask, text):
    try:
        ask(text)
    except fleet.Refused as error:
        if "ERROR" in str(error) and "syntax" not in str(error):
            return
    raise AssertionError(f"not refused: {text}")


CHECKS = [check_contradictions, check_contradictions_of_refused, check_most_contradictions, check_believed_in_parts, check_end_first, check_hidden, check_restarts, check_pruned_cut, check_snapshots, check_made_meanwhile, check_patience, check_limits, check_question, check_other_hosts, check_rights, check_books]
