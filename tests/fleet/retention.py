#!/usr/bin/env python3
"""Usage by the hour goes after its time: what needs it is refused, and every other figure stays.

    retention.py [--safe] BINDIR

The story of tests/billing/scene.py, January and February 2024, is shipped into PostgreSQL; then raw
rows and hours are pruned. BINDIR is a test build: afterwards the same is tried with each safety that
begins with keep- turned off, and must fail (not with --safe). The last line is "N passed, M failed".
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import scene
import server as postgres
from same import ROLE, Wrong

SAFETIES = ("keep-read", "keep-charge", "keep-said")
DATABASE = "retention"


class Test:
    def __init__(self, bindir, directory, server):
        self.bindir, self.server, self.directory = bindir, server, directory
        self.file = scene.Product(bindir, directory)
        self.central = scene.Product(bindir, server.uri(DATABASE))
        self.key = os.path.join(directory, "ledger.key")
        os.makedirs(directory, exist_ok=True)
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(os.urandom(32).hex() + "\n")
        self.is_admitted = False

    def run(self, *words, expect=0):
        key = ("--key", self.key) if words[0] in ("charge", "close", "audit") else ()
        return self.central.run(*words, *key, expect=expect)

    def replay(self, trace):
        self.file.replay(trace)
        if not self.is_admitted:
            self.run("db", "host", "add", scene.HOST, ROLE)
            self.is_admitted = True
        self.ship()

    def ship(self):
        done = subprocess.run([self.file.program, "ship", "--once", "--to", self.server.uri(DATABASE, ROLE), "--db",
                               self.file.store, "--state", self.file.store], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)
        if done.returncode:
            raise Wrong(f"ship: {done.stderr}")
        self.run("db", "keep")

    def ask(self, sql):
        return self.server.ask(sql, DATABASE)

    def keep(self, *words):
        return self.run("db", "keep", *words).stdout

    def refused(self, *words):
        done = self.run(*words, expect=None)
        if done.returncode == 0 or "is gone" not in done.stderr:
            raise Wrong(f"{' '.join(words)} is not refused: {done.stdout[-200:]} {done.stderr}")

    def audit(self, clean=True):
        done = self.run("audit", expect=None)
        if (done.returncode == 0) != clean or done.returncode > 1:
            raise Wrong(f"audit exits with {done.returncode}: {done.stdout[-400:]} {done.stderr}")
        return done.stdout


ANSWERED = [("usage", "--by", "vm,life,host", "--format", "csv"), ("usage", "--from", "2024-01-31", "--to", "2024-02-01"),
            ("usage", "--from", "2024-01-31", "--to", "2024-02-29T21"), ("account", "list"), ("report", "accounts"),
            ("usage", "--by", "hour,account", "--from", "2024-02"), ("report", "price_change", "nano_pennies=5000000000", "period=2024-02")]
REFUSED = [("usage", "--by", "hour"), ("usage", "--by", "account"), ("usage", "--from", "2024-01-31T20"),
           ("usage", "--from", "2024-01-31", "--to", "2024-01-31T20"),
           ("usage", "--by", "hour", "--from", "2024-01-31", "--to", "2024-02-01"),
           ("report", "price_change", "nano_pennies=5000000000"), ("report", "price_change", "nano_pennies=1", "period=2024-01"),
           ("tariff", "set", "default", "0.06", "EUR/GiBh", "--from", "2024-01-31T23"),
           ("account", "assign", scene.A, "beta", "--from", "2024-01-31T20")]


def expect(said, wanted):
    if wanted not in said:
        raise Wrong(f"{wanted!r} is not in {said!r}")


def nothing_goes_before_its_time(t):
    expect(t.keep("--hours", "100000d"), "hours of 0 months went\n")
    expect(t.keep("--hours", "1d"), "hours of 0 months went; those of 2024-01 stay: its raw rows are there")


def raw_goes(t):
    """All but the last hours, which a shipper may deliver again: what the clock was set back for too."""
    if t.ask("SELECT count(*) FROM meter.hours_pruned") != "0":
        raise Wrong("hours went")
    t.keep("--raw", f"{int(time.time()) - (scene.FEBRUARY_29 + 32 * scene.HOUR) // scene.SECOND}s")
    t.audit()


def what_is_said_and_not_charged_stays(t):
    t.run("tariff", "set", "default", "0.05", "EUR/GiBh", "--from", "2024-01-31T23")
    expect(t.keep("--hours", "1d"), "those of 2024-01 stay: something of it is not charged yet")
    t.run("charge")


def what_was_billed_otherwise_stays(t):
    damage = "SET session_replication_role = replica; UPDATE billing.rated SET kib_s = kib_s {} 1 WHERE hour = (SELECT min(hour) FROM billing.rated);"
    t.ask(damage.format("+"))
    expect(t.keep("--hours", "1d"), "those of 2024-01 stay: what was billed of it is not what was used")
    t.ask(damage.format("-"))


def a_kill_leaves_all(t):
    """Who reads is not waited for long; while it waits it is ended: nothing went."""
    before = t.ask("SELECT count(*), sum(kib_s) FROM meter.usage_hour")
    reader = subprocess.Popen(["psql", "-h", t.server.place, "-U", "postgres", "-d", DATABASE, "-qAtX"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    reader.stdin.write("BEGIN; SELECT count(*) FROM meter.usage_hour;\n")
    reader.stdin.flush()
    reader.stdout.readline()
    expect(t.keep("--hours", "1d"), "those of 2024-01 stay: somebody reads it")
    said = []
    keeper = threading.Thread(target=lambda: said.append(t.run("db", "keep", "--hours", "1d", expect=None)))
    keeper.start()
    for _ in range(600):
        if t.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%meter.drop_hours%'"
                 " AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"):
            break
        time.sleep(0.1)
    keeper.join()
    reader.communicate("COMMIT;\n")
    if said[0].returncode == 0 or t.ask("SELECT count(*), sum(kib_s) FROM meter.usage_hour") != before \
            or t.ask("SELECT count(*) FROM meter.hours_pruned") != "0":
        raise Wrong("a keeper that was ended took something along")


def hours_go(t):
    """Two keepers at once: one drops the month, once."""
    t.before = [t.run(*words).stdout for words in ANSWERED]
    said = []
    keepers = [threading.Thread(target=lambda: said.append(t.keep("--hours", "1d"))) for _ in range(2)]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join()
    if sorted("hours of 1 months" in text for text in said) != [False, True]:
        raise Wrong(str(said))
    if t.ask("SELECT before_hour FROM meter.hours_pruned") != str(1706745600 // 3600) \
            or t.ask(f"SELECT count(*) FROM meter.usage_hour WHERE hour < {1706745600 // 3600}") != "0":
        raise Wrong("it is not January that went")


def an_open_month_stays(t):
    expect(t.keep("--hours", "1d"), "those of 2024-02 stay")


def figures_are_the_same(t):
    for words, before in zip(ANSWERED, t.before):
        if t.run(*words).stdout != before:
            raise Wrong(f"{' '.join(words)} has changed")
    for words in REFUSED:
        t.refused(*words)
    with tempfile.TemporaryDirectory(dir=t.directory) as out:
        t.run("export", "accountant", "--period", "2024-01", "--out", out)
    t.audit()


def charged_anew_nothing_is_taken_back(t):
    """Its raw rows are gone, and something is said of later hours: all is made anew."""
    before = t.ask("SELECT sum(pennies) FROM billing.ledger WHERE pennies < 0"), t.ask("SELECT count(*) FROM billing.adjustment")
    t.ask("UPDATE billing.charged SET stale_from = 0")
    t.run("charge")
    t.ask("UPDATE billing.charged SET tick = tick - 200, stale_from = 0")
    t.run("charge")
    if (t.ask("SELECT sum(pennies) FROM billing.ledger WHERE pennies < 0"),
            t.ask("SELECT count(*) FROM billing.adjustment")) != before:
        raise Wrong("what was billed of hours that are gone was taken back")
    t.audit()


def what_comes_late_is_billed_once(t):
    """The clock is set back into the hours that are gone; with what was said meanwhile, and without."""
    for is_stale in (False, True):
        adjustments = int(t.ask("SELECT count(*) FROM billing.adjustment WHERE cause = 'late'"))
        t.trace.head()
        back = t.trace.utc - (scene.JANUARY_31 + 20 * scene.HOUR + scene.HOUR // 2)
        t.trace.utc -= back
        t.trace.go(scene.JANUARY_31 + 21 * scene.HOUR, clock="u")
        t.trace.utc += back
        t.trace.go(t.trace.utc + 2 * scene.HOUR)
        t.replay(t.trace)
        if is_stale:
            t.run("tariff", "set", "default", "0.07", "EUR/GiBh", "--from", "2024-02-29T23")
        t.run("charge")
        if int(t.ask("SELECT count(*) FROM billing.adjustment WHERE cause = 'late'")) <= adjustments:
            raise Wrong("what came late was not billed")
        t.audit()
        t.run("charge")
        t.audit()


def damage_is_found(t):
    for sql, back, audit in (
            ("UPDATE meter.usage_day SET kib_s = kib_s + 1 WHERE day = (SELECT min(day) FROM meter.usage_day)",
             "UPDATE meter.usage_day SET kib_s = kib_s - 1 WHERE day = (SELECT min(day) FROM meter.usage_day)", "usage_conserved"),
            ("UPDATE billing.rated SET kib_s = kib_s + 1 WHERE hour = (SELECT min(hour) FROM billing.rated)",
             "UPDATE billing.rated SET kib_s = kib_s - 1 WHERE hour = (SELECT min(hour) FROM billing.rated)", "usage_billed")):
        t.ask("SET session_replication_role = replica; " + sql)
        expect(t.audit(clean=False), audit)
        t.ask("SET session_replication_role = replica; " + back)
    t.audit()


STORY = [nothing_goes_before_its_time, raw_goes, what_is_said_and_not_charged_stays, what_was_billed_otherwise_stays,
         a_kill_leaves_all, hours_go, an_open_month_stays, figures_are_the_same, charged_anew_nothing_is_taken_back,
         what_comes_late_is_billed_once, damage_is_found]


def tell(bindir, server, scratch):
    """What fails first, or None."""
    server.drop(DATABASE)
    server.create(DATABASE)
    test = Test(bindir, os.path.join(scratch, str(time.monotonic_ns())), server)
    test.run("db", "init")
    server.distribute(DATABASE)
    make = scene.Trace.head
    try:
        scene.Trace.head = lambda trace: (setattr(test, "trace", trace), make(trace))[1]
        scene.make(test)
    finally:
        scene.Trace.head = make
    for part in STORY:
        try:
            part(test)
        except (AssertionError, postgres.Refused) as wrong:
            return f"{part.__name__}: {wrong}"
    return None


def away_for_long(bindir, server, scratch):
    """A host ships what is older than the retention: raw rows go between its batches, and none of them contradicts."""
    seed = int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    pick, trace = random.Random(seed), scene.Trace(60 * scene.SECOND)
    server.drop(DATABASE)
    server.create(DATABASE)
    test = Test(bindir, os.path.join(scratch, "away"), server)
    test.run("db", "init")
    server.distribute(DATABASE)
    trace.utc = scene.JANUARY_31
    trace.domains |= {1: (scene.A, 3 * scene.GIB), 2: (scene.B, scene.GIB)}
    for i in range(25):
        trace.head()
        if pick.random() < 0.4:
            trace.domains[1] = (scene.A, scene.GIB + 4 * pick.randrange(1000))
        if pick.random() < 0.3:
            trace.domains[3 + i] = (scene.C, scene.GIB)
        elif len(trace.domains) > 4:
            trace.domains.pop(max(trace.domains))
        trace.go(trace.utc + pick.choice([0, 1, 5, 30, 59, 60, 61, 180]) * 60 * scene.SECOND)
        test.replay(trace)
        test.keep("--raw", "1s")
        found = test.ask("SELECT count(*) FROM meter.ship_conflict")
        if found != "0":
            return f"away_for_long, seed {seed}: {found} conflicts behind tick {trace.seq}"
    if test.ask("SELECT count(*) FROM meter.prune") == "0":
        return f"away_for_long, seed {seed}: nothing was pruned"
    months = test.ask("SELECT c.oid::regclass FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent IN"
                      " ('meter.tick_pack'::regclass, 'meter.segment_row'::regclass) AND c.relname ~ '_2024_'").split()
    left = [month for month in months if not test.ask(f"SELECT 1 FROM {month} LIMIT 1")]
    if left:
        return f"away_for_long, seed {seed}: partitions that are empty stay: {left}"
    words = ("usage", "--by", "vm,life,hour", "--format", "csv")
    return None if test.run(*words).stdout == test.file.run(*words).stdout else f"away_for_long, seed {seed}: usage differs"


def main():
    bindir = sys.argv[-1]
    passed = failed = 0
    os.environ.pop("PAGEMETER_SAFETY_OFF", None)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch, postgres.any_server() as server:
        wrong = away_for_long(bindir, server, scratch)
        passed, failed = int(wrong is None), int(wrong is not None)
        if wrong:
            print(f"FAIL {wrong}")
        for safety in (None, *(SAFETIES if "--safe" not in sys.argv else ())):
            os.environ["PAGEMETER_SAFETY_OFF"] = safety or ""
            wrong = tell(bindir, server, scratch)
            if (wrong is None) == (safety is None):
                passed += 1
            else:
                failed += 1
                print(f"FAIL {wrong or 'without the safety ' + safety + ' nothing fails'}")
                if safety is None:
                    break
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
