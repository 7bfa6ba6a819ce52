#!/usr/bin/env python3
"""Property tests: random traces through the product, against an independent computation.

    run.py [--seed N] [--lives N] [--jobs N] [--only K] [--keep-going | --first] BINDIR

Of each random trace (see generate.py), replayed into an empty store:

  bill      `usage --all --by vm,host,life,hour --format csv` is the oracle's, to the byte
  sums      the hours of a life add up to the life, and its three durations to its length
  parts     cut at random places and replayed in parts, the bill is that of the whole
  queries   so is the oracle's any other --by, with and without --all, --from and --to
  twice     (some) replayed once more it is refused, and nothing has changed
  audit     (some) `pagemeter audit` finds nothing, in the whole and in the parts
  sql       (some) no file of sql/audit returns a row, in the sqlite3 shell

A trace that fails is kept, made smaller and kept again; the seed and both paths
are printed. The oracle itself is first held against the golden traces. The last
line is "N passed, M failed": the oracle, and each trace.
"""

import argparse
import datetime
import glob
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import generate
import oracle
import shrink

HERE = os.path.dirname(os.path.abspath(__file__))
SQL = sorted(glob.glob(os.path.join(HERE, "..", "..", "sql", "audit", "*.sql")))
GOLDEN = os.path.join(HERE, "..", "golden")
FINEST = ["vm", "host", "life", "hour"]
SHRINK_SECONDS = 40
TIMEOUT_SECONDS = 120


class Failed(Exception):
    """A property does not hold: its name and what was seen."""

    def __init__(self, check, what):
        super().__init__(f"{check}: {what}")
        self.check = check


class Product:
    def __init__(self, bindir, scratch):
        self.program = os.path.join(os.path.abspath(bindir), "pagemeter")
        self.scratch = scratch

    def run(self, *words):
        return subprocess.run([self.program, *words], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT_SECONDS)

    def store(self, name):
        """An empty place for a store."""
        path = os.path.join(self.scratch, name)
        shutil.rmtree(path, ignore_errors=True)
        return path

    def replay(self, check, data, store, expect=0):
        trace = os.path.join(self.scratch, "trace")
        with open(trace, "wb") as file:
            file.write(data)
        done = self.run("replay", trace, "--db", store)
        if done.returncode != expect:
            raise Failed(check, f"replay exits with {done.returncode}, not {expect}: {said(done)}")

    def usage(self, check, store, by=tuple(FINEST), everything=True, start=None, end=None):
        words = ["usage", "--db", store, "--by", ",".join(by), "--format", "csv"]
        words += ["--all"] if everything else []
        words += ["--from", oracle.hour_text(start)] if start is not None else []
        words += ["--to", oracle.hour_text(end)] if end is not None else []
        done = self.run(*words)
        if done.returncode != 0:
            raise Failed(check, f"{' '.join(words)} exits with {done.returncode}: {said(done)}")
        return done.stdout


def said(done):
    return done.stderr.decode(errors="replace").strip()[-300:]


def difference(wanted, got):
    wanted, got = wanted.decode().splitlines(), got.decode(errors="replace").splitlines()
    for line, (left, right) in enumerate(zip(wanted + ["(end)"], got + ["(end)"]), 1):
        if left != right:
            return f"line {line}: wanted {left!r}, got {right!r}"
    return f"{len(wanted)} lines wanted, {len(got)} got"


# --- The properties ------------------------------------------------------------

def check_bill(product, data, rows, store):
    product.replay("bill", data, store)
    wanted, got = oracle.csv_of(rows, FINEST, True), product.usage("bill", store)
    if wanted != got:
        raise Failed("bill", difference(wanted, got))
    return got


def check_sums(product, host, lives, store, bill):
    def sums(csv, keys):
        total = {}
        for line in csv.decode().splitlines()[1:]:
            words = line.split(",")
            row = total.setdefault(tuple(words[:3]), [0, 0, 0, 0])
            for n, word in enumerate([words[keys]] + words[keys + 2:]):
                row[n] += int(word)
        return total

    by_hour = sums(bill, 4)
    by_life = sums(product.usage("sums", store, ["vm", "host", "life"]), 3)
    if by_hour != by_life:
        raise Failed("sums", f"hours and lives differ: {sorted(set(by_hour.items()) ^ set(by_life.items()))[:2]}")
    lengths = {(life.uuid, host, life.name()): life.length_ns() for life in lives}
    for life, (_, *durations) in by_life.items():
        if sum(durations) != lengths[life]:
            raise Failed("sums", f"{life} lasted {lengths[life]}, its durations are {durations}")


def check_parts(product, pick, records, tail, store, bill):
    cuts = sorted(pick.sample(range(1, len(records) + 1), min(len(records), pick.choice([1, 1, 1, 2, 5]))))
    starts = [0] + cuts
    for start, end in zip(starts, cuts + [len(records)]):
        part = records[start:end]
        if start:
            part = [generate.header_at(records, start)] + part
        last = end == len(records) and start == starts[-1]
        product.replay("parts", generate.text(part, tail if last else b""), store)
    got = product.usage("parts", store)
    if got != bill:
        raise Failed("parts", f"cut before records {cuts}: {difference(bill, got)}")


def check_query(product, pick, rows, store):
    by = pick.sample(oracle.KEYS, pick.randint(1, 5))
    everything, start, end = pick.random() < 0.5, None, None
    hours = sorted({row["hour_number"] for row in rows}) or [0]
    if pick.random() < 0.5:
        start = max(0, pick.choice(hours) + pick.choice([-1, 0, 0, 1]))
    if pick.random() < 0.5:
        end = max(pick.choice(hours) + pick.choice([0, 0, 1, 2]), (start or 0) + 1)
    wanted = oracle.csv_of(rows, by, everything, start, end)
    got = product.usage("queries", store, by, everything, start, end)
    if wanted != got:
        raise Failed("queries", f"--by {','.join(by)} all={everything} from={start} to={end}: {difference(wanted, got)}")


def check_inside_an_hour(product, pick, store):
    at = datetime.datetime(2026, 11, 22, 13, pick.randint(0, 59), pick.randint(1, 59)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = product.run("usage", "--db", store, pick.choice(["--from", "--to"]), at, "--format", "csv")
    if done.returncode != 2:
        raise Failed("queries", f"an instant inside an hour, {at}, exits with {done.returncode}")


def check_twice(product, data, store, bill):
    if b"\nT " not in data:
        return
    product.replay("twice", data, store, expect=3)
    got = product.usage("twice", store)
    if got != bill:
        raise Failed("twice", difference(bill, got))


def check_audit(product, store, check="audit"):
    done = product.run("audit", "--db", store)
    if done.returncode != 0:
        raise Failed(check, f"audit exits with {done.returncode}: {done.stdout.decode(errors='replace')[-300:]} {said(done)}")


def check_sql(store):
    for file in SQL:
        with open(file, "rb") as query:
            done = subprocess.run(["sqlite3", "-batch", "-bail", "-readonly", os.path.join(store, "meter.db")],
                                  stdin=query, capture_output=True, timeout=TIMEOUT_SECONDS)
        if done.returncode != 0 or done.stdout or done.stderr:
            raise Failed("sql", f"{os.path.basename(file)}: {done.stdout.decode(errors='replace')[:300]} {said(done)}")


def check_trace(product, seed, number, records, tail, only=None):
    """All properties of one trace, or, when shrinking, `only` that one; returns how many lives it has."""
    pick = random.Random(f"{seed}/{number}/checks")
    data = generate.text(records, tail)
    host, ticks = oracle.read_trace(data)
    lives = oracle.lives_of(ticks)
    rows = oracle.usage_per_life_and_hour(host, lives)
    whole, parts = product.store("whole"), product.store("parts")
    wants = lambda check: only in (None, check)

    bill = check_bill(product, data, rows, whole)
    if wants("sums"):
        check_sums(product, host, lives, whole, bill)
    if wants("parts"):
        check_parts(product, random.Random(f"{seed}/{number}/cuts"), records, tail, parts, bill)
    if wants("queries"):
        check_query(product, pick, rows, whole)
        check_query(product, pick, rows, whole)
        if number % 8 == 0:
            check_inside_an_hour(product, pick, whole)
    # The rest is dear: every property of a fourth or an eighth of the traces.
    if wants("twice") and number % 4 == 1:
        check_twice(product, data, whole, bill)
    if wants("audit") and number % 4 == 1:
        check_audit(product, whole)
    if wants("parts") and number % 8 == 3:
        check_audit(product, parts, "parts")
    if wants("sql") and number % 4 == 0:
        check_sql(whole)
    return len(lives)


def check_oracle():
    """The oracle itself must give the bills and the refusals that were derived by hand."""
    for trace in sorted(glob.glob(os.path.join(GOLDEN, "*.trace"))):
        with open(trace, "rb") as file, open(trace[:-len("trace")] + "csv", "rb") as csv:
            host, ticks = oracle.read_trace(file.read())
            rows = oracle.usage_per_life_and_hour(host, oracle.lives_of(ticks))
            wanted, got = csv.read(), oracle.csv_of(rows, FINEST, True)
            if wanted != got:
                raise Failed("oracle", f"{os.path.basename(trace)}: {difference(wanted, got)}")
    for trace in sorted(glob.glob(os.path.join(GOLDEN, "refused", "*.trace"))):
        with open(trace, "rb") as file, open(trace[:-len("trace")] + "line", encoding="ascii") as line:
            wanted, got = line.read().strip(), "-"
            try:
                oracle.read_trace(file.read())
            except oracle.Refused as refused:
                got = str(refused.line)
            if wanted not in (got, "-"):
                raise Failed("oracle", f"refused/{os.path.basename(trace)}: line {wanted} wanted, got {got}")


# --- Running them --------------------------------------------------------------

def scratch_place():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def outcome(product, seed, number, records, tail, only=None):
    """(how many lives, None), or (0, the Failed)."""
    try:
        return check_trace(product, seed, number, records, tail, only), None
    except Failed as failed:
        return 0, failed
    except subprocess.TimeoutExpired as late:
        return 0, Failed("timeout", str(late))


def run_trace(job):
    """One trace: (its number, how many lives, None or the text about the failure)."""
    bindir, seed, number, lives, keep, place = job
    records, tail = generate.random_trace(f"{seed}/{number}", lives)
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        product = Product(bindir, scratch)
        count, failed = outcome(product, seed, number, records, tail)
        if failed is None:
            return number, count, None
        if keep is None:
            return number, 0, f"FAIL trace {number} of seed {seed}: {failed}"

        whole = os.path.join(keep, f"{seed}-{number}.trace")
        with open(whole, "wb") as file:
            file.write(generate.text(records, tail))

        def fails_alike(some, rest):
            try:
                _, again = outcome(product, seed, number, some, rest, failed.check)
            except oracle.Refused:
                return False
            return again is not None and again.check == failed.check

        few, rest = shrink.shrink(records, tail, fails_alike, SHRINK_SECONDS)
        small = os.path.join(keep, f"{seed}-{number}.small.trace")
        with open(small, "wb") as file:
            file.write(generate.text(few, rest))
        _, again = outcome(product, seed, number, few, rest, failed.check)
        again = again or failed
        return number, 0, (f"FAIL trace {number} of seed {seed}: {failed}\n"
                               f"     kept as {whole}\n     smaller in {small}: {again}")


def jobs(options, keep, place):
    """Traces of differing sizes until there are lives enough (a trace has at least its share)."""
    pick = random.Random(f"{options.seed}/sizes")
    lives = number = 0
    while lives < options.lives:
        share = min(pick.choice([20, 100, 500, 800, 1200]), options.lives - lives)
        yield options.bindir, options.seed, number, share, keep, place
        lives += share
        number += 1


def main():
    parser = argparse.ArgumentParser(description="Random traces against an independent computation.")
    parser.add_argument("--seed", type=int, default=None, help="printed by each run; the same seed makes the same traces")
    parser.add_argument("--lives", type=int, default=100_000, help="how many random lives, at least")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--only", type=int, help="only this trace of the seed")
    parser.add_argument("--keep-going", action="store_true", help="do not stop after five failures")
    parser.add_argument("--first", action="store_true", help="stop at the first failure and keep nothing")
    parser.add_argument("bindir")
    options = parser.parse_args()
    if not os.access(os.path.join(options.bindir, "pagemeter"), os.X_OK):
        parser.error(f"no pagemeter in {options.bindir}")
    if options.seed is None:
        options.seed = int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {options.seed}, {len(SQL)} files of sql/audit", flush=True)

    keep = None if options.first else tempfile.mkdtemp(prefix="pagemeter-failed.")
    begun = time.monotonic()
    passed = failed = lives = 0
    try:
        check_oracle()
        passed += 1
    except (Failed, oracle.Refused) as wrong:
        failed += 1
        print(f"FAIL {wrong}", flush=True)
    # One place for all: workers that are stopped don't clear up.
    with tempfile.TemporaryDirectory(prefix="pagemeter-property.", dir=scratch_place(),
                                     ignore_cleanup_errors=True) as place:
        todo = [job for job in jobs(options, keep, place) if options.only in (None, job[2])]
        with multiprocessing.Pool(options.jobs) as pool:
            for _, count, failure in pool.imap_unordered(run_trace, todo):
                lives += count
                if failure is None:
                    passed += 1
                    continue
                failed += 1
                print(failure, flush=True)
                if options.first:
                    break
                if failed == 5 and not options.keep_going:
                    print("five failures are enough; --keep-going shows them all")
                    break
    if keep and not failed:
        os.rmdir(keep)
    print(f"{lives} lives in {len(todo)} traces, {time.monotonic() - begun:.0f} s, seed {options.seed}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
