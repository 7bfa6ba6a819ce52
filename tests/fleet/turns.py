#!/usr/bin/env python3
"""Tasks of a database of many hosts, one at a time, on whatever machine: two schedulers do no harm.

    turns.py BINDIR

Each task is begun while somebody has its advisory lock, as its like on another machine would: it waits, or
says that another is at it, and changes nothing; what only reads goes on. When the lock is free it is done.
And two are begun at once. BINDIR is a test build: afterwards the same is tried with the safety
billing-lock turned off, and must fail. The last line is "N passed, M failed".
"""

import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import central
import same
import scene
import server as postgres
from same import Wrong

DATABASE = "turns"
LOCKS = 1347898740  # the first number of all of them: postgres_lock
WATCHED = [f"SELECT * FROM billing.{table} ORDER BY 1, 2" for table in central.BOOKS]
WATCHED += ["SELECT * FROM meter.derived ORDER BY 1", "SELECT * FROM meter.usage_hour ORDER BY 1, 2",
            "SELECT relname FROM pg_class WHERE relispartition ORDER BY 1", "SELECT * FROM pagemeter.migration"]


class Turns:
    def __init__(self, bindir, server, scratch):
        self.server, self.scratch = server, scratch
        server.ask(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE); CREATE DATABASE {DATABASE}")
        self.both = same.Both(bindir, tempfile.mkdtemp(dir=scratch), server, DATABASE)
        self.run("db", "init")
        self.trace = scene.sealed_january(self.both)
        self.measure(20)

    def run(self, *words, expect=0):
        return self.both.central.run(*words, expect=expect)

    def measure(self, hour):
        """Up to this hour of the end of February, shipped; nothing is derived or charged of it."""
        self.trace.head()
        self.trace.jump_to(max(self.trace.utc, scene.FEBRUARY_29 + 18 * scene.HOUR))
        self.trace.go(scene.FEBRUARY_29 + hour * scene.HOUR)
        self.both.file.replay(self.trace)
        file = self.both.file
        subprocess.run([file.program, "ship", "--once", "--to", self.both.ship_uri, "--db", file.store], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

    def begin(self, *words):
        central = self.both.central
        return subprocess.Popen([central.program, *words, "--db", central.store], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def all(self):
        return self.server.ask(";".join(WATCHED), DATABASE)

    def hold(self, lock):
        return postgres.Session(self.server, DATABASE, f"SELECT pg_advisory_lock({LOCKS}, hashtext('{lock}'))")

    def is_asking(self):
        return self.server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pagemeter' AND datname ="
                               f" '{DATABASE}' AND query LIKE '%pg_try_advisory_lock%'") == "1"


def must_wait(turns, lock, *words, changes=True):
    holder, before = turns.hold(lock), turns.all()
    task = turns.begin(*words)
    while task.poll() is None and not turns.is_asking():
        time.sleep(0.02)
    time.sleep(0.5)
    if task.poll() is not None or turns.all() != before:
        raise Wrong(f"{' '.join(words)} does not wait for who has the lock {lock}: {task.communicate()}")
    if words[0] != "db":
        turns.run("usage", "--by", "host")
        turns.run("audit", "--key", turns.both.key)
    holder.end()
    said = task.communicate(timeout=60)
    if task.returncode or (turns.all() != before) != changes:
        raise Wrong(f"{' '.join(words)}, when its turn has come, exits with {task.returncode}: {said}")


def must_refuse(turns, lock, *words):
    holder, before = turns.hold(lock), turns.all()
    said = turns.run(*words, expect=3).stderr
    if "another pagemeter nightly is at it" not in said or turns.all() != before:
        raise Wrong(f"{' '.join(words)} while another is at it: {said}")
    holder.end()
    turns.run(*words, expect=None)
    if turns.all() == before:
        raise Wrong(f"{' '.join(words)}, when none is at it, does nothing")


def at_once(turns, *words):
    """Both succeed, and what they do is done once."""
    tasks = [turns.begin(*words) for _ in range(2)]
    said = [task.communicate(timeout=60) for task in tasks]
    if any(task.returncode for task in tasks):
        raise Wrong(f"two of {' '.join(words)} at once: {said}")
    return said


def tell(bindir, server, scratch):
    turns = Turns(bindir, server, scratch)
    key = ("--key", turns.both.key)
    out = tempfile.mkdtemp(dir=scratch)
    try:
        must_wait(turns, "migrate", "db", "migrate", changes=False)
        must_wait(turns, "keep", "db", "keep")
        must_wait(turns, "billing", "charge", *key)
        turns.measure(36)
        at_once(turns, "db", "keep")
        charged = turns.server.ask("SELECT count(*) FROM billing.ledger", DATABASE)
        said = at_once(turns, "charge", *key)
        if turns.server.ask("SELECT count(*) FROM billing.ledger", DATABASE) == charged or said[0] == said[1]:
            raise Wrong(f"of two that charge at once not one had something to charge: {said}")
        must_wait(turns, "billing", "close", "2024-02", *key)
        must_wait(turns, "billing", "export", "journal", "--period", "2024-01", "--out", out)
        must_wait(turns, "billing", "account", "add", "gamma", "--name", "Gamma")
        must_wait(turns, "billing", "tariff", "set", "gamma", "0.02", "EUR/GiBh", "--from", "2024-03")
        turns.measure(40)
        must_refuse(turns, "nightly", "nightly", "--out", out, *key, "--provider", "Example Hosting")
        turns.run("audit", *key)
    except (Wrong, AssertionError) as wrong:
        return str(wrong)
    return None


def main():
    passed = failed = 0
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-turns.", dir=place) as scratch, postgres.Server() as server:
        for safety in (None, "billing-lock"):
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
