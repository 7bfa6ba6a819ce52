#!/usr/bin/env python3
"""No audit finds anything in sound books: after every step of random histories.

    sound.py [--seed N] [--histories N] BINDIR

The histories are those of run.py, whose oracle says at each step that the books are sound; then every
file of sql/audit/billing must return no row. The last line is "N passed, M failed": histories.
"""

import argparse
import os
import random
import sys
import tempfile

sys.dont_write_bytecode = True
import audit
import run
import scene
from history import History


class Audited(run.Life):
    """A life whose books are audited after each step."""

    steps = 0

    def step(self, step):
        super().step(step)
        store = self.product.store
        if not all(os.path.exists(os.path.join(store, name)) for name in ("billing.db", "meter.db")):
            return
        connection = scene.open_both(store)
        try:
            for name, path in zip(audit.NAMES, audit.FILES):
                self.audit(connection, name, path, step)
        finally:
            connection.close()
        self.steps += 1

    @staticmethod
    def audit(connection, name, path, step):
        with open(path, encoding="utf-8") as file:
            statements = [text for text in file.read().split(";\n") if text.strip()]
        for statement in statements:
            rows = connection.execute(statement).fetchmany(2)
            if rows:
                raise run.Wrong(name, f"finds {rows} after {step}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--histories", type=int, default=6)
    parser.add_argument("bindir")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    passed = failed = steps = 0
    for number in range(options.histories):
        history = History(f"{options.seed}/{number}")
        with tempfile.TemporaryDirectory(prefix="pagemeter-sound.", dir=run.scratch_place()) as scratch:
            life = Audited(history, run.Product(options.bindir, scratch))
            try:
                for step in history.steps:
                    life.step(step)
                passed += 1
            except run.Wrong as wrong:
                failed += 1
                print(f"FAIL history {number} of seed {options.seed}: {wrong}")
            steps += life.steps
    print(f"{steps} steps")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
