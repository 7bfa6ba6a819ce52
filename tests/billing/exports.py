#!/usr/bin/env python3
"""`pagemeter export` against billing.db and meter.db, by programs that share no code with it.

    exports.py [--seed N] [--stores N] [--write] PROGRAM

  golden    golden/: a trace and commands, and the files that must come of them, to the byte. In them
            @HASH@ is the ledger's head and @SHA256 FILE@ the sum of a file: both are other each
            time, and computed here. --write makes them anew.
  read      stores with customers (customers.py), each month: the accountant's files read by Python
            and by sqlite3, in two locales, and the JSON, must have what is computed here from the
            usage by hour, who owned what and at which price, and from the ledger. Names are harmless
            and otherwise what they were. The manifest is true, and export_run has it
  again     the same once more gives the same bytes; for a sealed month also after renames, usage,
            other owners and prices, and without the measurements. Days add up to the month
  faults    a full disk, directories and databases that can't be written, kills: nothing has changed

The last line is "N passed, M failed".
"""

import argparse
import collections
import csv
import datetime
import decimal
import fractions
import hashlib
import io
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from customers import EPOCH, MONTHS, Customers, hour_of

HERE = os.path.dirname(os.path.abspath(__file__))
HOUR = 3600 * 10**9
KIB_NS = {"GiBh": 2**20 * HOUR, "GBh": 10**9 * HOUR // 1024}
DECIMALS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
COLUMNS = ("period,status,invoice,account,account_name,vm,vm_name,from_utc,to_utc,running_h,gib_h,average_gib,peak_gib,"
           "measured_percent,missing_h,excluded_h,quantity,unit,unit_price,currency,carry_in_pennies,usage_pennies,"
           "adjustments_pennies,transfers_pennies,amount_net_of_tax,carry_out_pennies,kib_ns").split(",")
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
BLANKS = "\" \u00a0\u3000\ufeff"
NOBODY = 65534
SMALL = 36000  # more than what SQLite needs to read, less than a name of 64 kB

tests = collections.Counter()
csv.field_size_limit(2**20)


def check(is_good, said):
    tests["passed" if is_good else "failed"] += 1
    if not is_good:
        print(f"FAILED: {said}")
    return is_good


def equal(what, is_, expected):
    return check(is_ == expected, f"{what}: {str(is_)[:300]!r} instead of {str(expected)[:300]!r}")


# ---- the product ----


def run(program, *words, expect=0, **how):
    done = subprocess.run([program, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, **how)
    said = done.stderr.decode(errors="replace")
    if expect is not None:
        check(done.returncode == expect, f"{' '.join(map(str, words))} exits with {done.returncode}: {said[-300:]}")
        check((expect == 0) == (said == ""), f"{' '.join(map(str, words))} says: {said[-300:]}")
    return done.returncode, said


def export(program, store, what, period, out, *words, **how):
    return run(program, "export", what, "--period", period, "--out", out, "--db", store, *words, **how)


def content(directory):
    """Each file, hidden ones too."""
    if not os.path.isdir(directory):
        return None
    files = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        files[name] = open(path, "rb").read() if os.path.isfile(path) else None
    return files


def open_db(store, name):
    connection = sqlite3.connect(f"file:{store}/{name}?mode=ro", uri=True)
    connection.text_factory = bytes
    return connection


# ---- golden ----


def golden_files(store, out):
    """What the program wrote, with marks for what is other each time."""
    files = content(out)
    heads = [row[0] for row in open_db(store, "billing.db").execute("SELECT hash FROM ledger")]
    sums = {hashlib.sha256(data).hexdigest(): name for name, data in files.items()}
    for name, data in files.items():
        for head in heads:
            data = data.replace(head, b"@HASH@")
        if name.startswith("manifest"):
            data = re.sub(rb"\b[0-9a-f]{64}\b",
                          lambda m: f"@SHA256 {sums.get(m[0].decode(), '?')}@".encode(), data)
        files[name] = data
    return files


def check_golden(program, is_writing):
    where = os.path.join(HERE, "golden")
    for case in sorted(name for name in os.listdir(where) if not name.startswith(".")):
        with tempfile.TemporaryDirectory(prefix="pagemeter-golden.") as scratch:
            store, out = os.path.join(scratch, "db"), os.path.join(scratch, "out")
            for line in open(os.path.join(where, case, "commands")):
                words = shlex.split(line, comments=True)
                if not words:
                    continue
                words = [os.path.join(where, case, word) if word.endswith(".trace") else
                         os.path.join(scratch, word) if word.startswith("out") else word for word in words]
                run(program, *words, "--db", store)
            for place in sorted(os.listdir(scratch)):
                if not place.startswith("out"):
                    continue
                expected = os.path.join(where, case, place)
                is_ = golden_files(store, os.path.join(scratch, place))
                if is_writing:
                    shutil.rmtree(expected, ignore_errors=True)
                    os.makedirs(expected)
                    for name, data in is_.items():
                        open(os.path.join(expected, name), "wb").write(data)
                wanted = content(expected)
                equal(f"golden {case}, {place}", sorted(is_), sorted(wanted or {}))
                for name in sorted(set(is_) & set(wanted or {})):
                    equal(f"golden {case}, {place}/{name}", is_[name], wanted[name])


# ---- what must be in them, computed from the databases ----

Row = collections.namedtuple("Row", "usage prices first last peak corrections carry_in n adjustments transfers posted")


def sums(pairs):
    """By key, in the order in which they come."""
    found = {}
    for key, value in pairs:
        found[key] = found.get(key, 0) + value
    return found


def month_of(text):
    return (int(text[:4]) - 1970) * 12 + int(text[5:7]) - 1


def limbs(three):
    return three[0] * 10**24 + three[1] * 10**12 + three[2]


def next_month(month):
    return hour_of(f"{1970 + (month + 1) // 12}-{(month + 1) % 12 + 1:02}-01")


class Books:
    """billing.db and meter.db, and the rules written down again."""

    def __init__(self, store):
        db = open_db(store, "billing.db")

        def rows(sql):
            return [tuple(x.decode(errors="surrogateescape") if isinstance(x, bytes) else x for x in row)
                    for row in db.execute(sql)]

        self.offsets = dict(rows("SELECT account, offset_h FROM account"))
        self.owners = self.dated(rows("SELECT vm, from_hour, change, account FROM vm_owner"))
        self.tariffs = self.dated([(a, h, c, (nano, currency, unit)) for a, h, c, nano, currency, unit in rows(
            "SELECT account, from_hour, change, nano_pennies, currency, unit FROM tariff")])
        self.lines = {row[0]: row for row in rows("SELECT * FROM line")}
        self.adjustments = rows("SELECT * FROM adjustment")
        self.ledger = rows("SELECT * FROM ledger")
        self.periods = {row[0]: row for row in rows("SELECT * FROM period")}
        self.rated = rows("SELECT * FROM rated")
        meter = open_db(store, "meter.db")
        self.hours = collections.defaultdict(lambda: [0, 0, 0, 0])
        for vm, hour, s, frac, *times in meter.execute(
                "SELECT vm, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns"
                " FROM usage_hour JOIN life USING (life) WHERE billed = 1"):
            for i, value in enumerate([s * 10**9 + frac] + times):
                self.hours[vm.decode(), hour][i] += value

    @staticmethod
    def dated(rows):
        entries = collections.defaultdict(list)
        for key, hour, change, value in rows:
            entries[key].append((hour, change, value))
        return entries

    @staticmethod
    def holds(entries, hour):
        begun = [entry for entry in entries if entry[0] <= hour]
        return max(begun)[2] if begun else None

    def line_hours(self, month):
        """(account, vm, currency, unit): {hour: (nano, kib_ns, measured, missing, excluded)}"""
        found = collections.defaultdict(dict)
        if month in self.periods:
            for line, hour, nano, s, frac, *times in self.rated:
                if self.lines[line][5] == month:
                    found[self.lines[line][1:5]][hour] = (nano, s * 10**9 + frac, *times)
            return found
        for (vm, hour), values in self.hours.items():
            account = self.holds(self.owners.get(vm, []), hour)
            price = account and (self.holds(self.tariffs.get(account, []), hour) or
                                 self.holds(self.tariffs.get("", []), hour))
            own = hour + self.offsets.get(account, 0)
            if price and hour_of(f"{1970 + month // 12}-{month % 12 + 1:02}-01") <= own < next_month(month):
                found[account, vm, price[1], price[2]][hour] = (price[0], *values)
        return {key: hours for key, hours in found.items()
                if any(h[1] for h in hours.values()) or self.number(month, key) is not None}

    def number(self, month, key):
        return next((n for n, line in self.lines.items() if line[5] == month and line[1:5] == key), None)

    def corrections(self, number, offset):
        """[(month, cause, price, usage, first hour, last hour)]"""
        of_line = [(utc(a[2] + offset)[:7], a[6], a[3], a[2], a[4] * 10**9 + a[5]) for a in self.adjustments if a[1] == number]
        hours = collections.defaultdict(list)
        for *key, hour, _ in of_line:
            hours[tuple(key)].append(hour)
        usage = sums((tuple(key), kib_ns) for *key, _, kib_ns in of_line)
        return [(*key, usage[key], min(hours[key]), max(hours[key]))
                for key in sorted(usage, key=lambda key: (key[0], ["late", "owner", "tariff"].index(key[1]), key[2]))]

    def month(self, text):
        """{(account, vm, currency, unit): Row}"""
        month = month_of(text)
        hours = self.line_hours(month)
        found = {}
        for key in set(hours) | {line[1:5] for line in self.lines.values() if line[5] == month}:
            number = self.number(month, key)
            of_line = sorted(hours.get(key, {}).items())
            used = [(hour, h) for hour, h in of_line if h[1]]
            found[key] = Row(
                usage=[sum(h[i] for _, h in of_line) for i in range(1, 5)],
                prices=sums((h[0], h[1]) for _, h in used),
                first=used[0][0] if used else None, last=used[-1][0] if used else None,
                peak=max((h[1] // h[2] for _, h in of_line if h[2]), default=0),
                corrections=self.corrections(number, self.offsets[key[0]]),
                carry_in=limbs(self.lines[number][6:9]) if number else 0,
                n=sum(h[0] * h[1] for _, h in of_line),
                adjustments=sum(a[3] * (a[4] * 10**9 + a[5]) for a in self.adjustments if a[1] == number),
                transfers=sum(limbs(e[5:8]) for e in self.ledger if e[3] == number),
                posted=sum(e[4] for e in self.ledger if e[3] == number))
        return found


# ---- figures, as exact fractions ----


def nine(value):
    return f"{decimal.Decimal(int(value)).scaleb(-9):.9f}"


def half_even(value, unit):
    return nine(round(fractions.Fraction(value * 10**9, unit)))


def pennies(exact, unit):
    return nine(exact // KIB_NS[unit])


def amount(value, currency):
    digits = DECIMALS[currency]
    return f"{decimal.Decimal(value).scaleb(-digits):.{digits}f}"


def price(nano, currency):
    text = f"{decimal.Decimal(nano).scaleb(-9 - DECIMALS[currency]):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def utc(hour):
    return "" if hour is None else f"{EPOCH + datetime.timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"


def expected_fields(key, row, text, is_sealed):
    account, vm, currency, unit = key
    kib_ns, measured, missing, excluded = row.usage
    running = measured + missing
    prices = [price(nano, currency) for nano in list(row.prices)[:4]] + (["more"] if len(row.prices) > 4 else [])
    carry_out = row.carry_in + row.n + row.adjustments + row.transfers - row.posted * KIB_NS[unit] * 10**9
    return {
        "period": text, "status": "sealed" if is_sealed else "open",
        "invoice": f"{account}-{text}-{currency}" if is_sealed else "", "account": account, "vm": vm or "pool",
        "from_utc": utc(row.first), "to_utc": utc(row.last + 1 if row.last is not None else None),
        "running_h": half_even(running, HOUR), "gib_h": half_even(kib_ns, KIB_NS["GiBh"]),
        "average_gib": half_even(kib_ns // measured, 2**20) if measured else "",
        "peak_gib": half_even(row.peak, 2**20) if measured else "",
        "measured_percent": f"{measured * 100000 // running / 1000:.3f}" if running else "",
        "missing_h": half_even(missing, HOUR), "excluded_h": half_even(excluded, HOUR),
        "quantity": half_even(kib_ns, KIB_NS[unit]), "unit": unit, "unit_price": " / ".join(prices),
        "currency": currency, "carry_in_pennies": pennies(row.carry_in, unit), "usage_pennies": pennies(row.n, unit),
        "adjustments_pennies": pennies(row.adjustments, unit), "transfers_pennies": pennies(row.transfers, unit),
        "amount_net_of_tax": amount(row.posted, currency), "carry_out_pennies": pennies(carry_out, unit),
        "kib_ns": str(kib_ns)}


# ---- names ----


def as_text(name):
    """UTF-8, a mark for each byte that is not; the name ends at a NUL."""
    text = name.split(b"\0")[0].decode(errors="surrogateescape")
    return "".join("\ufffd" if "\udc80" <= c <= "\udcff" else c for c in text)


def check_name(what, field, name):
    text = as_text(name)
    shown = "".join("\ufffd" if c not in "\t\r\n" and (c < " " or "\x7f" <= c <= "\x9f") else c for c in text)
    check(field.replace("'", "") == shown.replace("'", ""), f"{what}: {field!r} is not {shown!r}")
    cells = re.split("[,;\t\r\n]", field)
    check(not any(cell.lstrip(BLANKS)[:1] in SIGNS for cell in cells if cell.lstrip(BLANKS)),
          f"{what}: {field!r} has a formula")
    check(field.lstrip(BLANKS)[:1] not in ("\t", "\r", "\n"), f"{what}: {field!r} begins unseen")


# ---- reading ----


def by_python(data, separator):
    text = data.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))


def by_sqlite(path, separator):
    script = f'.mode csv\n.separator "{separator}" "\\n"\n.import "{path}" t\n.mode json\nSELECT * FROM t;\n'
    done = subprocess.run(["sqlite3", ":memory:"], input=script.encode(), capture_output=True, timeout=60)
    check(done.returncode == 0 and done.stderr == b"", f"sqlite3 reads {path}: {done.stderr[:300]}")
    return json.loads(done.stdout or b"[]", object_pairs_hook=lambda pairs: [v for _, v in pairs])


def undo_locale(field):
    return re.sub(r"(?<=\d),(?=\d)", ".", field)


class Exports:
    """The accountant's files and JSON of one period, read back."""

    def __init__(self, program, store, period, out):
        self.period, self.out = period, out
        export(program, store, "accountant", period, out)
        self.rows = self.table(f"accountant-{period}.csv", ",")
        self.totals = self.table(f"accountant-{period}-totals.csv", ",")
        german = os.path.join(out, "german")
        export(program, store, "accountant", period, german, "--locale", "de")
        self.compare_german(german)
        export(program, store, "json", period, out)
        self.bill = json.load(open(os.path.join(out, f"bill-{period}.json"), encoding="utf-8"))
        shutil.rmtree(german)

    def path(self, name):
        return os.path.join(self.out, name)

    def table(self, name, separator):
        data = open(self.path(name), "rb").read()
        check(data.endswith(b"\r\n"), f"{name} does not end with a line's end")
        header, *rows = by_python(data, separator)
        check(all(len(row) == len(header) for row in rows), f"{name}: rows of different lengths")
        equal(f"{name} by sqlite3", by_sqlite(self.path(name), separator), rows)
        return [dict(zip(header, row)) for row in rows]

    def compare_german(self, german):
        for name in (f"accountant-{self.period}.csv", f"accountant-{self.period}-totals.csv"):
            path = os.path.join(german, name)
            data = open(path, "rb").read()
            check(data.startswith(b"\xef\xbb\xbf"), f"{name} in German has no byte order mark")
            header, *rows = by_python(data, ";")
            equal(f"{name} in German by sqlite3", by_sqlite(path, ";"), rows)
            plain = self.rows if "totals" not in name else self.totals
            names = ("account_name", "vm_name")
            unit_or_text = [[f if h in names or (h == "value" and not re.fullmatch(r"-?\d+,\d+", f)) else undo_locale(f)
                             for h, f in zip(header, row)] for row in rows]
            equal(f"{name} in German", [dict(zip(header, row)) for row in unit_or_text], plain)
            check(not any("." in f for row in rows for h, f in zip(header, row)
                          if h.endswith(("_h", "_gib", "_pennies", "quantity", "amount_net_of_tax"))),
                  f"{name} in German has a decimal point")


def check_rows(e, expected, is_sealed, names):
    equal(f"{e.period}: columns", list(e.rows[0]) if e.rows else COLUMNS, COLUMNS)
    order = sorted(expected, key=lambda key: (key[0], key[1], key[2], -"GBh GiBh".split().index(key[3])))
    equal(f"{e.period}: lines", [(r["account"], r["vm"]) for r in e.rows], [(k[0], k[1] or "pool") for k in order])
    for key, fields in zip(order, e.rows):
        for column, value in expected_fields(key, expected[key], e.period, is_sealed).items():
            if fields[column] != value:
                equal(f"{e.period}, {key}, {column}", fields[column], value)
        tests["passed"] += 1
        check_name(f"{e.period}, {key}", fields["account_name"], names[key[0]])
        check_name(f"{e.period}, {key}", fields["vm_name"], names.get(key[1], b""))


def total_of(e, total, account="", currency="", unit=""):
    found = [t["value"] for t in e.totals
             if (t["total"], t["account"], t["currency"], t["unit"]) == (total, account, currency, unit)]
    return found[0] if len(found) == 1 else found


def check_totals(e, expected, books, month):
    number = decimal.Decimal
    for column in ("running_h", "gib_h", "missing_h", "excluded_h", "kib_ns"):
        equal(f"{e.period}: sum of {column}", number(total_of(e, column)), sum(number(r[column]) for r in e.rows))
    equal(f"{e.period}: rows", total_of(e, "rows"), str(len(expected)))
    equal(f"{e.period}: tax", total_of(e, "tax"), "amounts are net of tax")
    for account in sorted({key[0] for key in expected}):
        of_account = [r for r in e.rows if r["account"] == account]
        equal(f"{e.period}: rows of {account}", total_of(e, "rows", account), str(len(of_account)))
        for currency in {r["currency"] for r in of_account}:
            equal(f"{e.period}: amount of {account}", number(total_of(e, "amount_net_of_tax", account, currency)),
                  sum(number(r["amount_net_of_tax"]) for r in of_account if r["currency"] == currency))
    for currency, unit in {key[2:] for key in expected}:
        rows = [r for r in e.rows if (r["currency"], r["unit"]) == (currency, unit)]
        exact = [row for key, row in expected.items() if key[2:] == (currency, unit)]
        for column in ("quantity", "carry_in_pennies", "usage_pennies", "adjustments_pennies", "transfers_pennies",
                       "carry_out_pennies"):
            equal(f"{e.period}: sum of {column} in {currency}", number(total_of(e, column, "", currency, unit)),
                  sum(number(r[column]) for r in rows))
        for total, field in (("carry_in_exact", "carry_in"), ("usage_exact", "n"), ("adjustments_exact", "adjustments"),
                             ("transfers_exact", "transfers")):
            equal(f"{e.period}: {total} in {currency}", total_of(e, total, "", currency, unit),
                  str(sum(getattr(row, field) for row in exact)))
    posted = collections.Counter()
    for entry in books.ledger:
        if books.lines[entry[3]][5] == month:
            posted[books.lines[entry[3]][3]] += entry[4]
    for currency in posted:
        equal(f"{e.period}: the ledger in {currency}", total_of(e, "ledger_amount", "", currency),
              amount(posted[currency], currency))
        equal(f"{e.period}: amounts in {currency}", total_of(e, "amount_net_of_tax", "", currency),
              amount(posted[currency], currency))


def priced(p):
    return int(p["nano_pennies"]), p["price"], int(p["kib_ns"]), int(p["exact"])


def check_json(e, expected, names):
    lines = {(line["account"], line["vm"] or "", line["currency"], line["unit"]): line for line in e.bill["lines"]}
    equal(f"{e.period}: lines of the bill", sorted(lines), sorted(expected))
    for key in sorted(set(lines) & set(expected)):
        line, row, unit = lines[key], expected[key], key[3]
        equal(f"{e.period}, {key}: the bill's usage",
              [line[f] for f in ("kib_ns", "measured_ns", "missing_ns", "excluded_ns", "peak_kib")],
              [*map(str, row.usage), str(row.peak)])
        equal(f"{e.period}, {key}: the bill's exact figures",
              [line[f]["exact"] for f in ("carry_in", "usage", "adjustments", "transfers")] + [line["posted_pennies"]],
              [str(x) for x in (row.carry_in, row.n, row.adjustments, row.transfers, row.posted)])
        left = sum(int(line[f]["exact"]) for f in ("carry_in", "usage", "adjustments", "transfers"))
        right = int(line["posted_pennies"]) * int(e.bill["units"][unit]["exact_per_penny"])
        equal(f"{e.period}, {key}: the bill's equation", left - right, int(line["carry_out"]["exact"]))
        equal(f"{e.period}, {key}: the invoice", line["invoice"],
              f"{key[0]}-{e.period}-{key[2]}" if e.bill["status"] == "sealed" else None)
        equal(f"{e.period}, {key}: prices", [priced(p) for p in line["prices"]],
              [(nano, price(nano, key[2]), usage, nano * usage) for nano, usage in row.prices.items()])
        equal(f"{e.period}, {key}: corrections",
              [(c["month"], c["cause"], c["from"], c["to"], priced(c)) for c in line["corrections"]],
              [(month, cause, utc(first), utc(last + 1), (nano, price(nano, key[2]), usage, nano * usage))
               for month, cause, nano, usage, first, last in row.corrections])
        equal(f"{e.period}, {key}: name", line["vm_name"], as_text(names.get(key[1], b"")))
        equal(f"{e.period}, {key}: account's name", line["account_name"], as_text(names[key[0]]))


def check_manifests(e, store, what):
    db = open_db(store, "billing.db")
    for name in [name for name in os.listdir(e.out) if name.startswith("manifest-")]:
        data = open(e.path(name), "rb").read()
        manifest = json.loads(data)
        for file in manifest["files"]:
            written = open(e.path(file["name"]), "rb").read()
            equal(f"{name}: bytes", file["bytes"], len(written))
            equal(f"{name}: sha256", file["sha256"], hashlib.sha256(written).hexdigest())
            if file["name"].endswith(".csv"):
                equal(f"{name}: rows", file["rows"], len(by_python(written, manifest["locale"]["separator"])) - 1)
        entry = manifest["ledger"]["entry"]
        head = db.execute("SELECT hash FROM ledger WHERE entry = ?", (entry,)).fetchone()
        equal(f"{name}: head", manifest["ledger"]["hash"], head[0].decode() if head else "0" * 64)
        noted = db.execute("SELECT format, watermark, entry, hash, files FROM export_run WHERE manifest = ?"
                           " ORDER BY run DESC", (hashlib.sha256(data).hexdigest(),)).fetchone()
        equal(f"{name}: noted", noted, (manifest["format"].encode(), manifest["watermark"].encode(), entry,
                                        manifest["ledger"]["hash"].encode(), len(manifest["files"]) + 1))
        equal(f"{name}: {what}", manifest["status"], what)


# ---- again ----


def check_days(program, store, text, expected, scratch):
    """Each line's days add up to its month, and each begins where the one before ended."""
    sums = collections.defaultdict(collections.Counter)
    ends = {key: pennies(row.carry_in, key[3]) for key, row in expected.items()}
    first = hour_of(text + "-01")
    for hour in range(first, next_month(month_of(text)), 24):
        day = utc(hour)[:10]
        out = os.path.join(scratch, "days")
        export(program, store, "accountant", day, out)
        for row in csv.DictReader(io.StringIO(open(os.path.join(out, f"accountant-{day}.csv"), newline="").read())):
            key = (row["account"], "" if row["vm"] == "pool" else row["vm"], row["currency"], row["unit"])
            equal(f"{day}, {key}: carry in", row["carry_in_pennies"], ends[key])
            ends[key] = row["carry_out_pennies"]
            sums[key]["kib_ns"] += int(row["kib_ns"])
            sums[key]["posted"] += int(decimal.Decimal(row["amount_net_of_tax"]).scaleb(DECIMALS[key[2]]))
    for key, row in expected.items():
        equal(f"days of {text}, {key}", (sums[key]["kib_ns"], sums[key]["posted"]), (row.usage[0], row.posted))


def files_of(program, store, period, out):
    for what in ("accountant", "focus", "journal", "json"):
        export(program, store, what, period, out, "--provider", "Hoster")
    return content(out)


def check_again(program, customers, scratch):
    store = customers.dir
    sealed, opened = MONTHS[0], MONTHS[2]
    once = [files_of(program, store, month, os.path.join(scratch, "once")) for month in (sealed, opened)][-1]
    for month in (sealed, opened):
        files_of(program, store, month, os.path.join(scratch, "twice"))
    equal("twice the same", content(os.path.join(scratch, "twice")), once)
    before = {name: data for name, data in once.items() if sealed in name}
    vms = [f"{letter * 8}-0000-4000-8000-{letter * 12}" for letter in "0123456789"]
    for vm in vms:
        customers.run("account", "assign", vm, "acme", "--from", "2024-01-15", "--name", "renamed " + vm)
    customers.tariff("default", "0.999", "USD/GBh", "2024-01-02")
    customers.replay("2024-03-20", "2024-04-03", [(i + 1, vm, "2024-03-01", "2024-04-02") for i, vm in enumerate(vms)])
    customers.run("charge")
    later = files_of(program, store, sealed, os.path.join(scratch, "later"))
    equal("a sealed month later", later, before)
    customers.run("close", "2024-03")
    equal("a sealed month much later", files_of(program, store, sealed, os.path.join(scratch, "later")), before)
    os.rename(os.path.join(store, "meter.db"), os.path.join(store, "meter.away"))
    equal("a sealed month without the measurements", files_of(program, store, sealed, os.path.join(scratch, "later")),
          before)
    export(program, store, "accountant", "2024-04", os.path.join(scratch, "later"), expect=3)
    os.rename(os.path.join(store, "meter.away"), os.path.join(store, "meter.db"))


def check_store(program, seed):
    print(f"a store with customers, --seed {seed}")
    with tempfile.TemporaryDirectory(prefix="pagemeter-exports.") as scratch:
        customers = Customers(program, os.path.join(scratch, "db"), seed)
        books = Books(customers.dir)
        for month in MONTHS:
            is_sealed = month_of(month) in books.periods
            e = Exports(program, customers.dir, month, os.path.join(scratch, month))
            expected = books.month(month)
            check_rows(e, expected, is_sealed, customers.names_in[month])
            check_totals(e, expected, books, month_of(month))
            check_json(e, expected, customers.names_in[month])
            check_manifests(e, customers.dir, "sealed" if is_sealed else "open")
        check_days(program, customers.dir, MONTHS[1], books.month(MONTHS[1]), scratch)
        check_again(program, customers, scratch)


# ---- faults ----


def runs(store):
    return open_db(store, "billing.db").execute("SELECT count(*) FROM export_run").fetchone()[0]


def check_fails(what, call, store, out, said):
    """It fails, says so, and has changed nothing."""
    before, noted = content(out), runs(store)
    status, text = call()
    check(status == 3 and said in text, f"{what}: exit status {status}: {text[-300:]!r}")
    equal(f"{what}: the files", content(out), before)
    equal(f"{what}: export_run", runs(store), noted)


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def tell_anew(customers, text):
    """So that another export has other bytes, and many."""
    customers.add_wild("vm", "1" * 8 + "-0000-4000-8000-" + "1" * 12, text * 5000)


def check_full_disk(program, store, out, scratch):
    for what in ("accountant", "json"):
        check_fails(f"{what} where files are small",
                    lambda: export(program, store, what, MONTHS[2], out, expect=None, preexec_fn=small_files),
                    store, out, "File too large")
    tiny = os.path.join(scratch, "tiny")
    os.makedirs(tiny)
    script = ('mount -t tmpfs -o size=64k tiny "$1" || exit 99; "$2" export json --period "$3" --out "$1" --db "$4";'
              ' status=$?; ls -A "$1" >&2; exit $status')
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", tiny, program, MONTHS[2], store],
                          capture_output=True, text=True, timeout=120)
    if done.returncode in (1, 99, 127) or "unshare" in done.stderr:
        print("no tmpfs can be mounted here: the full disk is one of small files only")
    else:
        check(done.returncode == 3 and done.stderr.endswith("No space left on device\n"),
              f"a full disk: exit status {done.returncode}: {done.stderr[-300:]!r}")


def check_unwritable(program, store, out, scratch):
    file = os.path.join(scratch, "file")
    open(file, "w").close()
    check_fails("a file for a directory", lambda: export(program, store, "json", MONTHS[2], file, expect=None),
                store, file, "Not a directory")
    bill = os.path.join(out, f"bill-{MONTHS[2]}.json")
    os.rename(bill, bill + ".away")
    os.mkdir(bill)
    check_fails("a directory for a file", lambda: export(program, store, "json", MONTHS[2], out, expect=None),
                store, out, "Is a directory")
    os.rmdir(bill)
    os.rename(bill + ".away", bill)
    if os.geteuid() != 0:
        print("not root: nobody else's rights can be tried")
        return
    for place, mode in ((scratch, 0o755), (store, 0o755)):
        os.chmod(place, mode)
    for name in os.listdir(store):
        os.chmod(os.path.join(store, name), 0o644)
    check_fails("a directory of somebody else",
                lambda: export(program, store, "json", MONTHS[2], out, expect=None, preexec_fn=as_nobody),
                store, out, "Permission denied")
    os.chmod(out, 0o777)
    check_fails("a database of somebody else",
                lambda: export(program, store, "json", MONTHS[2], out, expect=None, preexec_fn=as_nobody),
                store, out, "billing")


def check_kills(program, store, out, customers):
    """Whatever was exchanged when it died: a manifest is only there with its files, and a run after it mends all."""
    if shutil.which("strace") is None:
        print("there is no strace: kills are tried by test_publish only")
        return
    before = content(out)
    tell_anew(customers, b"killed anywhere. ")
    name, n, status = f"manifest-accountant-{MONTHS[2]}.json", 1, None
    while status != 0 and n < 20:
        done = subprocess.run(["strace", "-o", os.devnull, "-e", f"inject=renameat:signal=KILL:when={n}", program, "export",
                               "accountant", "--period", MONTHS[2], "--out", out, "--db", store],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        status = done.returncode
        if status != 0 and b"ptrace" in done.stderr:
            print("strace may not trace here: kills are tried by test_publish only")
            return
        files = content(out)
        if name in files:
            for file in json.loads(files[name])["files"]:
                equal(f"killed at rename {n}: {file['name']}", hashlib.sha256(files[file["name"]]).hexdigest(),
                      file["sha256"])
        n += 1
    check(n > 3, f"killed {n - 1} times only")
    export(program, store, "accountant", MONTHS[2], out)
    after = content(out)
    equal("after kills: the names", sorted(after), sorted(before))
    check(after != before, "after kills: nothing new")


def check_usage(program, store, scratch):
    out = os.path.join(scratch, "none")
    for words in (["accountant", "--period", "2024-01"], ["accountant", "--out", out], ["--period", "2024-01", "--out", out],
                  ["xls", "--period", "2024-01", "--out", out], ["accountant", "--period", "2024-01-05T13", "--out", out],
                  ["accountant", "--period", "2024", "--out", out], ["accountant", "--period", "2024-02-30", "--out", out],
                  ["accountant", "--period", "2024-01", "--out", out, "--locale", "xx"],
                  ["focus", "--period", "2024-01", "--out", out],
                  ["accountant", "more", "--period", "2024-01", "--out", out],
                  ["accountant", "--period", "2024-01", "--out", ""]):
        run(program, "export", *words, "--db", store, expect=2)
    run(program, "export", "json", "--period", "2024-01", "--out", out, "--db", os.path.join(scratch, "nowhere"), expect=3)
    check(not os.path.exists(os.path.join(scratch, "nowhere")), "a store was made by reading it")
    equal("wrong usage makes", content(out), None)


def check_faults(program, seed):
    with tempfile.TemporaryDirectory(prefix="pagemeter-exports.") as scratch:
        customers = Customers(program, os.path.join(scratch, "db"), seed)
        store, out = customers.dir, os.path.join(scratch, "out")
        for what in ("accountant", "json"):
            export(program, store, what, MONTHS[2], out)
        tell_anew(customers, b"told anew. ")
        check_full_disk(program, store, out, scratch)
        check_unwritable(program, store, out, scratch)
        check_kills(program, store, out, customers)
        check_usage(program, store, scratch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--stores", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("program")
    o = parser.parse_args()
    program = os.path.abspath(o.program)
    check_golden(program, o.write)
    for i in range(o.stores):
        check_store(program, o.seed + i)
    check_faults(program, o.seed)
    print(f"{tests['passed']} passed, {tests['failed']} failed")
    return 1 if tests["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
