#!/usr/bin/env python3
"""Traces replayed into PostgreSQL, and into a directory: both take, refuse and bill the same.

    replay.py [--seed N] [--traces N] BINDIR

Every trace of tests/golden/, and random ones (tests/property/generate.py) in parts, each of which goes
on where the one before ended. A trace that is refused changes nothing, and the second time each is
refused. The seed is printed. The last line is "N passed, M failed".
"""

import argparse
import glob
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "property"))
import generate
import server as postgres

ASKED = (("usage", "--all", "--by", "vm,host,life,hour", "--format", "csv"), ("usage",), ("audit",))
# ticks that a database of many hosts does not number
BEYOND = {"sequence-and-interval-at-their-ends.trace", "limits-of-the-numbers.trace"}


class Host(generate.Host):
    """The first tick of a boot is not beyond what a database of many hosts numbers."""

    def start_of_boot(self):
        super().start_of_boot()
        self.seq %= 10**9


def run(program, *words, data=None):
    done = subprocess.run([program, *words], input=data, capture_output=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def differ(program, directory, uri, words, data=None):
    """What the two say differently, or None."""
    one, other = (run(program, *words, "--db", db, data=data) for db in (directory, uri))
    if one[:2] != other[:2] or (one[0] and words[0] == "replay" and one[2] != other[2]):
        lines = [pair for pair in zip(one[1].splitlines(), other[1].splitlines()) if pair[0] != pair[1]]
        return f"{words[0]}: exits {one[0]} and {other[0]}: {lines[:2]} {one[2][-200:]} {other[2][-200:]}"
    return None


def check_all(program, directory, uri):
    for words in ASKED:
        # a directory that no trace was taken into has no store at all
        if os.path.exists(os.path.join(directory, "meter.db")):
            found = differ(program, directory, uri, words)
            if found:
                return found
    return None


def check_golden(program, directory, uri, path):
    with open(path, "rb") as file:
        data = file.read()
    if os.path.basename(path) in BEYOND:
        status, _, said = run(program, "replay", path, "--db", uri)
        return None if status == 3 and b"numbers (10^12)" in said else f"should be refused: {status} {said}"
    found = differ(program, directory, uri, ("replay", "-"), data)
    return found or check_all(program, directory, uri) or differ(program, directory, uri, ("replay", "-"), data) or \
        check_all(program, directory, uri)


def check_parts(program, directory, uri, pick, records, tail):
    cuts = sorted(pick.sample(range(1, len(records)), min(len(records) - 1, pick.choice([1, 2, 5]))))
    for start, end in zip([0] + cuts, cuts + [len(records)]):
        part = records[start:end]
        if start:
            part = [generate.header_at(records, start)] + part
        found = differ(program, directory, uri, ("replay", "-"), generate.text(part, tail if end == len(records) else b""))
        if found:
            return found
    return check_all(program, directory, uri)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--traces", type=int, default=6)
    parser.add_argument("bindir")
    options = parser.parse_args()
    program = os.path.join(os.path.abspath(options.bindir), "pagemeter")
    print(f"seed {options.seed}", flush=True)
    passed = failed = 0
    with postgres.Server("-c synchronous_commit=off") as server:
        jobs = [(os.path.basename(path), lambda d, u, path=path: check_golden(program, d, u, path))
                for path in sorted(glob.glob(os.path.join(HERE, "..", "golden", "*.trace")))]
        for number in range(options.traces):
            pick = random.Random(f"{options.seed}/{number}")
            records, tail = Host(f"{options.seed}/{number}", 150).run()
            jobs.append((f"trace {number}", lambda d, u, p=pick, r=records, t=tail: check_parts(program, d, u, p, r, t)))
        server.ask("CREATE DATABASE made")
        run(program, "db", "init", "--db", server.uri("made"))
        for number, (what, check) in enumerate(jobs):
            with tempfile.TemporaryDirectory() as scratch:
                # the first ones make the tables themselves
                server.ask(f"CREATE DATABASE replay{number}" + (" TEMPLATE made" if number >= 3 else ""))
                found = check(os.path.join(scratch, "db"), server.uri(f"replay{number}"))
                server.ask(f"DROP DATABASE replay{number}")
            passed, failed = passed + (not found), failed + bool(found)
            if found:
                print(f"FAIL {what}: {found}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
