#!/usr/bin/env python3
"""Random histories of hosts and customers through the product, against an independent computation.

    run.py [--seed N] [--histories N] [--seconds N] [--jobs N] [--only K] [--first] BINDIR

First some cases that are always the same (cases.py). Then each history (history.py) is lived through
with `pagemeter replay`, `account`, `tariff`, `charge` and `close`. After each step billing.db is
read and held against what it must be (books.py):

  always    the equation of every line, transfers that sum to 0, carries handed on, the ledger's
            chain, and nothing that was said, posted or sealed is gone or different
  charged   after a charge: every numerator exact, every whole penny posted; of sealed months what
            was billed is what should have been; an account's pennies and carries are its usage
  again     a second charge, or close, changes nothing; what is refused changes nothing, and is
            refused exactly when it should be
  seldom    at the end: with the charges left out, all but a last one, and the same months closed,
            lines and pennies are the same
  audit     at the end `pagemeter audit` finds nothing

A history that fails is made smaller and kept, as traces and a script. The last line is
"N passed, M failed".
"""

import argparse
import collections
import csv
import datetime
import functools
import io
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import books as oracle
import cases
from books import Books, Due, Measured, Said, Wrong
from history import EPOCH, History, hour_text, month_text

TIMEOUT_SECONDS = 120
SHRINK_SECONDS = 60
DEFAULT_HISTORIES = 60
NOW_HOURS = int(time.time()) // 3600
WAIT_HOURS = 1


class Product:
    """The program, and one store of its own."""

    def __init__(self, bindir, scratch):
        self.program = os.path.join(os.path.abspath(bindir), "pagemeter")
        self.scratch = scratch
        self.store = os.path.join(scratch, "db")
        self.script = []

    def words(self, *words):
        words = [self.program, *map(str, words), "--db", self.store]
        self.script.append(" ".join(words).replace(self.program, "pagemeter").replace(self.scratch + "/", ""))
        return words

    def start(self, *words):
        return subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run(self, *words, expect=(0,)):
        done = subprocess.run(self.words(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=TIMEOUT_SECONDS)
        return self.ended(done.returncode, done.stdout, done.stderr, words, expect)

    def finish(self, process, words, expect=(0,)):
        out, said = process.communicate(timeout=TIMEOUT_SECONDS)
        return self.ended(process.returncode, out, said, words, expect)

    @staticmethod
    def ended(status, out, said, words, expect):
        if status not in expect:
            raise Wrong(f"{words[0]} fails", f"{words[0]} exits with {status}, not {expect}: {out[-200:]} {said[-300:]}")
        if status != 0 and not said.startswith("pagemeter: "):
            raise Wrong(f"{words[0]} fails", f"{words[0]} exits with {status} and does not say why")
        return status, out + said

    def usage(self):
        """By VM and hour, all that was measured."""
        _, text = self.run("usage", "--by", "vm,hour", "--format", "csv")
        self.script.pop()
        rows = csv.DictReader(io.StringIO(text))
        return {(row["vm"], hour_of(row["hour"])): int(row["kib_ns"]) for row in rows}


@functools.lru_cache(maxsize=None)
def hour_of(text):
    """2026-11-22T13:00:00Z"""
    at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    return (at - EPOCH) // datetime.timedelta(hours=1)


def gib_h(usage):
    """9 decimals, rounded half to even."""
    unit = oracle.KIB_NS["GiBh"]
    whole, rest = divmod(usage * 10**9, unit)
    whole += rest * 2 > unit or (rest * 2 == unit and whole % 2 == 1)
    return f"{whole // 10**9}.{whole % 10**9:09}"


class Life:
    """A history, lived through in one store."""

    def __init__(self, history, product, often=None):
        self.history, self.product = history, product
        self.is_seldom = often is not None  # no charges, but one at the end
        self.often = often                  # closes what that life closed, at the same steps
        self.closed = {}                    # number of the step: month
        self.number = 0                     # of the step
        self.said = Said()
        self.done = 0                  # pieces that were replayed
        self.books = Books(oracle.dump(product.store))
        self.measured = None

    # -- looking

    def look(self):
        """Reads billing.db; what always holds must hold."""
        before, self.books = self.books, Books(oracle.dump(self.product.store))
        oracle.check_kept(before, self.books)
        oracle.check_always(self.books, os.path.join(self.product.store, "ledger.key"))

    def must_be_unchanged(self, what):
        difference = oracle.first_difference(self.books.tables, oracle.dump(self.product.store))
        if difference:
            raise Wrong("unchanged", f"{what} changed {difference}")

    def due(self):
        derived = {key: cell[0] for key, cell in self.measured.derived.items()}
        return Due(self.said, self.books.sealed, derived, self.product.usage())

    def check_charged(self):
        if self.measured is not None:
            due = self.due()
            oracle.check_all_charged(self.books, due, self.measured)
            return due
        return None

    # -- steps

    def step(self, step):
        getattr(self, "do_" + step[0])(*step[1:])

    def part(self, end):
        trace = self.history.trace
        path = os.path.join(self.product.scratch, f"trace-{self.done}-{end}")
        with open(path, "w", encoding="ascii") as file:
            file.write(trace.text(self.done, end))
        return path

    def do_replay(self, end):
        if end > self.done:
            self.product.run("replay", self.part(end))
            self.done = end
            self.measured = Measured(self.product.store)
            if self.books.tables["period"] or self.books.tables["line"]:
                self.must_be_unchanged("replay")

    def do_account(self, name, offset):
        self.said.add_account(name, offset)
        self.product.run("account", "add", name, "--name", f"customer\u00a0{name}", "--offset", offset)
        self.look()

    def do_assign(self, vm, account, hour, is_exact):
        if account not in self.said.accounts:  # in a history that was made smaller
            return
        self.said.assign(vm, account, hour, is_exact)
        self.product.run("account", "assign", vm, account, "--from", hour_text(hour), *["--exact"] * is_exact)
        self.look()

    def do_tariff(self, account, amount, unit, hour):
        if account not in self.said.accounts and account != "default":
            return
        self.said.set_tariff(account, oracle.price_of(amount, unit), hour)
        self.product.run("tariff", "set", account, amount, unit, "--from", hour_text(hour))
        self.look()

    def do_settle(self, account):
        if account not in self.said.accounts:
            return
        if self.said.holds(self.said.tariffs.get("default", []), 0) is None:
            self.do_tariff("default", "0.0421", "EUR/GiBh", 0)
        for vm in self.history.trace.vms:
            if self.said.owner(vm, 0) is None:
                self.do_assign(vm, account, 0, False)

    def do_charge(self, times):
        if self.measured is None or self.is_seldom:
            return
        before = self.books
        _, text = self.product.run("charge")
        self.look()
        self.check_told(before, text)
        for _ in range(times - 1):
            self.product.run("charge")
            self.must_be_unchanged("a second charge")

    def check_told(self, before, text):
        due = self.check_charged()
        postings = len(self.books.ledger) - len(before.ledger)
        adjustments = len(self.books.adjustments) - len(before.adjustments)
        lines = text.splitlines()
        wanted = [f"{postings} postings, {adjustments} adjustments"]
        wanted += [f"without {'an' if what == 'owner' else 'a'} {what}: {gib_h(usage)} GiB*h, not charged"
                   for what, usage in due.shown.items() if usage]
        if lines[postings:] != wanted:
            raise Wrong("told", f"charge says {lines[postings:]}, and should say {wanted}")
        told = [(int(line.split()[0]), line.split()[-2].replace(".", "")) for line in lines[:postings]]
        entries = [entry for entry in self.books.ledger[len(before.ledger):]]
        if [(entry, int(pennies)) for entry, pennies in told] != [(e.number, e.pennies) for e in entries]:
            raise Wrong("told", f"charge says {told[:3]}, and the ledger {entries[:3]}")

    def do_together(self):
        """Two at once: one of them does it, and the other finds nothing to do."""
        if self.measured is None or self.is_seldom:
            return
        before = self.books
        both = [self.product.start("charge") for _ in range(2)]
        said = [self.product.finish(process, ["charge"])[1] for process in both]
        self.look()
        self.check_charged()
        told = sum(int(text.split(" postings")[0].split()[-1]) for text in said)
        if told != len(self.books.ledger) - len(before.ledger):
            raise Wrong("together", f"{told} postings are told: {said}")

    def do_crowd(self, vm, account, hour, amount, unit):
        """Who comes when makes no difference: nothing of it is said of the same thing."""
        if self.measured is None or self.is_seldom or account not in self.said.accounts:
            self.do_assign(vm, account, hour, True)
            self.do_tariff("default", amount, unit, hour)
            return
        self.said.assign(vm, account, hour, True)
        self.said.set_tariff("default", oracle.price_of(amount, unit), hour)
        commands = [["charge"], ["account", "assign", vm, account, "--from", hour_text(hour), "--exact"],
                    ["tariff", "set", "default", amount, unit, "--from", hour_text(hour)], ["charge"]]
        for process, words in [(self.product.start(*words), words) for words in commands]:
            self.product.finish(process, words)
        self.look()
        self.do_charge(1)

    def do_meanwhile(self, end):
        """The meter goes on while charges run; each sees it as of one moment."""
        if end <= self.done or self.measured is None or self.is_seldom:
            self.do_replay(end)
            return
        words = ["replay", self.part(end)]
        meter = self.product.start(*words)
        while meter.poll() is None:
            self.product.run("charge")
            self.look()
        self.product.finish(meter, words)
        self.done = end
        self.measured = Measured(self.product.store)
        self.do_charge(1)

    # -- close

    def why_not(self, month, is_forced):
        """The word by which the refusal of a close is told, or None."""
        end = max([oracle.first_hour(month + 1, offset) for offset in [0, *self.said.accounts.values()]])
        if NOW_HOURS - end < WAIT_HOURS:
            return "close it later"
        delivered = min(self.measured.synchronised_ns, self.measured.derived_ns)
        if not is_forced and delivered < end * oracle.HOUR:
            return "has delivered no tick"
        if self.books.sealed >= 0 and month != self.books.sealed + 1:
            return f"{month_text(self.books.sealed + 1)} is to be closed first"
        due = self.due()
        first = self.first_month(due)
        if first is not None and first < month:
            return f"{month_text(first)} is to be closed first"
        if self.books.sealed < 0 and first != month:
            return "nothing was used in it"
        unowned = unpriced = False
        for (vm, hour), cell in self.measured.derived.items():
            account, price, in_month = self.said.rate(vm, hour)
            unowned |= in_month == month and account is None and cell[0] > 0
            unpriced |= in_month == month and account is not None and price is None and cell[0] > 0
        return "have no owner" if unowned else "have no tariff" if unpriced else None

    def first_month(self, due):
        """The first open month that has lines, or anything to be billed."""
        months = {line.key.month for line in self.books.lines.values()} | {key.month for key, n in due.open_n.items() if n}
        for (vm, hour), cell in self.measured.derived.items():
            if cell[0]:
                months.add(self.said.rate(vm, hour)[2])
        return min((month for month in months if month > self.books.sealed), default=None)

    def do_close(self, month, is_forced):
        if self.measured is None or (self.is_seldom and self.number not in self.often.closed):
            return
        if self.is_seldom:
            month = self.often.closed[self.number]
        elif month == "next":
            month = self.books.sealed + 1 if self.books.sealed >= 0 else self.first_month(self.due())
            month = self.history.first_month if month is None else month
        words = ["close", month_text(month)] + ["--force"] * is_forced
        if month <= self.books.sealed:
            _, text = self.product.run(*words)
            if "is sealed already" not in text:
                raise Wrong("close", f"{month_text(month)} is sealed, and close says {text}")
            self.must_be_unchanged("a second close")
            return
        why = self.why_not(month, is_forced)
        _, text = self.product.run(*words, expect=(3,) if why else (0,))
        if why:
            if why not in text:
                raise Wrong("close", f"should be refused with '{why}', and says {text}")
            self.must_be_unchanged("a close that was refused")
            return
        self.look()
        self.closed[self.number] = month
        if self.books.sealed != month:
            raise Wrong("close", f"{month_text(month)} is not sealed")
        oracle.check_month(self.books, month, self.said, self.measured)
        oracle.check_billed(self.books, self.due())
        oracle.check_total(self.books, self.due())

    # -- the end

    def live(self, steps):
        for self.number, step in enumerate(steps):
            self.step(step)
        self.is_seldom = False
        self.do_charge(2)

    def result(self):
        """What must not depend on how often it was charged: lines that have anything."""
        return {line.key: (line.carry_in, line.n, line.transfers, line.posted) for line in self.books.lines.values()
                if (line.carry_in, line.n, line.transfers, line.posted) != (0, 0, 0, 0)}


def live(bindir, scratch, history, steps, script=None):
    """Both lives of a history; the names of what they did."""
    products = []
    for name in ("often", "seldom"):
        os.mkdir(os.path.join(scratch, name))
        products.append(Product(bindir, os.path.join(scratch, name)))
    try:
        often = Life(history, products[0])
        seldom = Life(history, products[1], often)
        often.live(steps)
        products[0].run("audit")
        seldom.live(steps)
        if often.result() != seldom.result():
            different = sorted(set(often.result().items()) ^ set(seldom.result().items()))
            raise Wrong("seldom", f"often and seldom charged differ: {different[:2]}")
        return collections.Counter(step[0] for step in steps), often.books
    finally:
        if script is not None:
            script.extend(products[0].script)


# ---- what fails, made smaller ----

def fails_alike(bindir, history, steps, rule):
    with tempfile.TemporaryDirectory(prefix="pagemeter-shrink.", dir=scratch_place()) as scratch:
        try:
            live(bindir, scratch, history, steps)
        except Wrong as wrong:
            return wrong.rule == rule
        except (subprocess.TimeoutExpired, KeyError):
            return False
    return False


def shrink(bindir, history, rule):
    """Steps left out, as long as it fails by the same rule."""
    steps, until = list(history.steps), time.monotonic() + SHRINK_SECONDS
    size = len(steps) // 2
    while size >= 1:
        at = 0
        while at < len(steps) and time.monotonic() < until:
            fewer = steps[:at] + steps[at + size:]
            if fails_alike(bindir, history, fewer, rule):
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def keep_failure(bindir, history, wrong):
    steps = shrink(bindir, history, wrong.rule)
    place = tempfile.mkdtemp(prefix="pagemeter-billing-failed.")
    script, again = [], wrong
    try:
        live(bindir, place, history, steps, script)
    except Wrong as smaller:
        again = smaller
    with open(os.path.join(place, "often", "script"), "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in script))
    return f"     smaller: {again}\n     {len(script)} commands in {place}/often/script"


# ---- running them ----

def scratch_place():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def run_case(bindir, case, place):
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        try:
            case(Life(cases.FixedHistory(), Product(bindir, scratch)))
            return case.__name__, None, None
        except Wrong as wrong:
            return case.__name__, f"FAIL {case.__name__}: {wrong}", None


def run_history(job):
    bindir, seed, number, must_keep, place = job
    if not isinstance(number, int):
        return run_case(bindir, number, place)
    history = History(f"{seed}/{number}")
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        try:
            counts, end = live(bindir, scratch, history, history.steps)
            return number, None, (counts, len(end.periods), len(end.adjustments), len(end.ledger))
        except Wrong as wrong:
            failed = wrong
        except subprocess.TimeoutExpired as late:
            failed = Wrong("timeout", str(late))
    text = f"FAIL history {number} of seed {seed}: {failed}"
    return number, text + ("\n" + keep_failure(bindir, history, failed) if must_keep else ""), None


def jobs(options, place):
    until = time.monotonic() + options.seconds
    for number in [*cases.CASES, *range(options.histories)]:
        name = str(number) if isinstance(number, int) else number.__name__
        if time.monotonic() < until and options.only in (None, name):
            yield options.bindir, options.seed, number, not options.first, place


def clear(place):
    """Commands of histories that were broken off may go on for a moment, and make their directories again."""
    for _ in range(20):
        time.sleep(0.5)
        if not os.path.exists(place):
            return
        shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="Random histories against an independent computation.")
    parser.add_argument("--seed", type=int, default=None, help="printed by each run; takes back its histories")
    parser.add_argument("--histories", type=int, default=DEFAULT_HISTORIES)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no history after so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--only", help="only this history of the seed, or this case")
    parser.add_argument("--first", action="store_true", help="stop at the first failure and keep nothing")
    parser.add_argument("bindir")
    options = parser.parse_args()
    if not os.access(os.path.join(options.bindir, "pagemeter"), os.X_OK):
        parser.error(f"no pagemeter in {options.bindir}")
    if options.seed is None:
        options.seed = int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {options.seed}", flush=True)
    passed = failed = 0
    counts, sums = collections.Counter(), [0, 0, 0]
    with tempfile.TemporaryDirectory(prefix="pagemeter-billing.", dir=scratch_place(),
                                     ignore_cleanup_errors=True) as place:
        with multiprocessing.Pool(options.jobs) as pool:
            for _, text, done in pool.imap_unordered(run_history, jobs(options, place)):
                passed, failed = passed + (text is None), failed + (text is not None)
                if done:
                    counts += done[0]
                    sums = [a + b for a, b in zip(sums, done[1:])]
                if text is not None:
                    print(text, flush=True)
                    if options.first or failed >= 5:
                        pool.terminate()
                        break
    if failed:
        clear(place)
    print(f"{sum(counts.values())} steps ({', '.join(f'{n} {what}' for what, n in sorted(counts.items()))});"
          f" {sums[0]} months sealed, {sums[1]} adjustments, {sums[2]} entries")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
