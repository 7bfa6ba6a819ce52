#!/usr/bin/env python3
"""Turns off one safety of billing at a time: the tests must notice.

    mutants.py [--seed N] [--histories N] BINDIR

BINDIR holds a test build, whose `pagemeter safeties` lists its switches, one a line;
PAGEMETER_SAFETY_OFF=<name> turns one off. With everything on, cases and histories must pass. Then
those that begin with billing- are tried, each with the same seed: a run that fails is a pass.

The last line is "N passed, M failed".
"""

import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SUMMARY = re.compile(r"(\d+) passed, (\d+) failed")
SEED = 11


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
    parser = argparse.ArgumentParser(description="Each safety of billing off: the tests must fail.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--histories", type=int, default=20)
    parser.add_argument("bindir")
    options = parser.parse_args()
    words = [sys.executable, os.path.join(HERE, "run.py"), "--first", "--seed", str(options.seed),
             "--histories", str(options.histories), options.bindir]
    listed = subprocess.run([os.path.join(options.bindir, "pagemeter"), "safeties"], stdout=subprocess.PIPE,
                            check=True, text=True).stdout.split()
    safeties = [name for name in listed if name.startswith("billing-")]
    print(f"seed {options.seed}, {len(safeties)} safeties", flush=True)
    fine, failure = outcome(words, None)
    passed, failed = int(fine), int(not fine)
    if not fine:
        print(f"FAIL with every safety on: {failure}", flush=True)
    # Tests that fail in any case can't show what a safety is for.
    for name in safeties if fine else []:
        unnoticed, failure = outcome(words, name)
        passed, failed = passed + (not unnoticed), failed + unnoticed
        print(f"FAIL {name}: off, and nothing noticed" if unnoticed else f"{name}: {failure[:150]}", flush=True)
    if not safeties:
        failed += 1
        print("FAIL no safety of billing is listed")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
