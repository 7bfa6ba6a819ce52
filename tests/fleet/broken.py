#!/usr/bin/env python3
"""Connections that break while books are written in PostgreSQL: all of a command has happened, or nothing.

    broken.py [--seed N] [--tries N] BINDIR

The story of tests/billing/scene.py is told to a directory and to PostgreSQL. Each charge and each close
is first tried there through connections that are cut at random bytes. After each try either the books
are as they were, or as they are when the command succeeds; and in the end they are those of the
directory. The last line is "N passed, M failed".
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import same
import scene
import server as postgres
from proxy import Proxy

# what a run does not decide: when it was, and hashes over that
SUMS = ("SELECT account, vm, currency, unit, month, carry_in_high, carry_in_middle, carry_in_low, n_high, n_middle, n_low,"
        " posted FROM line ORDER BY 1, 2, 3, 4, 5",
        "SELECT entry, kind, line, pennies, high, middle, low, host, tick FROM ledger ORDER BY entry",
        "SELECT hour, nano_pennies, kib_s, kib_s_frac, cause, line FROM adjustment ORDER BY adjustment",
        "SELECT line, hour, nano_pennies, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM rated ORDER BY line, hour",
        "SELECT month, entry, missing_hosts FROM period ORDER BY month",
        "SELECT store, tick, stale_from, unassigned_s, unassigned_frac, unpriced_s, unpriced_frac FROM charged ORDER BY store")


class Broken(same.Both):
    def __init__(self, bindir, directory, server, database, options, proxy):
        super().__init__(bindir, directory, server, database)
        self.server, self.database, self.pick, self.tries = server, database, random.Random(options.seed), options.tries
        self.cut = f"postgresql://postgres@/{database}?host={proxy.place}"
        self.happened = self.untouched = 0

    def sums(self):
        return [self.server.ask(sql, self.database) for sql in SUMS]

    def run(self, *words, expect=0):
        if words[0] not in ("charge", "close"):
            return super().run(*words, expect=expect)
        one = self.file.run(*words, expect=expect)
        for _ in range(self.tries):
            before = self.sums()
            subprocess.run([self.file.program, *words, "--key", self.key, "--db", self.cut], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=120)
            after = self.sums()
            self.untouched += before == after
            if before != after:
                self.happened += 1
                self.must_be_whole(words)
        self.central.run(*words, "--key", self.key, expect=expect)
        self.must_be_whole(words)
        return one

    def must_be_whole(self, words):
        """What is there is what the directory has."""
        books = scene.open_both(self.file.store)
        for sql, got in zip(SUMS, self.sums()):
            wanted = "\n".join("|".join("" if value is None else str(value) for value in row) for row in books.execute(sql))
            if wanted != got:
                raise same.Wrong(f"{' '.join(words)}: {got[:300]} and should be {wanted[:300]}")
        books.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("bindir")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch, postgres.Server() as server:
        server.ask("CREATE DATABASE broken")
        server.ask("ALTER DATABASE broken SET search_path = meter, billing")
        between = os.path.join(scratch, "proxy")
        os.mkdir(between)
        proxy = Proxy(between, server.place, options.seed)
        proxy.is_wild = True
        both = Broken(options.bindir, os.path.join(scratch, "db"), server, "broken", options, proxy)
        both.central.run("db", "init")
        for what, check in (("the story", lambda: scene.make(both)),
                            ("audit", lambda: both.central.run("audit", "--key", both.key))):
            try:
                check()
                passed += 1
            except AssertionError as wrong:
                failed += 1
                print(f"FAIL {what}: {wrong}")
        print(f"{both.untouched} tries changed nothing, {both.happened} were whole; {proxy.cuts} connections cut")
        if not proxy.cuts or not both.untouched:
            failed += 1
            print("FAIL nothing was broken")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
