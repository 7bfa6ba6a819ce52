#!/usr/bin/env python3
"""Journals through hledger and ledger, both as strict as they can be, against SQL.

    journal.py [--seed N] [--stores N] PROGRAM WRITE_EXPORT

Of each store with customers (customers.py) the months alone, all months in one file, and a day must
stand the strict checks, and both programs' balances must be what SQL adds up from the ledger. So
must a statement of 300 customers with the names that break journals. Then a figure is changed, a
month is booked twice, a declaration is taken away: that must be noticed. The last line is
"N passed, M failed".
"""

import argparse
import collections
import csv
import datetime
import fractions
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from customers import MONTHS, NAMES, WILD, Customers

MINOR_DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "HLEDGER_CONF": "/dev/null"}
MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

tests = collections.Counter()


def check(is_good, said):
    tests["passed" if is_good else "failed"] += 1
    if not is_good:
        print(f"FAILED: {said}")


def run(*words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=ENVIRONMENT)


def counted(text, rows):
    check(int(rows) == len(re.findall("^[0-9]", text, re.M)), f"{rows} transactions are said to be there")
    return text


def write_told(program, told):
    done = subprocess.run([program, "journal"], input=told, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"write_export: {done.stderr.decode()}")
    return counted(done.stdout.decode(), done.stderr)


class Journal:
    """A text as both programs read it."""

    def __init__(self, scratch, text):
        self.path = os.path.join(scratch, "test.journal")
        with open(self.path, "w") as file:
            file.write(text)
        checked = run("hledger", "-f", self.path, "check", "--strict", "ordereddates", "payees")
        balanced = run("hledger", "-f", self.path, "balance", "--flat", "--no-total", "-O", "csv", "--layout", "bare")
        ledger = run("ledger", "--init-file", "/dev/null", "-f", self.path, "--strict", "--pedantic", "--check-payees", "balance",
                     "--flat", "--no-total", "--balance-format", "%(account)\t%(strip(amount))\n")
        self.refused = [done.stderr.decode() for done in (checked, balanced, ledger) if done.returncode != 0]
        if not self.refused:
            self.balances = (self.of_hledger(balanced.stdout.decode()), self.of_ledger(ledger.stdout.decode()))

    @staticmethod
    def of_hledger(text):
        return {(account, currency): fractions.Fraction(amount)
                for account, currency, amount in list(csv.reader(text.splitlines()))[1:] if currency}

    @staticmethod
    def of_ledger(text):
        """An account, a tab, and its amounts a line each."""
        balances, account = {}, None
        for line in text.splitlines():
            before, tab, behind = line.partition("\t")
            account, amounts = (before, behind) if tab else (account, line)
            if amounts.strip():
                amount, currency = amounts.split()
                balances[account, currency] = fractions.Fraction(amount)
        return balances

    def listed(self, what):
        """Payees, or tags, as each of the programs has understood them."""
        hledger = run("hledger", "-f", self.path, what)
        ledger = run("ledger", "--init-file", "/dev/null", "-f", self.path, what)
        return [set(filter(None, done.stdout.decode().split("\n"))) for done in (hledger, ledger)]


def nonzero(balances):
    return {key: amount for key, amount in balances.items() if amount != 0}


def last_day(period):
    """Of a month, or the day itself."""
    first = datetime.date.fromisoformat((period + "-01")[:10])
    return first if len(period) > 7 else (first + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)


def wrong(scratch, text, expected):
    """What is wrong with a journal, or None."""
    journal = Journal(scratch, text)
    if journal.refused:
        return "refused: " + journal.refused[0]
    for program, balances in zip(("hledger", "ledger"), journal.balances):
        if nonzero(balances) != nonzero(expected):
            return f"{program}: {nonzero(balances).items() ^ nonzero(expected).items()}"
    if journal.listed("tags") != [set(), set()]:
        return f"tags: {journal.listed('tags')}"
    payees = set(re.findall("^payee (.*)$", text, re.M))
    if any(listed != payees for listed in journal.listed("payees")):
        return f"payees: {[listed ^ payees for listed in journal.listed('payees')]}"
    periods = {account.rpartition(":")[2] for account, _ in expected if account.startswith("assets:")}
    dates = set(re.findall("^[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.M))
    return None if dates == {str(last_day(period)) for period in periods} else f"dates: {dates}"


def balances_of(sums):
    """(account, currency, period, pennies) as a journal's balances."""
    expected = collections.Counter()
    for account, currency, period, pennies in sums:
        amount = fractions.Fraction(pennies, 10**MINOR_DIGITS[currency])
        expected[f"assets:receivable:{account}:{period}", currency] += amount
        expected[f"revenue:memory:{account}", currency] -= amount
    return expected


def of_month(store, month):
    number = (int(month[:4]) - 1970) * 12 + int(month[5:]) - 1
    return [(account, currency, month, pennies) for account, currency, pennies in store.query(
        "SELECT account, currency, sum(pennies) FROM ledger JOIN line USING (line) WHERE month = ? GROUP BY 1, 2", number)]


# ---- names ----


def told_names(pick):
    """300 customers and their VMs, whose names hold what journals give a meaning, alone and combined."""
    month = (datetime.date(2024, 5, 1).toordinal() - 719163) * 24
    lines, sums = [f"S 652 {month} {month + 31 * 24} {pick.randrange(2)} 1 "], []
    wild = [name if isinstance(name, bytes) else name.encode() for name in NAMES + WILD]
    for number in range(300):
        account = f"c{number:03}{pick.choice(['', '.', '-', '_'])}"
        name = wild[number] if number < len(wild) else b"".join(
            pick.choice([*(mark.encode() for mark in MARKS), b" ", b"  ", b"\t", b"a", b"2024-01-01", "ü".encode(), b"\n", b"\xff",
                         *wild[:20]]) for _ in range(pick.randrange(1, 9)))
        for vm in sorted(pick.sample(range(1000), pick.randrange(1, 4))):
            posted, currency = pick.choice([-1, 1]) * pick.randrange(1, 10**pick.randrange(1, 12)), pick.choice(list(MINOR_DIGITS))
            lines.append(f"R {account} {name.hex()} aaaaaaaa-0000-4000-8000-{vm:012} {pick.choice([name, b'']).hex()} 0 {currency} GiBh"
                         f" - - 0 0 {posted} 0")
            sums.append((account, currency, "2024-05", posted))
    return "\n".join(lines).encode() + b"\n", balances_of(sums)


# ---- one thing changed ----


def change_digit(pick, line):
    """One digit of an amount; the line has several of them when it asserts a balance."""
    places = [place for match in re.finditer(r"-?[0-9.]+(?= [A-Z]{3}( |$))", line.partition(";")[0])
              for place in range(*match.span()) if line[place].isdigit()]
    place = pick.choice(places)
    return line[:place] + str((int(line[place]) + 1) % 10) + line[place + 1:]


def mutants(pick, scratch, text, expected, count):
    lines = text.split("\n")
    amounts = [place for place, line in enumerate(lines) if line.startswith("    ")]
    for _ in range(count):
        place = pick.choice(amounts)
        changed = lines[:place] + [change_digit(pick, lines[place])] + lines[place + 1:]
        check(wrong(scratch, "\n".join(changed), expected), f"nobody notices: {changed[place]} instead of {lines[place]}")
    # consistent in itself, but not what SQL says
    heading = pick.choice([place for place, line in enumerate(lines) if re.match("[0-9]", line)])
    end = lines.index("", heading)
    check(wrong(scratch, "\n".join(lines[:heading] + lines[end:]), expected), "nobody notices that a transaction is gone")
    for word in ("commodity", "account", "payee"):
        place = pick.choice([place for place, line in enumerate(lines) if line.startswith(word + " ")])
        check(wrong(scratch, "\n".join(lines[:place] + lines[place + 1:]), expected), f"nobody notices that {lines[place]} is gone")
    check(Journal(scratch, text + text).refused, "nobody notices that a month is booked twice")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--stores", type=int, default=2)
    parser.add_argument("program")
    parser.add_argument("write_export")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as scratch:
        told, expected = told_names(random.Random(options.seed))
        said = wrong(scratch, write_told(options.write_export, told), expected)
        check(said is None, f"names: {said}")
        for seed in range(options.seed, options.seed + options.stores):
            store = Customers(options.program, os.path.join(scratch, str(seed)), seed)
            texts, sums = [], []
            for month in MONTHS:
                texts.append(counted(*store.export("journal", month)))
                sums.append(of_month(store, month))
                said = wrong(scratch, texts[-1], balances_of(sums[-1]))
                check(said is None, f"{month}: {said}")
            said = wrong(scratch, "".join(texts), balances_of(sum(sums, [])))
            check(said is None, f"all months: {said}")
            # all of February was posted after its last day, which therefore has all of it
            day = [(account, currency, "2024-02-29", pennies) for account, currency, _, pennies in sums[1]]
            said = wrong(scratch, counted(*store.export("journal", "2024-02-29")), balances_of(day))
            check(said is None, f"2024-02-29: {said}")
            check(any(pennies < 0 for _, _, _, pennies in sums[-1]), "no credit in the last month")
            if seed == options.seed:
                mutants(random.Random(seed), scratch, texts[-1], balances_of(sums[-1]), 12)
    print(f"{tests['passed']} passed, {tests['failed']} failed")
    return 0 if tests["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
