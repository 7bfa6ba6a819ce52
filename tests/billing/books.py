"""What the books must say: an oracle for billing.db that shares no code with the product.

Usage comes from meter.db; what was said of accounts, owners and tariffs is the test's own list.
Everything is recomputed with Python's integers: who owned what, at which price, in which month, what
a line's numerator is, how many pennies that makes, what is handed on, and the ledger's chain.
The rules are those of DESIGN.md ("Money"), written down again.
"""

import collections
import functools
import hashlib
import hmac
import os
import sqlite3

from history import DOM0, HOUR, hour_text, month_start, month_text

NANO = 10**9
KIB_NS = {"GiBh": 2**20 * HOUR, "GBh": 10**9 * HOUR // 1024}
DECIMALS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
TABLES = {"change_log": "change", "account": "account", "vm_owner": "vm, from_hour, change",
          "vm_name": "vm, change", "tariff": "account, from_hour, change", "charged": "store", "line": "line",
          "adjustment": "adjustment", "rated": "line, hour", "period": "month", "ledger": "entry",
          "export_run": "run"}
KEPT = ["change_log", "account", "vm_owner", "vm_name", "tariff", "adjustment", "rated", "period", "ledger"]

Price = collections.namedtuple("Price", "nano currency unit")
Key = collections.namedtuple("Key", "account vm currency unit month")


class Wrong(Exception):
    """Something is not as it must be: which rule, and what was seen."""

    def __init__(self, rule, what):
        super().__init__(f"{rule}: {what}")
        self.rule = rule


def penny(unit):
    return KIB_NS[unit] * NANO


def price_of(amount, per):
    """The amount of a main unit, as people write it."""
    currency, unit = per.split("/")
    whole, _, behind = amount.partition(".")
    digits = DECIMALS[currency] + 9
    return Price(int(whole + behind.ljust(digits, "0")), currency, unit)


@functools.lru_cache(maxsize=None)
def month_of(hour, offset):
    month = (hour + offset) // 730 + 1  # no month is longer than 744 hours
    while month > 0 and first_hour(month, offset) > hour:
        month -= 1
    while first_hour(month + 1, offset) <= hour:
        month += 1
    return month


def first_hour(month, offset):
    return 0 if month == 0 else month_start(month) - offset


class Said:
    """What was said, in its order."""

    def __init__(self):
        self.accounts = {}                              # id: offset
        self.owners = collections.defaultdict(list)     # vm: (from_hour, when said, account)
        self.tariffs = collections.defaultdict(list)    # account or default: (from_hour, when said, price)
        self.count = 0
        self.known = {}                                 # (vm, hour): rate, until something is said

    def add_account(self, account, offset):
        self.accounts[account] = offset

    def assign(self, vm, account, hour, is_exact):
        self.count += 1
        self.known.clear()
        if not self.owners[vm] and not is_exact:
            self.owners[vm].append((0, self.count, account))
        self.owners[vm].append((hour, self.count, account))

    def set_tariff(self, account, price, hour):
        self.count += 1
        self.known.clear()
        self.tariffs[account].append((hour, self.count, price))

    @staticmethod
    def holds(entries, hour):
        """The one from the latest hour that has begun, and of those the last said."""
        begun = [entry for entry in entries if entry[0] <= hour]
        return max(begun)[2] if begun else None

    def owner(self, vm, hour):
        return self.holds(self.owners.get(vm, []), hour)

    def price(self, account, hour):
        own = self.holds(self.tariffs.get(account, []), hour)
        return own if own is not None else self.holds(self.tariffs.get("default", []), hour)

    def rate(self, vm, hour):
        """(account or None, price or None, month)"""
        if (vm, hour) not in self.known:
            self.known[vm, hour] = self.find_rate(vm, hour)
        return self.known[vm, hour]

    def find_rate(self, vm, hour):
        account = self.owner(vm, hour)
        if account is None:
            return None, None, month_of(hour, 0)
        return account, self.price(account, hour), month_of(hour, self.accounts[account])


# ---- reading ----

def open_db(path):
    """Read-only: who opens it as its owner removes the log behind him."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def rows_of(connection, sql, *values):
    return connection.execute(sql, values).fetchall()


def dump(store):
    """All of billing.db, as it is."""
    path = os.path.join(store, "billing.db")
    if not os.path.exists(path):
        return {table: [] for table in TABLES}
    connection = open_db(path)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        return {table: [tuple(row) for row in rows_of(connection, f"SELECT * FROM {table} ORDER BY {key}")]
                for table, key in TABLES.items()}
    finally:
        connection.close()


def first_difference(before, after):
    for table in TABLES:
        if before[table] != after[table]:
            gone = [row for row in before[table] if row not in after[table]]
            new = [row for row in after[table] if row not in before[table]]
            return f"{table}: {gone[:2]} became {new[:2]}"
    return None


class Line:
    def __init__(self, row):
        self.number = row[0]
        self.key = Key(*row[1:6])
        self.carry_in, self.n, self.posted = limbs(row[6:9]), limbs(row[9:12]), row[12]
        self.transfers = self.adjusted = 0
        self.unit_penny = penny(self.key.unit)

    def carry_out(self):
        return self.carry_in + self.n + self.transfers - self.posted * self.unit_penny


def limbs(three):
    high, middle, low = three
    if not (0 <= middle < 10**12 and 0 <= low < 10**12):
        raise Wrong("limbs", f"{three} are not in their normal form")
    return high * 10**24 + middle * 10**12 + low


Adjustment = collections.namedtuple("Adjustment", "number line hour nano usage cause utc_ns")
Rated = collections.namedtuple("Rated", "line hour nano usage measured missing excluded")
Entry = collections.namedtuple("Entry", "number utc_ns kind line pennies transfer host tick hash")


class Books:
    """billing.db, read once."""

    def __init__(self, tables):
        self.tables = tables
        self.lines = {row[0]: Line(row) for row in tables["line"]}
        self.adjustments = [Adjustment(*row[:4], row[4] * NANO + row[5], *row[6:])
                            for row in tables["adjustment"]]
        self.rated = [Rated(*row[:3], row[3] * NANO + row[4], *row[5:]) for row in tables["rated"]]
        self.ledger = [Entry(*row[:5], limbs(row[5:8]), *row[8:]) for row in tables["ledger"]]
        self.periods = {row[0]: row for row in tables["period"]}
        self.sealed = max(self.periods, default=-1)
        for entry in self.ledger:
            self.lines[entry.line].transfers += entry.transfer
        for adjustment in self.adjustments:
            self.lines[adjustment.line].adjusted += adjustment.usage * adjustment.nano
        self.by_key = {line.key: line for line in self.lines.values()}

    def of_month(self, month):
        """All that must never change once it is sealed."""
        numbers = {line.number for line in self.lines.values() if line.key.month == month}
        t = self.tables
        return ([row for row in t["line"] if row[0] in numbers], [row for row in t["rated"] if row[0] in numbers],
                [row for row in t["adjustment"] if row[1] in numbers], [row for row in t["ledger"] if row[3] in numbers],
                self.periods[month])


class Measured:
    """What meter.db has: usage by VM and hour up to the last cut, and where it stands."""

    def __init__(self, store):
        connection = open_db(os.path.join(store, "meter.db"))
        try:
            connection.execute("BEGIN")
            self.derived = collections.defaultdict(lambda: [0, 0, 0, 0])
            for vm, hour, kib_s, frac, *durations in rows_of(
                    connection, "SELECT vm, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns"
                    " FROM usage_hour JOIN life USING (life) WHERE billed = 1"):
                cell = self.derived[vm, hour]
                for i, value in enumerate([kib_s * NANO + frac] + durations):
                    cell[i] += value
            self.alive = {row[0] for row in rows_of(connection, "SELECT vm FROM life WHERE last_tick IS NULL"
                                                    " AND NOT EXISTS (SELECT 1 FROM retired)")}
            self.store = rows_of(connection, "SELECT store FROM store ORDER BY number DESC LIMIT 1")[0][0]
            self.last_tick = rows_of(connection, "SELECT max(tick) FROM tick")[0][0]
            self.derived_tick = rows_of(connection, "SELECT coalesce((SELECT tick FROM derived),"
                                        " (SELECT min(tick) FROM hour_cut))")[0][0]
            self.synchronised_ns = rows_of(connection, "SELECT coalesce((SELECT utc_ns FROM tick_time WHERE synchronised"
                                           " = 1 ORDER BY tick DESC LIMIT 1), -1)")[0][0]
            self.derived_ns = rows_of(connection, "SELECT utc_ns FROM tick_time WHERE tick = ?", self.derived_tick)
            self.derived_ns = self.derived_ns[0][0] if self.derived_ns else -1
        finally:
            connection.close()


# ---- the rules that always hold ----

def check_chain(books, key_file):
    """Each hash covers the one before and all that the entry says, its line by name."""
    before = bytes(32)
    if books.ledger:
        with open(key_file, encoding="ascii") as file:
            key = bytes.fromhex(file.read())
    for number, entry in enumerate(books.ledger, 1):
        line = books.lines[entry.line].key
        said = [entry.number, entry.utc_ns, entry.kind, line.account, line.vm, line.currency, line.unit,
                month_text(line.month), entry.pennies, entry.transfer, entry.host, entry.tick]
        text = b"".join(len(field).to_bytes(8, "big") + field for field in (str(word).encode() for word in said))
        before = hmac.new(key, before + text, hashlib.sha256).digest()
        if entry.number != number or entry.hash != before.hex():
            raise Wrong("chain", f"entry {entry.number} does not fit the chain")


def check_ledger(books):
    posted, pools = collections.Counter(), collections.Counter()
    for entry in books.ledger:
        key = books.lines[entry.line].key
        if entry.kind == "posting":
            posted[entry.line] += entry.pennies
        else:
            pools[key._replace(vm="")] += entry.transfer
        if (entry.kind == "posting") != (entry.transfer == 0):
            raise Wrong("ledger", f"{entry} is neither a posting nor a transfer")
    for line in books.lines.values():
        if posted[line.number] != line.posted:
            raise Wrong("posted", f"{line.key} has {line.posted}, its postings are {posted[line.number]}")
    for pool, total in pools.items():
        if total != 0:
            raise Wrong("transfers", f"those of {pool} sum to {total}")


def check_adjustments(books):
    for adjustment in books.adjustments:
        if adjustment.usage == 0 or adjustment.cause not in ("late", "owner", "tariff"):
            raise Wrong("adjustment", f"{adjustment} adjusts nothing")


def check_sealed_lines(books):
    rated = collections.Counter()
    for row in books.rated:
        rated[row.line] += row.usage * row.nano
    for line in books.lines.values():
        if line.key.month > books.sealed:
            continue
        if rated[line.number] + line.adjusted != line.n:
            raise Wrong("rated", f"{line.key}: rated and adjustments are not its n")
        if not 0 <= line.carry_out() < line.unit_penny:
            raise Wrong("carry", f"{line.key} is sealed with a carry of {line.carry_out()}")
        if line.key.vm and line.transfers and line.carry_out():
            raise Wrong("pool", f"{line.key} gave its pool a part of its carry")


def check_carries(books):
    """What a sealed line hands on is what the next one has, and nobody else has anything."""
    handed = {line.key._replace(month=line.key.month + 1): line.carry_out() for line in books.lines.values()
              if line.key.month <= books.sealed and line.carry_out() != 0}
    for key, carry in handed.items():
        if key not in books.by_key or books.by_key[key].carry_in != carry:
            raise Wrong("handed on", f"{carry} to {key}, which is not there or has something else")
    for line in books.lines.values():
        if line.carry_in != handed.get(line.key, 0):
            raise Wrong("handed on", f"{line.key} has {line.carry_in} that nobody handed on")


def check_always(books, key_file):
    check_ledger(books)
    check_adjustments(books)
    check_sealed_lines(books)
    check_carries(books)
    check_chain(books, key_file)


def check_kept(before, after):
    """What was said, posted or sealed stays: `before` is a beginning of `after`."""
    for table in KEPT:
        there = set(after.tables[table])
        gone = [row for row in before.tables[table] if row not in there]
        if gone:
            raise Wrong("kept", f"{table}: {gone[:3]} is gone")
    if after.tables["ledger"][:len(before.tables["ledger"])] != before.tables["ledger"]:
        raise Wrong("kept", "the ledger was not continued at its end")
    for month in before.periods:
        if before.of_month(month) != after.of_month(month):
            raise Wrong("kept", f"{month_text(month)} is sealed and has changed")


# ---- the rules that hold when all is charged ----

class Due:
    """What follows from the measurements and from what was said, as of now."""

    def __init__(self, said, sealed, derived, all_usage):
        self.n = collections.Counter()        # open lines, of what is derived
        self.open_n = collections.Counter()   # and with all that was measured
        self.sealed = collections.Counter()   # (vm, hour, account, price): usage of sealed months
        self.value = collections.Counter()    # (account, currency, unit): of what is derived
        self.unassigned = self.unpriced = 0   # of open months, derived
        self.shown = {"owner": 0, "tariff": 0}
        for (vm, hour), usage in derived.items():
            account, price, month = said.rate(vm, hour)
            if price is None:
                if month > sealed:
                    self.unassigned += usage if account is None else 0
                    self.unpriced += usage if account is not None else 0
                continue
            self.value[account, price.currency, price.unit] += usage * price.nano
            if month > sealed:
                self.n[Key(account, vm, price.currency, price.unit, month)] += usage * price.nano
            elif usage:
                self.sealed[vm, hour, account, price] += usage
        for (vm, hour), usage in all_usage.items():
            account, price, month = said.rate(vm, hour)
            if price is None and month > sealed:
                self.shown["owner" if account is None else "tariff"] += usage
            elif price is not None and month > sealed:
                self.open_n[Key(account, vm, price.currency, price.unit, month)] += usage * price.nano


def check_lines(books, due):
    """Every numerator exact, and every whole penny posted."""
    for key in set(due.open_n) - set(books.by_key):
        if due.n[key] != 0 or due.open_n[key] // penny(key.unit) != 0:
            raise Wrong("lines", f"{key} is missing")
    for line in books.lines.values():
        if line.key.month <= books.sealed:
            continue
        if line.n != due.n[line.key] + line.adjusted:
            raise Wrong("numerator", f"{line.key}: n is {line.n}, usage makes {due.n[line.key]}, adjustments"
                        f" {line.adjusted}")
        total = line.carry_in + due.open_n[line.key] + line.adjusted + line.transfers
        if line.posted != total // line.unit_penny:
            raise Wrong("due", f"{line.key}: {line.posted} are posted, and {total // line.unit_penny} due")


def check_billed(books, due):
    """Sealed months: what was billed, adjustments included, is what should have been."""
    billed = collections.Counter()
    for row in books.rated + books.adjustments:
        key = books.lines[row.line].key
        billed[key.vm, row.hour, key.account, Price(row.nano, key.currency, key.unit)] += row.usage
    for what in set(billed) | set(due.sealed):
        if billed[what] != due.sealed[what]:
            vm, hour, account, price = what
            raise Wrong("late", f"{vm} {hour_text(hour)} {account} {price}: {billed[what]} was billed, and should be"
                        f" {due.sealed[what]}")


def check_total(books, due):
    """Nothing is lost, nothing is there twice: an account's pennies and carries are its usage."""
    total = collections.Counter()
    for line in books.lines.values():
        key = line.key
        total[key.account, key.currency, key.unit] += line.posted * line.unit_penny
        if key.month > books.sealed:
            total[key.account, key.currency, key.unit] += line.carry_out()
    for what in set(total) | set(due.value):
        if total[what] != due.value[what]:
            raise Wrong("total", f"{what}: {total[what]} is charged or carried, {due.value[what]} was used")


def check_charged(books, due, measured):
    rows = books.tables["charged"]
    if len(rows) != 1:
        raise Wrong("charged", f"{len(rows)} hosts")
    store, _, tick, stale, unassigned_s, unassigned, unpriced_s, unpriced = rows[0]
    if (store, tick, stale) != (measured.store, measured.derived_tick, None):
        raise Wrong("charged", f"up to tick {tick} of {store}, stale {stale}; derived is {measured.derived_tick} of"
                    f" {measured.store}")
    if unassigned_s * NANO + unassigned != due.unassigned or unpriced_s * NANO + unpriced != due.unpriced:
        raise Wrong("charged", f"unassigned {unassigned_s} {unassigned}, unpriced {unpriced_s} {unpriced}; should be"
                    f" {due.unassigned}, {due.unpriced}")


def check_all_charged(books, due, measured):
    check_lines(books, due)
    check_billed(books, due)
    check_total(books, due)
    check_charged(books, due, measured)


def check_month(books, month, said, measured):
    """Just sealed: its rated rows are what was measured, and the lines of VMs that are gone are pooled."""
    wanted = {}
    for (vm, hour), cell in measured.derived.items():
        account, price, in_month = said.rate(vm, hour)
        if in_month != month or price is None:
            continue
        line = books.by_key.get(Key(account, vm, price.currency, price.unit, month))
        if line is not None:
            wanted[line.number, hour] = (price.nano, *cell)
        elif cell[0]:
            raise Wrong("rated", f"{vm} {hour_text(hour)} has no line")
    got = {(row.line, row.hour): row[2:] for row in books.rated if books.lines[row.line].key.month == month}
    if wanted != got:
        different = sorted(set(wanted.items()) ^ set(got.items()))
        raise Wrong("rated", f"{len(wanted)} rows wanted, {len(got)} got, for one {different[:2]}")
    for line in books.lines.values():
        if line.key.month == month and line.key.vm and line.key.vm not in measured.alive and line.carry_out():
            raise Wrong("pool", f"{line.key} keeps {line.carry_out()}, and its VM is gone")
        if line.key.month == month and line.key.vm in measured.alive and line.transfers:
            raise Wrong("pool", f"{line.key} was given to the pool, and its VM is there")
    if any(vm == DOM0 for vm, _ in measured.derived):
        raise Wrong("rated", "dom0 is billed")
