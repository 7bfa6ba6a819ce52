"""The audits of sql/audit over the stores of many hosts find what they find in the host's own file.

Checks for schema.py. Usage is derived by `pagemeter db keep`; what is sound must stay so with a restored
store and a retired one among the others. Then one thing at a time is spoilt in a store in the middle,
in PostgreSQL and in the host's file: the same must be found in both, and nothing of its neighbours.
"""

import glob
import os
import re
import shutil
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import batches
import central
import hostile
import stores
from central import SIZE

SQL = os.path.join(HERE, "..", "..", "sql", "audit")
USAGE = "life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns"


def must(condition, what):
    if not condition:
        raise AssertionError(what)


def audits(folders=("",)):
    """name -> file, as PostgreSQL is given it."""
    found = {}
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(SQL, folder, "*.sql"))):
            other = os.path.join(os.path.dirname(path), "postgres", os.path.basename(path))
            found[os.path.basename(path)[:-4]] = other if os.path.exists(other) else path
    return found


def sections(text, number):
    """name -> what was printed behind it, where that is something; numbers of the store as its host has them."""
    text = re.sub(rf"\b{number}(\d{{12}})\b", lambda match: str(int(match.group(1))), text)
    parts = (part.partition("\n") for part in text.split("@")[1:])
    return {name.strip(): rows.strip() for name, _, rows in parts if rows.strip()}


def findings(scene, name, spoil="", number=1, folders=("",)):
    """What each finds when this was done before, which is undone."""
    text = ["BEGIN; SET LOCAL session_replication_role = replica;", spoil,
            "SET LOCAL search_path = gathered, meter, billing;"]  # as the program asks them
    for audit, path in audits(folders).items():
        with open(path, encoding="utf-8") as file:
            text.append(f"\\echo @{audit}\n{file.read()}")
    return sections(scene.server.ask("\n".join(text) + "\nROLLBACK;", name), number)


def findings_in_file(path, number=1):
    """The same of the host's file; what happens to look like a number of the store is changed alike."""
    words = [word for audit, file in audits().items() if audit != "database_whole" for word in (f".print @{audit}", f".read {file}")]
    done = subprocess.run(["sqlite3", path, *words], capture_output=True, text=True, timeout=60)
    must(not done.stderr, done.stderr)
    return sections(done.stdout, number)


def whole_fleet(scene, change=None):
    """All stores, a tick a batch so that each can be spoilt, with usage derived: (database, number of the middle one)."""
    name = scene.database(change)
    scene.admit(name, *scene.locals, scene.lost)
    middle = scene.rich
    order = [one for one in scene.locals if one is not middle]
    for local in order[:2] + [middle] + order[2:]:
        central.ship_all(scene.server, name, scene.role(local), local, 1 if local is middle else 60)
    for local in (scene.lost, *scene.chain):
        central.ship_all(scene.server, name, scene.role(local), local)
    scene.maker.run("db", "keep", "--db", scene.server.uri(name))
    return name, middle, central.number_of(scene.server, name, middle.store)


def must_be_sound(scene, name, what):
    found = findings(scene, name, folders=("", "billing"))
    must(not found, f"{what}: {dict((audit, text[:200]) for audit, text in found.items())}")


def check_sound(scene, change=None):
    """Usage by the hour is what each host has of itself, and no audit finds anything."""
    name, _, _ = whole_fleet(scene, change)
    must_be_sound(scene, name, "sound stores")
    for local in scene.locals:
        number = central.number_of(scene.server, name, local.store)
        for table, columns in (("usage_hour", USAGE), ("usage_day", USAGE.replace("hour", "day"))):
            got = scene.server.ask(f"SELECT {columns} FROM meter.{table} WHERE store_no = {number} ORDER BY 1, 2", name)
            wanted = "\n".join("|".join(map(str, (row[0] + number * SIZE, *row[1:])))
                               for row in local.ask(f"SELECT {columns} FROM {table} ORDER BY 1, 2"))
            must(got == wanted, f"{table} of store {number}")
    # where nothing is lost in between, the usage of both stores of a chain is that of the file
    lives = scene.chain[1].ask("SELECT life FROM life WHERE first_tick > ?", scene.chain[1].begin)
    number = central.number_of(scene.server, name, scene.chain[1].store)
    got = {int(row[0]) % SIZE for row in scene.server.rows(f"SELECT life FROM meter.life WHERE store_no = {number}", name)}
    must(got == {life for (life,) in lives}, "lives of the restored store")
    ended = scene.server.ask(f"SELECT count(*) FROM meter.retired WHERE store_no = {number - 1}", name)
    must(ended == "1", "the store in whose place another was restored has not ended")


def check_one_for_all(scene, change=None):
    """A store of which usage by the hour can't be made is named, and all the others get theirs."""
    name = scene.database(change)
    central.add_host(scene.server, name, hostile.HOST, "hostile")
    start, hour = hostile.HOUR * 3600 * 10**9, hostile.HOUR
    batch = hostile.changed(hostile.BATCH, up_to=12, segments=[[i, 1, 11, -1, 2**40, 1] for i in range(1, 4001)],
                            rows={"restart": [[10, "0.1.0", 10**9, 10**13, 10**9, start - 10**9]], "hour_cut": [[10, hour, 1]],
                                  "boot": hostile.BATCH["rows"]["boot"], "life": [[1, 1, 3, hostile.VM, 10, 10, 10, None, 1]]},
                            ticks=[[10, 0, 0, 5, 1, 1, 400], [11, 0, 0, 5, 1, 1, 400], [12, 3000 * 10**9, 0, 5, 1, 1, 400]])
    more = hostile.changed(batch, after=12, up_to=13, hour=hour + 1, rows={"hour_cut": [[13, hour + 1, 4001]]},
                           ticks=[[13, 3700 * 10**9, 0, 5, 1, 1, 400]], segments=[[i, 1, 11, 12, 2**40, 1] for i in range(1, 4001)])
    central.deliver(scene.server, name, "hostile", map(batches.call, (batch, more)))
    scene.admit(name, scene.rich)
    central.ship_all(scene.server, name, scene.role(scene.rich), scene.rich)
    done = subprocess.run([scene.maker.program, "db", "keep", "--db", scene.server.uri(name)],
                          capture_output=True, text=True)
    must(done.returncode == 3 and hostile.STORE in done.stderr, f"keep: {done.returncode} {done.stderr}")
    got = scene.server.ask("SELECT count(*) FROM meter.usage_hour WHERE store_no = 2", name)
    must(got == str(scene.rich.one("SELECT count(*) FROM usage_hour")), f"{got} hours of the other store")


def check_retired_usage(scene, change=None):
    """The last hour of a host that is gone is derived, there and here, and is the same."""
    name = scene.database(change)
    for trace in scene.traces[:3]:
        place = scene.maker.replay(trace)
        local = stores.local(place)
        central.add_host(scene.server, name, local.host, scene.role(local))
        central.ship_all(scene.server, name, scene.role(local), local)
        for where in (place, scene.server.uri(name)):
            scene.maker.run("db", "host", "retire", local.host, "--at", "2023-12-01", "--db", where)
        number = central.number_of(scene.server, name, local.store)
        got = scene.server.ask(f"SELECT {USAGE} FROM meter.usage_hour WHERE store_no = {number} ORDER BY 1, 2", name)
        wanted = "\n".join("|".join(map(str, (row[0] + number * SIZE, *row[1:])))
                           for row in local.ask(f"SELECT {USAGE} FROM usage_hour ORDER BY 1, 2"))
        must(got == wanted, f"usage of retired store {number}")
        must(local.one("SELECT tick FROM derived") == local.ticks[-1], "the last tick of a retired store is derived")
        must(not findings_in_file(f"{place}/meter.db"), f"{findings_in_file(f'{place}/meter.db')}")
    must_be_sound(scene, name, "retired stores")


def check_pruned(scene, change=None):
    """What is raw goes, what it gave stays, and both still add up."""
    name, middle, number = whole_fleet(scene, change)
    ask = lambda text: scene.server.ask(text, name)
    cuts = [int(row[0]) for row in scene.server.rows(f"SELECT tick FROM meter.hour_cut WHERE store_no = {number} ORDER BY 1", name)]
    up_to = cuts[len(cuts) // 2]
    sums = (f"SET search_path = gathered, meter; SELECT coalesce(sum(kib_s), 0), coalesce(sum(kib_s_frac), 0), coalesce(sum(measured_ns), 0),"
            f" coalesce(sum(missing_ns), 0), coalesce(sum(excluded_ns), 0)"
            f" FROM usage_recomputed WHERE life / {SIZE} = {number}")
    before = [int(value) for value in scene.server.rows(sums, name)[0]]
    others = ask(f"SELECT count(*) FROM meter.tick WHERE store_no <> {number}")
    counts = scene.server.rows(f"SELECT (SELECT count(*) FROM meter.tick WHERE tick < {up_to} AND store_no = {number}),"
                               f" (SELECT count(*) FROM meter.segment AS s WHERE s.store_no = {number}"
                               f" AND s.segment < (SELECT first_segment FROM meter.hour_cut WHERE tick = {up_to}))", name)[0]
    to_hour = ask(f"SELECT max(hour) FROM meter.usage_hour WHERE store_no = {number}")
    between = next(tick for tick in middle.ticks if number * SIZE + tick not in cuts) + number * SIZE
    for bad in (between, number * SIZE + 10**11, cuts[0] - 1):
        try:
            ask(f"SELECT meter.prune_store({number}, {bad}, 1, {to_hour}, 0, 0, 0, 0, 0)")
            raise AssertionError(f"pruned up to {bad}")
        except AssertionError as error:
            must("can't be pruned" in str(error), str(error))
    ask(f"SELECT meter.prune_store({number}, {up_to}, 1, {to_hour}, 0, 0, 0, 0, 0)")
    after = [int(value) for value in scene.server.rows(sums, name)[0]]
    gone = [left - right for left, right in zip(before, after)]
    gone[0], gone[1] = gone[0] + gone[1] // 10**9, gone[1] % 10**9
    ask("SET session_replication_role = replica; UPDATE meter.prune SET (kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns)"
        f" = ({', '.join(map(str, gone))})")
    must(ask("SELECT ticks, segments FROM meter.prune") == "|".join(counts), "how much went")
    must(ask(f"SELECT min(tick) FROM meter.tick WHERE store_no = {number}") == str(up_to), "the first tick that is left")
    must(ask(f"SELECT count(*) FROM meter.tick WHERE store_no <> {number}") == others, "ticks of another store went")
    must_be_sound(scene, name, "pruned stores")


# What is spoilt: {tick} and so on are numbers, {Segment} and so on tables; and the audits of which only
# that they find it is compared, since PostgreSQL finds a cut's segments by its hour, too.
SPOILT = [
    ("a tick has 4 KiB more", "UPDATE {Tick} SET {kib} = {kib} + 4 WHERE {tick_is} = {tick}", ""),
    ("a tick has a domain more", "UPDATE {Tick} SET {domains} = {domains} + 1 WHERE {tick_is} = {tick}", ""),
    ("a tick was late", "UPDATE {Tick} SET {late_ns} = {late_ns} + 1 WHERE {tick_is} = {tick}", ""),
    ("a clock was set", "UPDATE {Tick} SET {utc_diff_ns} = {utc_diff_ns} + 200000001 WHERE {tick_is} = {tick}", "usage_hour"),
    ("a tick is gone", "DELETE FROM {Tick} WHERE {tick_is} = {tick}", ""),
    ("a gap is not shown", "DELETE FROM {Gap} WHERE tick = {gap}", ""),
    ("a gap is longer", "UPDATE {Gap} SET span_ns = span_ns + 1 WHERE tick = {gap}", ""),
    ("a gap came from elsewhere", "UPDATE {Gap} SET from_tick = from_tick - 1 WHERE tick = {gap}", ""),
    ("there was no gap", "INSERT INTO {Gap} (tick, from_tick, span_ns, cause{more}) VALUES ({plain}, {plain} - 1, 5, 'x'{store})", ""),
    ("a step is not shown", "DELETE FROM {Clock_step} WHERE tick = {step}", ""),
    ("there was no step", "INSERT INTO {Clock_step} (tick, step_ns{more}) VALUES ({plain}, 5{store})", ""),
    ("an hour is not cut", "DELETE FROM {Hour_cut} WHERE tick = {cut}", "usage_hour usage_conserved life_durations"),
    ("another tick is cut", "INSERT INTO {Hour_cut} (tick, hour, first_segment{more}) SELECT {plain}, 5, max(first_segment){store}"
     " FROM {Hour_cut} WHERE tick < {plain} AND tick > {plain} - 100000000", "usage_hour usage_conserved life_durations"),
    ("a segment is gone", "DELETE FROM {Segment} WHERE segment = {segment}", ""),
    ("a segment ends early", "UPDATE {Segment} SET last_tick = first_tick WHERE segment = {long}", ""),
    ("a segment holds other KiB", "UPDATE {Segment} SET kib = abs(kib - 4) WHERE segment = {long}", ""),
    ("a segment is not counted", "UPDATE {Segment} SET counted = {no} WHERE segment = {long}", ""),
    ("a segment is another life's", "UPDATE {Segment} SET life = {life} WHERE segment = {long}", ""),
    ("a segment is of no life", "UPDATE {Segment} SET life = {nobody} WHERE segment = {segment}", ""),
    ("a life is gone", "DELETE FROM {Life} WHERE life = {life}", ""),
    ("a life did not run", "UPDATE {Life} SET ran_tick = NULL WHERE life = {life}", ""),
    ("a life counted later", "UPDATE {Life} SET counted_tick = counted_tick + 1 WHERE life = {life}", ""),
    ("a life goes on", "UPDATE {Life} SET last_tick = NULL WHERE life = {life}", ""),
    ("a life is of no boot", "UPDATE {Life} SET boot = {nobody} WHERE life = {life}", ""),
    ("a boot begins elsewhere", "UPDATE {Boot} SET first_tick = first_tick - 1 WHERE boot = {boot}", ""),
    ("an hour has more", "UPDATE {Usage_hour} SET kib_s = kib_s + 1 WHERE life = {life} AND hour = {hour}", ""),
    ("an hour is missing", "DELETE FROM {Usage_hour} WHERE life = {life} AND hour = {hour}", ""),
    ("an hour is nobody's", "UPDATE {Usage_hour} SET life = {nobody} WHERE life = {life} AND hour = {hour}", ""),
    ("a day has more", "UPDATE {Usage_day} SET measured_ns = measured_ns + 1 WHERE life = {life}", ""),
]
IN_FILE = {"more": "", "store": "", "tick_is": "tick", "kib": "kib", "domains": "domains", "late_ns": "late_ns",
           "utc_diff_ns": "utc_diff_ns", "no": "1 - counted"}
IN_POSTGRES = {"more": ", store_no", "tick_is": "first_tick", "kib": "kib_base", "domains": "domains_base", "late_ns": "late_base",
               "utc_diff_ns": "utc_diff_base", "no": "NOT counted", "Tick": "meter.tick_pack", "Usage_hour": "meter.usage_hour",
               "Usage_day": "meter.usage_day"}
NAMES = ("Tick", "Gap", "Clock_step", "Hour_cut", "Segment", "Life", "Boot", "Usage_hour", "Usage_day")


def numbers_of(local):
    """Some row of each kind that something can be spoilt of."""
    cut = local.one("SELECT max(tick) FROM hour_cut WHERE tick < (SELECT tick FROM derived)"
                    " AND tick NOT IN (SELECT first_tick FROM boot)")
    plain = local.one("SELECT min(t.tick) FROM tick AS t WHERE t.tick - 1 IN (SELECT tick FROM tick) AND t.tick > 3"
                      " AND NOT EXISTS (SELECT 1 FROM gap WHERE gap.tick = t.tick)"
                      " AND NOT EXISTS (SELECT 1 FROM clock_step AS c WHERE c.tick = t.tick)"
                      " AND NOT EXISTS (SELECT 1 FROM hour_cut AS h WHERE h.tick = t.tick)"
                      " AND NOT EXISTS (SELECT 1 FROM boot AS b WHERE b.first_tick = t.tick)"
                      " AND NOT EXISTS (SELECT 1 FROM restart AS r WHERE r.tick = t.tick) AND t.domains > 0 AND t.tick < ?", cut)
    life, hour = local.ask("SELECT u.life, max(u.hour) FROM usage_hour AS u JOIN life AS l ON l.life = u.life WHERE u.kib_s > 0"
                           " AND l.last_tick < (SELECT tick FROM derived) AND l.counted_tick IS NOT NULL GROUP BY u.life"
                           " ORDER BY l.last_tick - l.counted_tick DESC LIMIT 1")[0]
    long = local.one("SELECT segment FROM segment WHERE counted = 1 AND last_tick > first_tick AND life <> ?"
                     " AND last_tick < (SELECT tick FROM derived) LIMIT 1", life)
    return {"tick": plain, "plain": plain, "cut": cut, "life": life, "boot": 1, "nobody": 900000,
            "gap": local.one("SELECT coalesce(min(tick), 0) FROM gap"),
            "step": local.one("SELECT coalesce(min(tick), 0) FROM clock_step"),
            "segment": local.one("SELECT min(segment) FROM segment WHERE counted = 1 AND last_tick IS NOT NULL AND life = ?", life),
            "long": long}, hour


def is_rich(local):
    """Has it all that can be spoilt? And few enough ticks to be delivered one by one."""
    try:
        values, _ = numbers_of(local)
    except (TypeError, IndexError):
        return False
    return None not in values.values() and values["gap"] > 0 and values["step"] > 0 and 3 < len(local.cuts) and len(local.ticks) < 600


def check_spoilt(scene, change=None):
    name, middle, number = whole_fleet(scene, change)
    path = middle.ask("PRAGMA database_list")[0][2]
    values, hour = numbers_of(middle)
    missed = []
    for what, sql, loosely in SPOILT:
        copy = path + ".spoilt"
        shutil.copyfile(path, copy)
        connection = sqlite3.connect(copy, isolation_level=None)
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql.format(**values, **IN_FILE, hour=hour, **{table: table.lower() for table in NAMES}))
        must(connection.execute("SELECT changes()").fetchone()[0] > 0, f"{what}: nothing is")
        connection.close()
        wanted = findings_in_file(copy, number)
        here = {key: value + number * SIZE for key, value in values.items()}
        tables = {table: f"meter.{table.lower()}_row" for table in NAMES} | IN_POSTGRES
        got = findings(scene, name, sql.format(**here, **tables, hour=hour, store=f", {number}") + ";", number)
        # where all domains go on at a tick, the intervals beside it add up to the same
        must(wanted or what == "a tick was late", f"{what}: not found in the file")
        if set(wanted) - set(loosely.split()) != set(got) - set(loosely.split()):
            missed.append(f"{what}: in the file it is found by {sorted(wanted)}, in PostgreSQL by {sorted(got)}")
        for audit in wanted.keys() & got.keys() - set(loosely.split()):
            if wanted[audit] != got[audit]:
                missed.append(f"{what}: {audit} says {wanted[audit][:200]!r}, in PostgreSQL {got[audit][:200]!r}")
    must(not missed, "\n  ".join(missed))


def check_deliveries(scene, change=None):
    """database_whole shows contradictions and what else is wrong with deliveries."""
    name = scene.database(change)
    local = scene.locals[0]
    scene.admit(name, local)
    central.ship_all(scene.server, name, scene.role(local), local)
    cut = next(local.cut_into(5))
    batch = local.batch(*cut)
    batch["ticks"][0][6] += 4
    central.deliver(scene.server, name, scene.role(local), [batches.call(batch)])
    found = findings(scene, name)
    must(set(found) == {"database_whole"} and found["database_whole"].count("contradicted") == 1, f"{found}")
    scene.server.ask("DELETE FROM meter.ship_conflict", name)
    for what, sql in (("another one covers", f"INSERT INTO meter.delivered VALUES (1, {SIZE}, {SIZE + 1})"),
                      ("and no tick", "UPDATE meter.delivered SET up_to_tick = up_to_tick + 1"),
                      ("nothing says that it began", f"INSERT INTO meter.segment_ahead VALUES ({SIZE}, 1, {SIZE}, {SIZE}, 1, true, 1)"),
                      ("is not checked", "ALTER TABLE meter.gap_row ADD CONSTRAINT x CHECK (span_ns > 1) NOT VALID")):
        found = findings(scene, name, sql + ";")
        must(what in found.get("database_whole", ""), f"{what}: {found}")


CHECKS = [check_sound, check_one_for_all, check_retired_usage, check_pruned, check_spoilt, check_deliveries]
