#!/usr/bin/env python3
"""Turns off one safety of the meter at a time: the tests must notice.

    mutants.py [--seed N] [--lives N] BINDIR

BINDIR holds a test build, whose `pagemeter safeties` lists its switches, one a
line; PAGEMETER_SAFETY_OFF=<name> turns one off. With everything on, the golden
and the random traces must pass. Then those that begin with meter- are tried, first
with the golden traces and, where those notice nothing, with random ones: a run
that fails is a pass.

The last line is "N passed, M failed".
"""

import argparse
import os
import random
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SUMMARY = re.compile(r"(\d+) passed, (\d+) failed")


def outcome(words, off):
    """(whether the run passed, its first failure). A run without a summary is an error, not a catch."""
    environment = dict(os.environ)
    environment.pop("PAGEMETER_SAFETY_OFF", None)
    if off:
        environment["PAGEMETER_SAFETY_OFF"] = off
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    summary = SUMMARY.fullmatch(lines[-1]) if lines else None
    if not summary or (done.returncode == 0) != (summary[2] == "0"):
        raise SystemExit(f"mutants.py: {' '.join(words)} ended without its summary, exit status {done.returncode}")
    return done.returncode == 0, next((line for line in lines if line.startswith("FAIL")), "")


def main():
    parser = argparse.ArgumentParser(description="Each safety of the meter off: the tests must fail.")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--lives", type=int, default=5000)
    parser.add_argument("bindir")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    golden = [os.path.join(HERE, "..", "golden", "run.sh"), "--quick", "--first", options.bindir]
    properties = [sys.executable, os.path.join(HERE, "run.py"), "--first", "--seed", str(seed),
                  "--lives", str(options.lives), options.bindir]
    listed = subprocess.run([os.path.join(options.bindir, "pagemeter"), "safeties"], stdout=subprocess.PIPE,
                            check=True, text=True).stdout.split()
    safeties = [name for name in listed if name.startswith("meter-")]
    print(f"seed {seed}, {len(safeties)} safeties", flush=True)
    passed = failed = 0

    for words in (golden, properties):
        fine, failure = outcome(words, None)
        passed, failed = passed + fine, failed + (not fine)
        if not fine:
            print(f"FAIL with every safety on: {failure}", flush=True)
    # Tests that fail in any case can't show what a safety is for.
    for name in safeties if not failed else []:
        fine, failure = outcome(golden, name)
        if fine:
            fine, failure = outcome(properties, name)
        passed, failed = passed + (not fine), failed + fine
        print(f"FAIL {name}: off, and nothing noticed" if fine else f"{name}: {failure[:150]}", flush=True)
    if not safeties:
        failed += 1
        print("FAIL no safety of the meter is listed")

    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
