#!/usr/bin/env python3
"""Kills, faults, full disks while books are written: all of a command has happened, or nothing.

    billing.py [--every N] [--only NAME] BUILD

A test build of pagemeter (fault.c) runs account, tariff, charge and close, and is killed, or its
disk or memory fails, at the nth call into SQLite, disk operation or allocation, for every n (or
every Nth). Then:

  killed   billing.db is as it was before the command, or as it is after it
  failed   it says why, and billing.db is as it was before
  fine     billing.db is as after an undisturbed run
  later    the same command and a charge, undisturbed, end where they would have ended anyway

Ends with "N passed, M failed".
"""

import argparse
import concurrent.futures
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import books as oracle  # noqa: E402
import cases as billing_cases  # noqa: E402
from books import Books, Wrong  # noqa: E402

TIMED = {"change_log": [1], "adjustment": [7], "period": [1], "ledger": [1, 10]}  # columns: times, and hashes of them
VM, OTHER = billing_cases.VM, billing_cases.OTHER
TRACE = billing_cases.FixedTrace()
LATE = billing_cases.FixedTrace(back_at=200)
SAY = [["account", "add", "a0", "--name", "first"], ["account", "add", "a1", "--name", "second", "--offset", "1"],
       ["tariff", "set", "default", "0.9", "EUR/GiBh", "--from", "1970-01-01"]]
OWN = [["account", "assign", vm, "a0", "--from", "2022-01-01"] for vm in TRACE.vms]

# name, what was done before (commands, or a number: the trace up to there), the command, and whether
# it may simply be done again
SCENES = [
    ("first-account", [], SAY[0], False),
    ("assign", [*SAY, *OWN, 120, ["charge"]],
     ["account", "assign", VM, "a1", "--from", "2022-01-31T09:00", "--name", "a name"], False),
    ("tariff", [*SAY, *OWN, 120, ["charge"]], ["tariff", "set", "a0", "0.1", "USD/GBh", "--from", "2022-01-31"], False),
    ("first-charge", [*SAY, *OWN, 120], ["charge"], True),
    ("charge", [*SAY, *OWN, 120, ["charge"], 180], ["charge"], True),
    ("charge-anew", [*SAY, *OWN, 199, ["close", "2022-01"], ["charge"],
                     ["tariff", "set", "a0", "0.1", "USD/GBh", "--from", "2022-01-31T20:00"], 230], ["charge"], True),
    ("close", [*SAY, *OWN, 120, ["charge"], 199], ["close", "2022-01"], True),
]


class Failure(Exception):
    pass


def state(store):
    """billing.db without its times; a database that was never finished is none."""
    try:
        tables = oracle.dump(store)
    except sqlite3.OperationalError:
        return {table: [] for table in oracle.TABLES}
    return {table: [tuple(value for i, value in enumerate(row) if i not in TIMED.get(table, [])) for row in rows]
            for table, rows in tables.items()}


class Bench:
    def __init__(self, build, place):
        self.program = os.path.join(build, "bin/pagemeter")
        self.tested = os.path.join(build, "test/crash/pagemeter")
        self.place = place

    def run(self, store, words, fault=None, count=None, program=None):
        env = dict(os.environ)
        if fault:
            env["PAGEMETER_FAULT"] = fault
        if count:
            env["PAGEMETER_FAULT_COUNT"] = count
        return subprocess.run([program or self.program, *words, "--db", store], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    def must_run(self, store, words):
        done = self.run(store, words)
        if done.returncode != 0:
            raise Failure(f"{' '.join(words)}: {done.returncode} {done.stderr}")


class Scene:
    """A store on which a command is to be disturbed, and what comes of it undisturbed."""

    def __init__(self, bench, name, before, words, is_repeatable):
        self.bench, self.name, self.words, self.is_repeatable = bench, name, words, is_repeatable
        self.store = os.path.join(bench.place, name)
        self.prepare(before)
        self.before = state(self.store)
        self.counts = self.count()

    def prepare(self, before):
        os.mkdir(self.store)
        at = 0
        for step in before:
            if isinstance(step, int):
                trace = os.path.join(self.bench.place, "trace")
                with open(trace, "w", encoding="ascii") as file:
                    file.write((LATE if self.name == "charge-anew" else TRACE).text(at, step))
                self.bench.must_run(self.store, ["replay", trace])
                at = step
            else:
                self.bench.must_run(self.store, step)

    def count(self):
        """Of an undisturbed run; its end, too."""
        store = os.path.join(self.bench.place, f"{self.name}-undisturbed")
        counts = os.path.join(self.bench.place, f"{self.name}-counts")
        shutil.copytree(self.store, store)
        done = self.bench.run(store, self.words, count=counts, program=self.bench.tested)
        if done.returncode != 0:
            raise Failure(f"{self.name} undisturbed: {done.returncode} {done.stderr}")
        self.after = state(store)
        if self.after == self.before:
            raise Failure(f"{self.name} changes nothing")
        self.final = self.finish(store)
        with open(counts, encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def finish(self, store):
        if os.path.exists(os.path.join(store, "meter.db")):
            self.bench.must_run(store, ["charge"])
        oracle.check_always(Books(oracle.dump(store)), os.path.join(store, "ledger.key"))
        return state(store)

    def disturb(self, fault):
        store = tempfile.mkdtemp(dir=self.bench.place)
        try:
            shutil.copytree(self.store, store, dirs_exist_ok=True)
            self.check(store, fault, self.bench.run(store, self.words, fault, program=self.bench.tested))
        finally:
            shutil.rmtree(store, ignore_errors=True)

    def check(self, store, fault, done):
        is_now = state(store)
        may_be = {0: [self.after], 3: [self.before], -signal.SIGKILL: [self.before, self.after]}.get(done.returncode)
        if done.returncode == 3 and fault.startswith("full-disk") and "can't write to it" in done.stderr:
            may_be = [self.before, self.after]  # all of a commit is in SQLite's log, and only its sync failed
        if may_be is None or (done.returncode == 3 and len(done.stderr.split()) < 5):
            raise Failure(f"exit status {done.returncode}: {done.stderr}")
        if is_now not in may_be:
            raise Failure(f"exit status {done.returncode}, {done.stderr.strip()}: changed"
                          f" {oracle.first_difference(may_be[-1], is_now)}")
        if self.is_repeatable or is_now == self.before:
            self.bench.must_run(store, self.words)
        final = self.finish(store)
        if final != self.final:
            raise Failure(f"afterwards it ends differently: {oracle.first_difference(self.final, final)}")


def cases(scenes, every):
    """Every place of every kind: (name, scene, fault)."""
    for scene in scenes:
        calls, operations, allocations, mallocs = scene.counts
        kinds = [("kill-call", calls, 1), ("fail-call", calls, 1), ("kill-disk", operations, 1),
                 ("tear-kill", operations, 1), ("fail-disk", operations, 1), ("tear-disk", operations, 1),
                 ("full-disk", operations, 1), ("fail-malloc", mallocs, 1), ("fail-alloc", allocations, 9)]
        for kind, places, thin in kinds:
            for n in range(1, places + 1, every * thin):
                yield f"{scene.name} {kind}:{n}", scene, f"{kind}:{n}" + (":99" if kind == "full-disk" else "")


def run_case(case):
    name, scene, fault = case
    try:
        scene.disturb(fault)
        return None
    except (Failure, Wrong, subprocess.TimeoutExpired) as failure:
        return f"FAIL {name}: {failure}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("build")
    options = parser.parse_args()
    passed = failed = 0
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-crash.", dir=base) as place:
        try:
            bench = Bench(options.build, place)
            scenes = [Scene(bench, *scene) for scene in SCENES if scene[0] == options.only.split(" ")[0]
                      or " " not in options.only]
        except Failure as failure:
            print(f"FAIL {failure}\n0 passed, 1 failed")
            return 1
        chosen = [case for case in cases(scenes, options.every) if options.only in case[0]]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for said in pool.map(run_case, chosen):
                passed, failed = passed + (said is None), failed + (said is not None)
                if said is not None and failed <= 10:
                    print(said, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
