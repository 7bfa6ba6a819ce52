#!/usr/bin/env python3
"""A month waits for each host that was admitted before it ended, also for one that nothing has come of.

    awaited.py BINDIR

The first half of the story of tests/billing/scene.py is shipped into PostgreSQL, and beside its host
there are others that never came. BINDIR is a test build: afterwards the same is tried with the safety
billing-delivered turned off, and must fail. The last line is "N passed, M failed".
"""

import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import central
import batches
import hostile
import retention
import scene
import server as postgres
from same import Wrong

DATABASE = retention.DATABASE
SILENT, LATER = "1e1e1e1e-0000-4000-8000-000000000001", "2e2e2e2e-0000-4000-8000-000000000002"
RETIRED = 1754006400 * scene.SECOND  # 2025-08-01
FEBRUARY = scene.JANUARY_31 + 24 * scene.HOUR  # where January ends for the last account


class Story(retention.Test):
    """Before January is closed, and in its place where that is refused, this is looked at."""

    def run(self, *words, expect=0):
        if words[:2] == ("close", "2024-01"):
            self.before_january_is_closed()
        return super().run(*words, expect=expect)

    def admit(self, host, role, ns):
        super().run("db", "host", "add", host, role)
        self.ask(f"UPDATE meter.host_role SET admitted_ns = {ns} WHERE role = '{role}'")

    def refused_for(self, month, host):
        before = self.ask("SELECT count(*) FROM billing.period")
        done = super().run("close", month, expect=None)
        if done.returncode != 3 or host not in done.stderr or self.ask("SELECT count(*) FROM billing.period") != before:
            raise Wrong(f"{month} does not wait for {host}: {done.stdout} {done.stderr}")

    def states(self):
        return {row.split()[1]: row.split()[2] for row in super().run("db", "status").stdout.splitlines()[1:]}

    def before_january_is_closed(self):
        self.admit(LATER, "later", FEBRUARY)  # not before it ended: what it measured before is no part of this month
        self.admit(SILENT, "silent", FEBRUARY - 1)
        states = self.states()
        if states != {scene.HOST: "whole", LATER: "awaited", SILENT: "awaited"}:
            raise Wrong(f"status says {states}")
        self.refused_for("2024-01", SILENT)
        said = super().run("db", "host", "retire", SILENT, "--at", "2024-02").stdout
        if "not waited for any more" not in said or "is retired" in said:
            raise Wrong(f"retire says {said}")
        super().run("db", "host", "retire", SILENT, "--at", "2024-02", expect=3)
        super().run("db", "host", "add", hostile.HOST, "half")
        if self.ask("SELECT count(*) FROM meter.host_role WHERE role = 'silent'") != "0" or SILENT in self.states():
            raise Wrong("its role may ship")


def begins_anew(t):
    """Another store that is only announced: its host is silent when the one before is retired, since then."""
    announced = dict(hostile.BATCH, store=hostile.OTHER_STORE, after=-1, up_to=-1, rows={}, ticks=[], segments=[])
    retire = ("db", "host", "retire", hostile.HOST, "--at", "2025-08")
    silent = lambda: t.ask(f"SELECT since_ns FROM meter.silent_host WHERE host = '{hostile.HOST}'")
    roles = lambda: t.ask(f"SELECT count(*) FROM meter.host_role WHERE host = '{hostile.HOST}'")
    central.deliver(t.server, DATABASE, "half", [batches.call(announced)])
    if silent() != "":
        raise Wrong("a host whose store goes on is silent")
    said = t.run(*retire).stdout
    if "is retired at" not in said or "begun another store" not in said or roles() != "1" or silent() != f"{RETIRED}":
        raise Wrong(f"retire says {said}; {roles()} roles, silent since {silent()}")
    said = t.run(*retire).stdout
    if "not waited for any more" not in said or roles() != "0" or silent() != "":
        raise Wrong(f"retire says {said}; {roles()} roles, silent since {silent()}")
    t.run("db", "host", "add", hostile.HOST, "half")
    if int(silent() or 0) <= RETIRED:
        raise Wrong(f"added once more, silent since {silent()}")
    central.deliver(t.server, DATABASE, "half", [batches.call(dict(hostile.BATCH, store=hostile.OTHER_STORE))])
    if silent() != "" or t.states()[hostile.HOST] != "whole":
        raise Wrong(f"it goes on, and is silent since {silent()}: {t.states()}")
    t.run(*retire)
    before = t.ask("SELECT max(said_ns) FROM meter.retired")
    if silent() != "":
        raise Wrong("who is retired is silent")
    t.run("db", "host", "add", hostile.HOST, "half")
    said = t.run("db", "status").stdout
    if int(silent() or 0) < int(before) or f"{hostile.HOST}  awaited" not in said:
        raise Wrong(f"who comes back is silent since {silent()}: {said}")
    t.run(*retire)


def nights(t, out):
    """A day since which a host is silent is not all there; when it is dismissed, it is, and is exported once more."""
    t.run("db", "host", "retire", scene.HOST, "--at", "2025-08")
    t.admit(SILENT, "silent", 0)
    os.mkdir(out)
    for is_late in (True, False):
        said = t.run("nightly", "--out", out, "--key", t.key, "--provider", "Example Hosting", expect=None).stdout
        if ("1 days are not all there" in said) != is_late or not re.search(r"json of \d+-\d+-\d+,", said):
            raise Wrong(f"nightly says {said[-1000:]}")
        if is_late:
            t.run("db", "host", "retire", SILENT, "--at", "2025-08")


def tell(bindir, server, scratch):
    """What is wrong, or None."""
    server.drop(DATABASE)
    server.create(DATABASE)
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        t = Story(bindir, directory, server)
        t.run("db", "init")
        server.distribute(DATABASE)
        try:
            trace = scene.sealed_january(t)
            trace.head()
            trace.jump_to(scene.FEBRUARY_29 + 18 * scene.HOUR)
            trace.go(scene.FEBRUARY_29 + 36 * scene.HOUR)
            t.replay(trace)
            t.run("charge")
            t.run("db", "host", "retire", LATER, "--at", "2024-02")
            # what has come of it is not whole: nobody knows what was before
            t.ask("UPDATE meter.host_role SET admitted_ns = 0 WHERE role = 'half'")
            central.deliver(server, DATABASE, "half", [batches.call(hostile.NEXT)])
            if t.states()[hostile.HOST] != "empty":
                raise Wrong(f"status says {t.states()}")
            t.refused_for("2024-02", hostile.HOST)
            t.run("close", "2024-02", "--force")
            missing = t.ask("SELECT missing_hosts FROM billing.period ORDER BY month DESC LIMIT 1")
            if missing != hostile.HOST:
                raise Wrong(f"February is sealed without {missing!r}")
            central.deliver(server, DATABASE, "half", [batches.call(hostile.BATCH)])
            if t.ask("SELECT count(*) FROM meter.silent_host") != "0":
                raise Wrong("a host that has delivered is silent")
            begins_anew(t)
            nights(t, os.path.join(directory, "out"))
        except (Wrong, AssertionError) as wrong:
            return str(wrong)
    return None


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch, postgres.any_server() as server:
        for safety in (None, "billing-delivered"):
            os.environ["PAGEMETER_SAFETY_OFF"] = safety or ""
            wrong = tell(sys.argv[1], server, scratch)
            if (wrong is None) == (safety is None):
                passed += 1
            else:
                failed += 1
                print(f"FAIL {wrong or 'without the safety ' + safety + ' nothing fails'}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
