#!/usr/bin/env python3
"""schema/postgres: batches in any order give the same tables, hosts can do nothing else, audits find it.

    schema.py [--only WORD] [--every N] [--times] BINDIR

Stores are made of random traces, and delivered to PostgreSQL by ship(), one to five times each, in any
order, cut anywhere: what is shown must be the local store as of the tick up to which nothing is
missing, row by row. hostile.py has what a host may not do. Then what keeps all this is broken in the
schema, one thing at a time (with --every N, every Nth of them, with 0 none), and the check that is for it must fail.
The last line is "N passed, M failed".
"""

import argparse
import concurrent.futures
import os
import random
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import batches
import central
import hostile
import server as fleet
import spoilt
import stores
from central import SIZE

TRACES, LIVES = 6, 60


class Scene:
    """Stores of several hosts, made once; databases come and go."""

    def __init__(self, server, maker, pick):
        self.server, self.maker, self.pick = server, maker, pick
        self.traces, self.locals = [], []
        while len(self.traces) < TRACES:
            trace = maker.random(f"{pick.random()}", LIVES)
            local = stores.local(maker.replay(trace))
            if len(self.traces) == 2 and not spoilt.is_rich(local):
                continue
            self.traces.append(trace)
            self.locals.append(local)
        self.rich = self.locals[2]
        self.databases = 0
        self.make_restored()

    def make_restored(self):
        """A host whose store was lost, and restored from a backup; the boot went on."""
        trace = self.maker.random("restored", LIVES)
        third = len(trace) // 3
        place = self.maker.replay(trace[:third])
        backup = self.maker.backup(place)
        self.restored = self.maker.restore(self.maker.place(), backup)
        head = [record for record in trace[:third] if record[0] == "P"][-1]
        boot = [boot for _, boot in stores.in_boots(trace[:third])][-1]
        head = head[:4] + [boot] + head[5:]
        self.maker.replay([head] + trace[third:2 * third], place)
        self.lost = stores.local(place)
        self.maker.replay([head] + trace[2 * third:], self.restored)
        self.chain = [stores.local(self.restored, 0), stores.local(self.restored, 1)]

    def database(self, change=None):
        self.databases += 1
        return self.server.database(f"scene_{self.databases}", change)

    def role(self, local):
        return f"host_{local.host[:8]}"

    def admit(self, database, *locals_):
        for local in locals_:
            central.add_host(self.server, database, local.host, self.role(local))

    def calls(self, local, most=None):
        most = most or self.pick.choice([1, 3, 7, 60, 3600])
        return [batches.call(local.batch(a, b)) for a, b in local.cut_into(most, self.pick)]


def must(condition, what):
    if not condition:
        raise AssertionError(what)


def no_conflict(scene, name):
    found = scene.server.ask("SELECT * FROM meter.ship_conflict LIMIT 3", name)
    must(not found, f"a conflict: {found}")
    found = scene.server.ask("SELECT * FROM meter.segment_ahead LIMIT 3", name)
    must(not found, f"an end without a beginning: {found}")


# ---- batches ----

def check_any_order(scene, change=None):
    """Twice with other cuts, so that batches overlap; all of them one to five times, in any order."""
    name = scene.database(change)
    scene.admit(name, *scene.locals)
    for local in scene.locals:
        calls = central.shuffled(scene.calls(local) + scene.calls(local), scene.pick)
        said = central.deliver(scene.server, name, scene.role(local), calls)
        must(not any(conflicts for _, conflicts in said), "ship() says that a batch contradicts another")
        must(max(delivered for delivered, _ in said) == local.end, "ship() does not say that all is delivered")
    no_conflict(scene, name)
    for local in scene.locals:
        stores.must_be_same(scene.server, name, local, central.number_of(scene.server, name, local.store))
    must(scene.server.ask("SELECT count(*) FROM meter.delivered", name) == str(len(scene.locals)), "ranges are not one")


def check_in_part(scene, change=None):
    """With batches missing, what is shown is the store as of the last tick without a hole before it."""
    name = scene.database(change)
    scene.admit(name, *scene.locals)
    for trace, local in zip(scene.traces, scene.locals):
        cuts = list(local.cut_into(scene.pick.choice([1, 5, 60]), scene.pick))
        gone = scene.pick.randrange(1, len(cuts)) if len(cuts) > 1 else 1
        sent = [cut for place, cut in enumerate(cuts) if place != gone and scene.pick.random() < (1 if place < gone else 0.7)]
        scene.pick.shuffle(sent)
        central.deliver(scene.server, name, scene.role(local), [batches.call(local.batch(a, b)) for a, b in sent])
        whole_to = cuts[gone - 1][1]
        number = central.number_of(scene.server, name, local.store)
        shown = scene.server.ask(f"SELECT whole_to % {SIZE} FROM meter.store_mark WHERE store_no = {number}", name)
        must(shown == str(whole_to), f"whole to {shown}, and not to {whole_to}")
        before = stores.local(scene.maker.replay(stores.until(trace, local, whole_to)))
        stores.must_be_same(scene.server, name, before, number)
        central.deliver(scene.server, name, scene.role(local), [batches.call(local.batch(*cut)) for cut in cuts])
        stores.must_be_same(scene.server, name, local, number)
    no_conflict(scene, name)


def check_restored(scene, change=None):
    """The store before, as far as it was delivered, and the restored one, each for itself."""
    name = scene.database(change)
    old, new = scene.chain
    scene.admit(name, old)
    role = scene.role(old)
    lost = scene.calls(scene.lost)
    try:
        central.deliver(scene.server, name, role, scene.calls(new)[:1])
        raise AssertionError("a restored store came before the one that it was restored from")
    except fleet.Refused as error:
        must("of which this host has delivered nothing" in str(error), str(error))
    central.deliver(scene.server, name, role, central.shuffled(lost[:-1] + scene.calls(old), scene.pick))
    central.deliver(scene.server, name, role, central.shuffled(scene.calls(new) + scene.calls(new), scene.pick))
    no_conflict(scene, name)
    stores.must_be_same(scene.server, name, new, 2, but={"hour_cut", "boot"})
    boots = stores.central_rows(scene.server, name, "boot", 2)
    must(set(boots) <= set(stores.rows_of(new, "boot", 2)) and boots, "boots of the restored store")
    cuts, own = stores.central_rows(scene.server, name, "hour_cut", 2), stores.rows_of(new, "hour_cut", 2)
    must(cuts in (own, cuts[:1] + own) and int(cuts[0].split("|")[0]) == 2 * SIZE + new.ticks[0], "cuts of the restored store")


def check_retired(scene, change=None):
    """What is retired takes nothing more, and what was delivered behind its end is never shown."""
    name = scene.database(change)
    local = max(scene.locals, key=lambda one: len(one.ticks))
    scene.admit(name, local)
    last = local.one("SELECT min(last_tick) FROM segment WHERE last_tick >= ?", local.ticks[len(local.ticks) // 3])
    cuts = list(local.cut_into(1))
    end = [up_to for _, up_to in cuts].index(last)
    ship = lambda *some: central.deliver(scene.server, name, scene.role(local), [batches.call(local.batch(*cut)) for cut in some])
    ship(*cuts[:end + 1], cuts[end + 2])
    before = [stores.central_rows(scene.server, name, table, 1) for table in stores.TABLES]
    scene.server.ask("SELECT meter.retire_store(1, 5, 6); SELECT meter.retire_store(1, 7, 8)", name)
    must(scene.server.ask("SELECT at_ns, tick, said_ns FROM meter.retired", name) == f"5|{SIZE + last}|6", "retired otherwise")
    try:
        ship(cuts[end + 1])
        raise AssertionError("a retired store took a batch")
    except fleet.Refused as error:
        must("is retired" in str(error), str(error))
    question = dict(local.batch(*cuts[0]), after=5, up_to=5, rows={}, ticks=[], segments=[])
    said = central.deliver(scene.server, name, scene.role(local), [batches.call(question)])
    must(said == [(last, 0)], f"a question is answered with {said}")
    # a batch that was under way when it was retired
    scene.server.ask("CREATE TABLE public.kept AS SELECT * FROM meter.retired; DELETE FROM meter.retired", name)
    ship(cuts[end + 1])
    scene.server.ask("INSERT INTO meter.retired SELECT * FROM public.kept", name)
    after = [stores.central_rows(scene.server, name, table, 1) for table in stores.TABLES]
    must(before == after, "more is shown of a store than there was when it was retired")


def check_wide(scene, change=None):
    """Values of any size, in one batch: packs part where the numbers do not fit."""
    name = scene.database(change)
    local = scene.locals[0]
    scene.admit(name, local)
    ends = [0, 1, -1, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**40, 2**62, -2**62, 2**63 - 1, -2**63]
    ticks, tick = [], 0
    for _ in range(400):
        tick += scene.pick.choice([1, 1, 1, 2, 1000, 2**31, 2**31 - 1])
        ticks.append([tick, scene.pick.choice(ends), scene.pick.choice(ends), abs(scene.pick.choice(ends[:-1])),
                      scene.pick.randint(0, 1), scene.pick.choice([0, 1, 1, 1, 1000000]), abs(scene.pick.choice(ends[:-1]))])
    batch = dict(local.batch(*next(local.cut_into(1))), after=0, up_to=tick, hour=5, rows={}, segments=[], ticks=ticks)
    for _ in range(2):
        said = central.deliver(scene.server, name, scene.role(local), [batches.call(batch)])
        must(said == [(-1, 0)], f"delivered and conflicts: {said}")  # no clock shows such times: it never becomes whole
    for column in (1, 2, 3, 6):  # one alone, and with nothing else that parts them
        tick += 1
        more = [[tick + n, 0, 0, 0, 1, 1, 0] for n in range(5)]
        more[2][column] = 2**31
        more[3][column] = 2**31 - 1
        batch = dict(batch, after=tick - 1, up_to=tick + 4, ticks=more)
        must(central.deliver(scene.server, name, scene.role(local), [batches.call(batch)]) == [(-1, 0)], "one wide column")
        ticks, tick = ticks + more, tick + 4
    scene.server.ask("UPDATE meter.delivered SET is_whole = true", name)
    got = stores.central_rows(scene.server, name, "tick", 1)
    must(got == ["|".join(map(str, [row[0] + SIZE] + row[1:])) for row in ticks], "a value changed on its way")


def check_ticks_between(scene, change=None):
    """The range that an index finds is that of the view, for any two ticks."""
    name = scene.database(change)
    scene.admit(name, *scene.locals)
    for local in scene.locals[:3]:
        central.ship_all(scene.server, name, scene.role(local), local, 7)
        number = central.number_of(scene.server, name, local.store)
        for _ in range(4):
            a, b = sorted(number * SIZE + scene.pick.choice(local.ticks) for _ in range(2))
            columns = "tick, mono_ns, utc_ns, max_gap_ns, synchronised"
            got = scene.server.ask(f"SELECT {columns} FROM meter.ticks_between({number}, {a}, {b}) ORDER BY 1", name)
            wanted = scene.server.ask(f"SELECT {columns} FROM meter.tick_time WHERE tick BETWEEN {a} AND {b} ORDER BY 1", name)
            must(got == wanted and wanted, f"ticks {a} to {b}")


# ---- months ----

def check_partitions(scene, change=None):
    name = scene.database(change)
    ask = lambda text: scene.server.ask(text, name)
    must(ask("SELECT meter.make_partitions(2); SELECT meter.make_partitions(2)") == "9\n0", "partitions are made once")
    must(ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'meter.segment_row'::regclass") == "3", "three months")
    hour = int(ask("SELECT floor(extract(epoch FROM now() + interval '9 months') / 3600)::bigint"))
    ask(f"INSERT INTO meter.usage_hour VALUES (5, {hour}, 1, 2, 3, 4, 5, 1)")
    must(ask("SELECT count(*) FROM meter.usage_hour_other") == "1", "a month of which no tick was delivered")
    must(ask(f"SELECT meter.make_month({hour})") == "3", "that month")
    must(ask("SELECT (SELECT count(*) FROM meter.usage_hour_other), (SELECT count(*) FROM meter.usage_hour)") == "0|1", "moved")
    for months in ("-1", "121", "NULL"):
        try:
            ask(f"SELECT meter.make_partitions({months})")
            raise AssertionError(f"partitions for {months} months")
        except fleet.Refused:
            pass
    ask("SELECT meter.make_month(482136); SELECT meter.make_month(482880);"  # 2025-01, 2025-02
        "INSERT INTO meter.segment_row VALUES (1, 1, 1, 1, 1, 1, 482136, true)")
    must(ask("SELECT meter.drop_empty_partitions()") == "3", "of two months all is empty but one table")
    must(ask("SELECT count(*) FROM meter.segment_row") == "1", "what is not empty stays")
    ask("SELECT meter.make_month(482136); DROP TABLE meter.usage_hour_2025_01;"
        "INSERT INTO meter.tick_pack VALUES (1, 1, 0, 0, 0, 0, 1, 482136, 1, 0, true)")
    must(ask("SELECT meter.make_partitions(2)") == "1", "the hours of a month that was delivered of")


def check_readers(scene, change=None):
    """Who reads, or delivers, and does not end is waited for by nobody for long; what is in the way is made later."""
    name = scene.database(change)
    central.add_host(scene.server, name, hostile.HOST, "hostile")
    ask = lambda text: scene.server.ask(f"SET statement_timeout = '8s'; {text}", name)
    with hostile.held(scene, name, batches.call(hostile.BATCH)):
        must(scene.server.ask("SET lock_timeout = '1s'; SELECT count(*) FROM meter.usage_hour", name) == "0", "a host's batch")
    central.deliver(scene.server, name, "hostile", [batches.call(hostile.BATCH)])
    ask("SELECT meter.make_month(482880); SELECT meter.make_month(482136, '{usage_hour}')")
    of_all = ", ".join(f"(SELECT count(*) FROM meter.{of})" for of in ("usage_hour", "segment_row", "tick_pack"))
    with hostile.held(scene, name, f"SELECT {of_all};", "postgres"):
        must(ask("SELECT meter.make_partitions(0)") == "2", "what no reader is in the way of is made")
        must(ask("SELECT meter.drop_empty_partitions()") == "0", "what is read is dropped")
        hours = "SELECT * FROM meter.drop_hours(483552, 1800000000000000000)"  # those before 2025-03
        must(ask(hours) == "0|2025-01|somebody reads it", "hours that are read go")
    with hostile.held(scene, name, "INSERT INTO meter.usage_hour VALUES (1, 482136, 1, 2, 3, 4, 5, 1);", "postgres"):
        must(ask(hours) == "0|2025-01|somebody writes it, or the books", "hours that are written go")
    with hostile.held(scene, name, "SELECT pg_advisory_xact_lock(1347898740, hashtext('billing'));", "postgres"):
        must(ask(hours) == "0|2025-01|somebody writes it, or the books", "hours go while books are written")
    must(ask(hours) == "2||", "hours that nobody reads")
    must(ask("SELECT meter.make_partitions(0)") == "2", "the hours of this month and of that of the host")
    must(ask("SELECT meter.drop_empty_partitions()") == "2", "what is empty")


def check_gap_waits(scene, change=None):
    """A host's long gap is derived behind all that others have measured, even while it can't be."""
    name = scene.database(change)
    central.add_host(scene.server, name, hostile.HOST, "hostile")
    gap = hostile.far(60 * 24 * 3600 * 10**9)
    after = hostile.at_hour(dict(gap, after=20, up_to=21, segments=[[1, 1, 10, 20, 400, 1], [3, 3, 12, 20, 8, 0]]), gap["hour"] + 60 * 24)
    after.update(rows={"hour_cut": [[21, after["hour"], 4]]}, ticks=[[21, 60 * 24 * 3600 * 10**9, 0, 5, 1, 1, 400]])
    central.deliver(scene.server, name, "hostile", [batches.call(gap), batches.call(after)])
    scene.admit(name, scene.rich)
    central.ship_all(scene.server, name, scene.role(scene.rich), scene.rich)
    derived = lambda: scene.server.ask("SELECT array_agg(store_no ORDER BY store_no) FROM meter.derived", name)
    in_the_way = f"INSERT INTO meter.usage_hour VALUES ({SIZE + 1}, {gap['hour'] + 700}, 0, 0, 0, 0, 0, 1);"
    keep = lambda: scene.maker.run("db", "keep", "--db", scene.server.uri(name))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with hostile.held(scene, name, in_the_way, "postgres"):
            keeping = pool.submit(keep)
            hostile.until(lambda: derived() == "{2}")
            must(not keeping.done(), "a gap is derived by who can't")
        keeping.result()
    must(derived() == "{1,2}", f"derived afterwards: {derived()}")
    hours = scene.server.ask("SELECT count(*) FROM meter.usage_hour WHERE store_no = 1 AND life % 10 = 1", name)
    must(hours == str(60 * 24 + 1), f"a gap of 60 days has {hours} hours")


def check_months(scene, change=None):
    """A partition has a UTC month; what is older than 2015 is in one."""
    name = scene.database(change)
    for year, month in [(2015, 1), (2023, 12), (2024, 2), (2100, 2)]:
        first = f"extract(epoch FROM timestamp '{year}-{month:02}-01')::bigint / 3600"
        end = f"extract(epoch FROM timestamp '{year}-{month:02}-01' + interval '1 month')::bigint / 3600"
        said = scene.server.ask(f"SELECT meter.month_begin({first}) = {first}, meter.month_begin({end} - 1) = {first},"
                                f" meter.month_end({first}) = {end}, meter.month_end({end} - 1) = {end}", name)
        must(said == "t|t|t|t", f"{year}-{month}: {said}")
    must(scene.server.ask("SELECT meter.month_begin(0), meter.month_begin(394463), meter.month_end(394463), meter.month_end(5)",
                          name) == "0|0|394464|394464", "before 2015")
    wanted = "2024-02-29T23:59:58Z, %d"
    said = scene.server.ask("SELECT meter.strftime('%Y-%m-%dT%H:%M:%SZ, %', 1709251198, 'unixepoch') || 'd'", name)
    must(said == wanted, f"strftime says {said}")


CHECKS = [check_any_order, check_in_part, check_restored, check_retired, check_wide, check_ticks_between, check_partitions,
          check_readers, check_gap_waits, check_months] + hostile.CHECKS + spoilt.CHECKS

# What is broken: a text of the schema, another in its place, and the check that must fail.
MUTANTS = [
    ("an end beyond whole_to is shown", "CASE WHEN r.last_tick < m.whole_to THEN r.last_tick END AS last_tick,\n       r.kib",
     "r.last_tick AS last_tick,\n       r.kib", hostile.check_hidden),
    ("an end at whole_to is shown", "CASE WHEN r.last_tick < m.whole_to THEN r.last_tick END AS last_tick,\n       r.kib",
     "CASE WHEN r.last_tick <= m.whole_to THEN r.last_tick END AS last_tick,\n       r.kib", check_retired),
    ("a segment beyond whole_to is shown", "JOIN store_mark AS m ON m.store_no = r.store_no AND r.first_tick <= m.whole_to;\n\n-- a pack",
     "JOIN store_mark AS m ON m.store_no = r.store_no;\n\n-- a pack", hostile.check_hidden),
    ("ticks beyond whole_to are shown", "  FROM tick_pack AS p\n  JOIN store_mark AS m ON m.store_no = p.store_no AND p.last_tick <= m.whole_to\n  CROSS",
     "  FROM tick_pack AS p\n  JOIN store_mark AS m ON m.store_no = p.store_no\n  CROSS", hostile.check_hidden),
    ("whole_to is the end of any delivery", " WHERE d.is_whole;\n",
     " WHERE d.up_to_tick = (SELECT max(o.up_to_tick) FROM delivered AS o WHERE o.store_no = d.store_no);\n", hostile.check_hidden),
    ("a retired store shows what came later", "least(d.up_to_tick, r.tick) AS whole_to", "d.up_to_tick AS whole_to", check_retired),
    ("a retired store takes a batch", "IF EXISTS (SELECT 1 FROM retired AS r WHERE r.store_no = v_no) THEN", "IF false THEN", check_retired),
    ("ranges that touch stay two", "WHERE d.store_no = p_no AND d.after_tick <= p_up_to AND d.up_to_tick >= p_after;\n    IF",
     "WHERE d.store_no = p_no AND d.after_tick < p_up_to AND d.up_to_tick > p_after;\n    IF", check_any_order),
    ("ends that came first are left alone", "    v_conflicts := v_conflicts + ship_segments_behind(p_no);\n", "", hostile.check_end_first),
    ("ends are not set", "SET last_tick = v_base + p_said[i + 4]\n      FROM unnest(v_left) AS i",
     "SET last_tick = r.last_tick\n      FROM unnest(v_left) AS i", check_any_order),
    ("packs go over restarts", "p_rows ? 'restart' OR", "", hostile.check_restarts),
    ("packs go over restarts when parted", "SELECT v_base + (r ->> 0)::bigint FROM jsonb_array_elements(coalesce(p_rows -> 'restart', '[]')) AS r\n                      UNION\n",
     "", hostile.check_restarts),
    ("what does not fit 31 bits is packed", "ship_far(v.late_most, v.late) + ", "", check_wide),
    ("differences go over 63 bits", "CASE WHEN p_value < 4611686018427387904 AND p_least > -4611686018427387904 THEN (p_value - p_least) >> 31\n            ELSE div(p_value::numeric - p_least, 2147483648)::bigint END",
     "(p_value - p_least) >> 31", check_wide),
    ("a row may come where all are there", "SELECT coalesce(p_to[width_bucket(p_tick - 1, p_from)] >= p_tick, false)",
     "SELECT false", hostile.check_contradictions),
    ("an end may come where all are there", "SELECT coalesce(p_to[width_bucket(p_tick, p_from)] > p_tick, false)",
     "SELECT false", hostile.check_contradictions),
    ("a range ends a tick later", "SELECT coalesce(p_to[width_bucket(p_tick - 1, p_from)] >= p_tick, false)",
     "SELECT coalesce(p_to[width_bucket(p_tick - 1, p_from)] + 1 >= p_tick, false)", hostile.check_contradictions),
    ("a range begins a tick earlier", "SELECT coalesce(p_to[width_bucket(p_tick - 1, p_from)] >= p_tick, false)",
     "SELECT coalesce(p_to[width_bucket(p_tick, p_from)] >= p_tick, false)", hostile.check_end_first),
    ("an end is recorded a tick earlier", "SELECT coalesce(p_to[width_bucket(p_tick, p_from)] > p_tick, false)",
     "SELECT coalesce(p_to[width_bucket(p_tick, p_from)] >= p_tick, false)", hostile.check_contradictions),
    ("a life is believed twice", "       AND (r.boot, r.domid, r.vm, r.first_tick, r.billed) = (s.boot, s.domid, s.vm, s.first_tick, s.billed)\n       AND ((r.ran",
     "       AND ((r.ran", hostile.check_believed_in_parts),
    ("a contradiction is kept each time", "md5(f.said::text), v_role", "md5(f.said::text || random()), v_role",
     hostile.check_contradictions),
    ("what contradicts is refused with the rest", "IF v_conflicts = 0 THEN\n                RAISE;", "IF true THEN\n                RAISE;",
     hostile.check_contradictions_of_refused),
    ("what contradicts goes with the rest", "FROM jsonb_to_recordset(v_kept) AS c", "FROM jsonb_to_recordset('[]') AS c",
     hostile.check_contradictions_of_refused),
    ("any number of contradictions is kept", "greatest(0, 10000 - count(*))", "10000", hostile.check_most_contradictions),
    ("the store says whose it is", "IF v_store.host <> p_host THEN", "IF false THEN", hostile.check_other_hosts),
    ("any role is a host's", "WHERE r.role = v_role;\n    IF NOT FOUND", "LIMIT 1;\n    IF NOT FOUND", hostile.check_other_hosts),
    ("another host's store may be restored from", "WHERE s.store = p_restored_from AND s.host = p_host;", "WHERE s.store = p_restored_from;",
     hostile.check_other_hosts),
    ("functions are everybody's", "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA meter, billing FROM PUBLIC;\n", "", hostile.check_rights),
    ("the database is everybody's", "EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());", "", hostile.check_rights),
    ("large objects are everybody's", "EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', v_function);", "", hostile.check_rights),
    ("a keeper writes measurements", "GRANT DELETE ON meter.host_role TO pagemeter_keeper;", "GRANT DELETE ON meter.host_role, meter.life_row TO pagemeter_keeper;",
     hostile.check_rights),
    ("a batch of any hour is taken", "p_hour > extract(epoch FROM now()) / 3600 + 48", "false", hostile.check_limits),
    ("numbers of any size are taken", "p_said[i + 1] NOT BETWEEN 0 AND 999999999999 OR p_said[i + 2]", "p_said[i + 2]", hostile.check_limits),
    ("a batch goes over a cut", "(r ->> 0)::bigint <> p_first OR (r ->> 1)::bigint <> p_hour", "false", hostile.check_limits),
    ("a batch may be of an old snapshot", "IF current_setting('transaction_isolation') <> 'read committed' THEN", "IF false THEN",
     hostile.check_snapshots),
    ("two sessions have one store", "PERFORM pg_advisory_xact_lock(1347898741, v_store.store_no);", "",
     hostile.check_made_meanwhile),
    ("who is retired is waited for", "SET search_path = meter, pg_temp SET lock_timeout = '2s' AS $$\nDECLARE\n    v_tick",
     "SET search_path = meter, pg_temp AS $$\nDECLARE\n    v_tick", hostile.check_patience),
    ("a store that is restored is waited for", "CONTINUE WHEN NOT pg_try_advisory_xact_lock(1347898741, v.store_no);", "", hostile.check_patience),
    ("a batch is under way while it is pruned", "IF NOT pg_try_advisory_xact_lock(1347898741, p_store_no::int) THEN", "IF false THEN",
     hostile.check_patience),
    ("a number is another store's as well", "CONTINUE WHEN NOT pg_try_advisory_xact_lock(1347898741, v_no);", "", hostile.check_patience),
    ("what can't be read becomes whole", "IF v_is > v_was THEN", "IF false THEN", hostile.check_limits),
    ("a time may be beyond 63 bits", "m.last_ns + p.late_base + r.utc_offset_ns + p.utc_diff_base) > 9223372032559808511", "0) > 9223372032559808511",
     hostile.check_limits),
    ("a clock may go back", "n.mono_ns <= n.before_ns", "n.mono_ns < n.before_ns", hostile.check_limits),
    ("a tick may be of any hour", "bool_or(n.utc_ns / 3600000000000 <> n.hour)", "false", hostile.check_limits),
    ("a boot needs no cut", "bool_or(n.is_boot AND NOT n.is_cut)", "false", hostile.check_limits),
    ("an interval may be of any length", "n.before_at_ns > 316224000000000000 AND", "n.before_at_ns > 9016224000000000000 AND", hostile.check_limits),
    ("usage may lie ahead", "n.before_at_ns > v_latest_ns - n.before_utc_ns AND", "n.before_at_ns > 9016224000000000000 AND", hostile.check_limits),
    ("a gap may be of any number of lives", "AND r.first_tick < v.tick) > 10000000 THEN", "AND r.first_tick < v.tick) > 1000000000000 THEN", hostile.check_limits),
    ("a gap counts for itself", "max(b.at_ns) FILTER (WHERE b.is_cut) OVER w", "max(b.at_ns) OVER w", hostile.check_limits),
    ("a gap counts within its batch", "CASE WHEN b.boots = 0 THEN v_cut_ns END", "NULL", hostile.check_limits),
    ("a host makes any number of stores", ">= 1000 THEN", ">= 100000 THEN", hostile.check_limits),
    ("an entry is told of with its money", "json_build_object('entry', NEW.entry)", "json_build_object('entry', NEW.entry, 'pennies', NEW.pennies)",
     hostile.check_books),
    ("the ledger may be emptied", "BEFORE TRUNCATE ON %I FOR EACH STATEMENT", "AFTER DELETE ON %I FOR EACH STATEMENT", hostile.check_books),
    ("steps go from one store to the next", "  FROM tick_time\nWINDOW w AS (PARTITION BY store_no ORDER BY tick);", "  FROM tick_time\nWINDOW w AS (ORDER BY tick);",
     spoilt.check_sound),
    ("raw rows of another hour go", "AND s.hour = ANY (v_hours) AND s.segment < v_first_segment", "AND s.hour = ANY (v_hours)", hostile.check_pruned_cut),
    ("a host makes all partitions", "PERFORM make_month(p_hour, '{segment_row,tick_pack}');", "PERFORM make_month(p_hour);", check_readers),
    ("readers are waited for", "SET search_path = meter, pg_temp SET lock_timeout = '2s' AS $$\nDECLARE\n    v_month",
     "SET search_path = meter, pg_temp AS $$\nDECLARE\n    v_month", check_readers),
    ("hours that are read are waited for", "SET search_path = meter, billing, pg_temp SET lock_timeout = '2s' AS $$",
     "SET search_path = meter, billing, pg_temp AS $$", check_readers),
    ("a month that is not there stays without", "WITH moved AS (DELETE FROM usage_hour_other WHERE hour >= %s AND hour < %s RETURNING *)",
     "WITH moved AS (SELECT * FROM usage_hour_other WHERE hour >= %s AND hour < %s)", check_partitions),
]


def check_mutant(scene, text, other, check):
    try:
        check(scene, (text, other))
    except AssertionError:
        return
    raise AssertionError(f"{check.__name__} does not see it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("bindir")
    options = parser.parse_args()
    pick = central.seed()
    passed = failed = 0

    def attempt(what, check):
        nonlocal passed, failed
        if options.only not in what:
            return
        begun = time.monotonic()
        try:
            check()
            passed += 1
        except AssertionError as error:
            failed += 1
            print(f"FAIL {what}: {error}")
        if options.times:
            print(f"{time.monotonic() - begun:6.1f} s  {what}")

    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-fleet.", dir=place) as scratch, fleet.any_server() as server:
        scene = Scene(server, stores.Maker(options.bindir, scratch), pick)
        for check in CHECKS:
            attempt(check.__name__.replace("check_", ""), lambda check=check: check(scene))
        mutants = MUTANTS[pick.randrange(options.every)::options.every] if options.every else []
        for what, text, other, check in mutants:
            attempt(f"mutant: {what}", lambda text=text, other=other, check=check: check_mutant(scene, text, other, check))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
