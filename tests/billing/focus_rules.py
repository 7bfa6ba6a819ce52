#!/usr/bin/env python3
"""FOCUS datasets against the rules of the specification (focus_spec.py).

    focus_rules.py [--seed N] [--statements N] [--stores N] PROGRAM WRITE_EXPORT

Three things are exported and held against the rules: statements that no store would have (any
numbers, any names, told to build/test/write_export), and whose every field is computed here too;
stores with customers (customers.py), whose sums are compared with SQL's; and both of these with one
field changed, which must be noticed. The last line is "N passed, M failed".
"""

import argparse
import collections
import datetime
import decimal
import fractions
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import focus_spec as spec
from customers import MONTHS, NAMES, PROVIDER, WILD, Customers

Fraction = fractions.Fraction
decimal.getcontext().prec = 80
UNIT_NAMES = {"GiBh": "GiB-Hours", "GBh": "GB-Hours"}
PRICE_MAX = 10**11
CAUSES = {"late": "measured late", "owner": "another owner", "tariff": "another price"}

tests = collections.Counter()


def check(is_good, said):
    tests["passed" if is_good else "failed"] += 1
    if not is_good:
        print(f"FAILED: {said}")


def counted(text, rows):
    check(int(rows) == len(list(spec.records(text))) - 1, f"{rows} rows are said to be there")
    return text


def write_told(program, told):
    done = subprocess.run([program, "focus"], input=told.encode(), capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"write_export: {done.stderr.decode()}")
    return counted(done.stdout.decode(), done.stderr)


def is_name(field, name):
    """A name as it was given; apostrophes may have been put in, and what is not text replaced."""
    name = "".join("\ufffd" if re.match(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", c) else c
                   for c in name.decode("utf-8", "replace"))
    return (field or "").replace("'", "").replace("\ufffd", "") == name.replace("'", "").replace("\ufffd", "")


# ---- statements that are told ----


class Told:
    """A random statement: its text for write_export, and the dataset that must come of it."""

    def __init__(self, pick):
        self.pick = pick
        self.month = pick.randrange(12 * 50, 12 * 60)
        self.first = self.month_hour(self.month)
        self.is_whole, self.is_sealed = pick.random() < 0.7, pick.random() < 0.5
        self.start, self.end = self.first, self.month_hour(self.month + 1)
        if not self.is_whole:
            self.start += 24 * pick.randrange((self.end - self.first) // 24)
            self.end = self.start + 24
        self.hosts = pick.choice(["", "", "host-1, host-2"])
        self.lines = [f"S {self.month} {self.start} {self.end} {self.is_sealed:d} {self.is_whole:d} {self.hosts.encode().hex()}"]
        self.rows = []
        self.names = {}  # of VMs, and of the account
        for number in range(pick.randrange(1, 6)):
            self.account(f"{pick.choice('abz')}{number}" + pick.choice(["", ".x", "-y_", "0" * 60])[:62])

    @staticmethod
    def month_hour(month):
        return (datetime.date(1970 + month // 12, month % 12 + 1, 1).toordinal() - 719163) * 24

    @staticmethod
    def hour(hour):
        day = datetime.date.fromordinal(719163 + hour // 24)
        return f"{day.isoformat()}T{hour % 24:02}:00:00Z"

    def name(self):
        name = self.pick.choice(NAMES + WILD)
        return name if isinstance(name, bytes) else name.encode()

    def account(self, account):
        self.offset = self.pick.randrange(-12, 15)
        self.names[None] = self.name()
        lines = []
        for _ in range(self.pick.randrange(1, 8)):
            vm = self.pick.choice([None, self.pick.getrandbits(128), self.pick.getrandbits(4)])
            if vm is not None:
                text = f"{vm:032x}"
                vm = "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])
                self.names.setdefault(vm, self.pick.choice([b"", self.name()]))
            lines.append((vm or "", self.pick.choice(["EUR", "USD", "JPY", "KWD", "CLF"]), self.pick.choice(["GBh", "GiBh"])))
        for vm, currency, unit in sorted(set(lines)):
            self.line(account, vm or None, currency, unit)

    def usage(self, unit):
        """KiB*ns, of any size up to 64 TiB for a month, often where rounding turns."""
        pick, kib_ns = self.pick, spec.UNITS[UNIT_NAMES[unit]][0]
        if pick.random() < 0.4:
            nano = kib_ns // spec.NANO
            return max(1, pick.randrange(3 * 10**9) * nano + nano // 2 + pick.choice([-1, 0, 0, 1]))
        return 1 + (pick.getrandbits(88) >> pick.randrange(88))

    def line(self, account, vm, currency, unit):
        pick = self.pick
        penny = spec.UNITS[UNIT_NAMES[unit]][0] * spec.NANO
        line = {"account": account, "vm": vm, "currency": currency, "unit": unit, "penny": penny}
        count = 0 if vm is None else pick.choice([0, 1, 1, 1, 2, 2, 3, 4, 6, 40])
        parts = [(price, 1 + self.usage(unit) // count) for price in self.prices(count)]
        corrections = self.corrections(unit, parts) if vm else []
        n = sum(price * used for price, used in parts)
        small = [0, 1, -1, penny, -penny, pick.randrange(-9 * penny, 9 * penny)]
        carry_in = pick.choice([0, pick.randrange(penny), pick.randrange(penny)] + ([] if self.is_whole else small))
        transfers = pick.choice([0, 0, *small])
        earned = carry_in + n + sum(c["nano"] * c["usage"] for c in corrections) + transfers
        posted = earned // penny + (0 if self.is_whole and pick.random() < 0.8 else pick.randrange(-9, 9))
        carry_out = earned - posted * penny
        self.lines.append(" ".join(map(str, [
            "R", account, self.names[None].hex(), vm or "-", self.names.get(vm, b"").hex() if vm else "", self.offset, currency, unit,
            ",".join(f"{price}:{used}" for price, used in parts) or "-",
            ",".join("{month}:{cause}:{first}:{last}:{nano}:{usage}".format(**c) for c in corrections) or "-",
            carry_in, transfers, posted, carry_out])))
        charges = [("Correction", (c["nano"], c["usage"]), c) for c in corrections if c["usage"]]
        charges += [("Usage", part, None) for part in parts]
        if not charges and (carry_in or transfers or posted or carry_out):
            charges = [("Pool" if vm is None else "Carried", (0, 0), None)]
        self.share(line, charges, [carry_in, transfers, posted, carry_out])

    def prices(self, count):
        """Different ones, in any order."""
        pick, prices = self.pick, set()
        while len(prices) < count:
            prices.add(pick.choice([0, 1, PRICE_MAX, pick.randrange(PRICE_MAX + 1), pick.randrange(10**pick.randrange(1, 11))]))
        return pick.sample(sorted(prices), count)

    def corrections(self, unit, parts):
        """Of months before, by month, cause and price; some take back what others give, and some are 0 in sum."""
        pick, found = self.pick, {}
        for _ in range(pick.choice([0, 0, 0, 1, 2, 3, 12])):
            month = self.month - pick.choice([1, 1, 2, 30])
            first = self.month_hour(month) + pick.randrange(28 * 24)
            last = min(first + pick.choice([0, 1, 24, 1000]), self.month_hour(month + 1) - 1)
            nano = pick.choice([price for price, _ in parts] + self.prices(1))
            usage = pick.choice([1, -1]) * pick.choice([0, 1, self.usage(unit) // 16, sum(used for _, used in parts) // 16])
            cause = pick.randrange(len(CAUSES))
            found[month, cause, nano] = {"month": month, "cause": cause, "first": first - self.offset, "last": last - self.offset,
                                         "nano": nano, "usage": usage}
        return [found[key] for key in sorted(found)]

    def share(self, line, charges, figures):
        """The line's pennies go to its charges as each makes them due, what is left to the last."""
        carry, transfers, left, carry_out = figures
        for place, (kind, part, correction) in enumerate(charges):
            is_last = place + 1 == len(charges)
            n = part[0] * part[1]
            pennies = left if is_last else (carry + n) // line["penny"] - carry // line["penny"]
            out = carry_out if is_last else carry + n - pennies * line["penny"]
            self.rows.append(self.row(line, kind, part, pennies, correction, {
                "x_CostNumerator": n, "x_CostDenominator": line["penny"], "x_CarryIn": carry,
                "x_Transfers": transfers if is_last else 0, "x_CarryOut": out}))
            left -= pennies
            carry = out

    @staticmethod
    def money(value, places, line):
        """value * 10^-places pennies in the main unit."""
        minor = spec.MINOR_DIGITS[line["currency"]]
        text = format(decimal.Decimal(int(value)).scaleb(-places - minor), "f")
        whole, _, behind = text.partition(".")
        return f"{whole}.{behind.rstrip('0').ljust(max(1, minor), '0')}"

    def row(self, line, kind, part, pennies, correction, exact):
        is_usage, unit = kind in ("Usage", "Correction"), UNIT_NAMES[line["unit"]]
        row = dict.fromkeys(spec.COLUMNS)
        row.update({name: str(value) for name, value in exact.items()})
        cost, quantity, price = self.money(0, 0, line), None, None
        start, end = self.start - self.offset, self.end - self.offset
        if is_usage:
            nano = spec.half_even(Fraction(part[1], spec.UNITS[unit][0]) * spec.NANO)
            quantity = f"{'-' if nano < 0 else ''}{abs(nano) // spec.NANO}.{abs(nano) % spec.NANO:09}"
            cost, price = self.money(nano * part[0], 18, line), self.money(part[0], 9, line)
        if correction:
            start, end = correction["first"], correction["last"] + 1
        row.update({
            "BilledCost": self.money(pennies, 0, line), "EffectiveCost": self.money(pennies, 0, line),
            "BillingAccountId": line["account"], "BillingAccountName": self.names[None], "BillingCurrency": line["currency"],
            "BillingPeriodStart": self.hour(self.first - self.offset),
            "BillingPeriodEnd": self.hour(self.month_hour(self.month + 1) - self.offset),
            "ChargeCategory": "Usage" if is_usage else "Adjustment", "ChargeClass": "Correction" if kind == "Correction" else None,
            "ChargeDescription": {"Carried": "Carried from before"}.get(
                kind, "Fractions of a penny left by virtual machines that are gone"),
            "ChargeFrequency": "Usage-Based" if is_usage else "One-Time", "ChargePeriodStart": self.hour(start),
            "ChargePeriodEnd": self.hour(end), "ConsumedQuantity": quantity, "PricingQuantity": quantity,
            "ConsumedUnit": unit if is_usage else None, "PricingUnit": unit if is_usage else None, "ContractedCost": cost,
            "ListCost": cost, "ContractedUnitPrice": price, "ListUnitPrice": price,
            "InvoiceId": f"{line['account']}-{self.hour(self.first)[:7]}-{line['currency']}" if self.is_sealed else None,
            "InvoiceIssuerName": PROVIDER, "ProviderName": PROVIDER, "PublisherName": PROVIDER,
            "PricingCategory": "Standard" if is_usage else None, "ServiceCategory": "Compute",
            "ServiceName": "Virtual Machine Memory", "ServiceSubcategory": "Virtual Machines", "x_MissingHosts": self.hosts or None})
        if line["vm"]:
            row.update({"ResourceId": f"vm/{line['vm']}", "ResourceName": self.names[line["vm"]], "ResourceType": "Virtual Machine"})
        if is_usage:
            row.update({"SkuId": "vm-memory", "SkuMeter": "Allocated Memory", "SkuPriceId": f"vm-memory-{unit.lower()}",
                        "SkuPriceDetails": '{"MemorySize":%s}' % {"GiBh": "1", "GBh": "0.931322574615478515625"}[line["unit"]]})
        if is_usage:
            said = re.sub(r"\.?0+$", "", price) if "." in price else price
            why = ""
            if correction:
                month = self.hour(self.month_hour(correction["month"]))[:7]
                why = f" (correction of {month}: {list(CAUSES.values())[correction['cause']]})"
            row.update({"x_KibNs": str(part[1]), "ChargeDescription":
                        f"Memory allocated to a virtual machine{why}, {said} {line['currency']} per {unit[:-1]}"})
        return row

    def text(self):
        return "\n".join(self.lines) + "\n"

    def differences(self, rows):
        if len(rows) != len(self.rows):
            return [f"{len(rows)} rows, not {len(self.rows)}"]
        return [f"{name} is {row[name]!r}, not {expected[name]!r}" for row, expected in zip(rows, self.rows)
                for name in spec.COLUMNS if not is_field(name, row[name], expected[name])]


def is_field(name, field, expected):
    if isinstance(expected, bytes):
        return is_name(field, expected) and (field is None) == (expected == b"")
    return field == expected


def told_statement(program, seed):
    told = Told(random.Random(seed))
    text = write_told(program, told.text())
    check(spec.violations(text) == [], f"statement {seed}: {spec.violations(text)[:3]}")
    _, rows = spec.read(text)
    check(told.differences(rows) == [], f"statement {seed}: {told.differences(rows)[:3]}")
    return text, told.differences


# ---- stores ----


def limbs(three):
    return three[0] * 10**24 + three[1] * 10**12 + three[2]


def key_of(row):
    return row["BillingAccountId"], (row["ResourceId"] or "vm/")[3:], row["BillingCurrency"], spec.unit_of(row)


def nano_pennies(row):
    return Fraction(row["ListUnitPrice"]) * 10**spec.MINOR_DIGITS[row["BillingCurrency"]] * spec.NANO


def corrections_in(rows):
    """What they correct, and of which hours."""
    found = {}
    for row in filter(spec.is_correction, rows):
        _, month, cause, _ = spec.place_in_line(row)
        found[key_of(row), month, spec.CAUSES[cause], nano_pennies(row)] = (
            int(row["x_KibNs"]), row["ChargePeriodStart"], row["ChargePeriodEnd"])
    return found


def adjusted(store, number):
    """The same, of the adjustments in the lines of a month."""
    usage, hours = collections.Counter(), collections.defaultdict(list)
    for account, vm, currency, unit, offset, cause, nano, hour, kib_s, frac in store.query(
            "SELECT account, vm, currency, unit, offset_h, cause, nano_pennies, hour, kib_s, kib_s_frac"
            " FROM adjustment JOIN line USING (line) JOIN account USING (account) WHERE month = ?", number):
        month = (datetime.datetime(1970, 1, 1) + datetime.timedelta(hours=hour + offset)).strftime("%Y-%m")
        key = (account, vm, currency, UNIT_NAMES[unit]), month, CAUSES[cause], nano
        usage[key] += kib_s * spec.NANO + frac
        hours[key].append(hour)
    return {key: (kib_ns, Told.hour(min(hours[key])), Told.hour(max(hours[key]) + 1))
            for key, kib_ns in usage.items() if kib_ns}


def differences(store, month, rows):
    """Between a month's dataset and what SQL says of it."""
    number = (int(month[:4]) - 1970) * 12 + int(month[5:]) - 1
    sums = collections.defaultdict(collections.Counter)
    for row in rows:
        vm = key_of(row)[1]
        line = sums[key_of(row)]
        if not line:
            line["carry_in"] = int(row["x_CarryIn"])
        line["posted"] += spec.pennies(row)
        line["n"] += int(row["x_CostNumerator"])
        line["transfers"] += int(row["x_Transfers"])
        yield is_name(row["BillingAccountName"], store.names_in[month][row["BillingAccountId"]]) or "another account's name"
        yield is_name(row["ResourceName"], store.names_in[month].get(vm, b"")) or "another VM's name"
    is_sealed = store.query("SELECT count(*) FROM period WHERE month = ?", number)[0][0] == 1
    yield all((row["InvoiceId"] is not None) == is_sealed for row in rows) or "an invoice before the close, or none after it"
    yield corrections_in(rows) == adjusted(store, number) or "other corrections than the adjustments"
    seen = set()
    for line, account, vm, currency, unit, posted, *carry_in in store.query(
            "SELECT line, account, vm, currency, unit, posted, carry_in_high, carry_in_middle, carry_in_low FROM line"
            " WHERE month = ?", number):
        key = (account, vm, currency, UNIT_NAMES[unit])
        seen.add(key)
        n = limbs(store.query("SELECT coalesce(n_high, 0), n_middle, n_low FROM line WHERE line = ?", line)[0])
        transfers = limbs(store.query("SELECT coalesce(sum(high), 0), coalesce(sum(middle), 0), coalesce(sum(low), 0)"
                                      " FROM ledger WHERE line = ?", line)[0])
        rated = {nano: kib_s * spec.NANO + frac for nano, kib_s, frac in store.query(
            "SELECT nano_pennies, sum(kib_s), sum(kib_s_frac) FROM rated WHERE line = ? GROUP BY 1", line)}
        got = sums[key]
        yield got["posted"] == posted or f"{key}: {got['posted']} pennies, SQL says {posted}"
        yield got["transfers"] == transfers or f"{key}: other transfers"
        yield got["carry_in"] == limbs(carry_in) or f"{key}: another carry"
        yield not is_sealed or got["n"] == n or f"{key}: another numerator"
        used = {nano_pennies(row): int(row["x_KibNs"]) for row in rows
                if row["x_KibNs"] and not spec.is_correction(row) and key_of(row) == key}
        yield not is_sealed or used == {nano: usage for nano, usage in rated.items() if usage} or f"{key}: other usage"
    yield all(key in seen for key in sums) or "a line that the books don't have"
    ledger = dict(store.query("SELECT account, sum(pennies) FROM ledger JOIN line USING (line) WHERE month = ? GROUP BY 1", number))
    for account, posted in ledger.items():
        in_rows = sum(spec.pennies(row) for row in rows if row["BillingAccountId"] == account)
        yield in_rows == posted or f"{account}: the ledger has another sum"


def wrong_in_store(store, month, rows):
    try:
        return [said for said in differences(store, month, rows) if isinstance(said, str)]
    except (ValueError, KeyError, TypeError) as error:
        return [repr(error)]


def month_of_store(store, month):
    text = counted(*store.export("focus", month))
    check(spec.violations(text) == [], f"{month} of {store.dir}: {spec.violations(text)[:3]}")
    wrong = wrong_in_store(store, month, spec.read(text)[1])
    check(wrong == [], f"{month} of {store.dir}: {wrong[:3]}")
    return text, lambda changed: wrong_in_store(store, month, changed)


def sums(rows):
    """By line: pennies, usage and numerators."""
    lines = collections.defaultdict(collections.Counter)
    for row in rows:
        for name in ("x_KibNs", "x_CostNumerator", "x_Transfers"):
            lines[spec.line_of(row)][name] += int(row[name] or 0)
        lines[spec.line_of(row)]["pennies"] += spec.pennies(row)
    return {line: dict(figures) for line, figures in lines.items()}


def days_of_store(store):
    """The days of a month add up to it."""
    days = []
    for day in range(1, 30):
        text = counted(*store.export("focus", f"2024-02-{day:02}"))
        check(spec.violations(text) == [], f"2024-02-{day:02}: {spec.violations(text)[:3]}")
        days += spec.read(text)[1]
    month = sums(spec.read(store.export("focus", "2024-02")[0])[1])
    check(sums(days) == month, "the days of February don't add up to it")


def carried(rows):
    """By line: what its first row takes over, and what its last one hands on."""
    first = {spec.line_of(row): int(row["x_CarryIn"]) for row in reversed(rows)}
    return first, {spec.line_of(row): int(row["x_CarryOut"]) for row in rows}


def months_carry_on(before, after):
    handed_on, taken = carried(before)[1], carried(after)[0]
    wrong = [line for line in handed_on.keys() | taken.keys() if handed_on.get(line, 0) != taken.get(line, 0)]
    check(wrong == [], f"from one month to the next: {wrong[:3]}")


# ---- one field changed ----


def changed_values(column, value):
    """What a mistake in writing a field could make of it."""
    if value is None:
        return {spec.DECIMAL: ["0.0", "1.0"], spec.INTEGER: ["0", "1"]}.get(column.type, ["x", "NULL", '"']) + list(column.allowed or [])
    values = [None, value + " "] if column.type != spec.NAME else [None, value + "x"]
    if column.type in (spec.DECIMAL, spec.INTEGER):
        last = str((int(value[-1]) + 1) % 10)
        values += [value[:-1] + last, value + "0", value.lstrip("-") if value[0] == "-" else "-" + value, "+" + value,
                   value.replace(".", ","), value.replace(".", ""), value.partition(".")[0], value + "e0", "0" + value]
    elif column.type == spec.DATE:
        values += [value[:10], value[:-1], value.replace("T", " "), value[:12] + str((int(value[12]) + 1) % 10) + value[13:],
                   value[:6] + str((int(value[6]) + 1) % 10) + value[7:], value[:-1] + "+00:00"]
    elif column.type == spec.IDENTIFIER:
        values += ["12345", value.upper(), value + "x", value.replace("a", "\u00e4") + "\u00e4", value[:-1]]
    elif column.type == spec.JSON:
        values += ["{}", value.replace("Size", "size"), value.replace("}", "1}"), value.replace("}", ',"a":[]}')]
    elif column.type == spec.STRING:
        values += [value.lower(), value.upper(), value + "s", *(column.allowed or []), re.sub("[0-9]", "8", value, count=1)]
    return [other for other in values if other != value]


def write(header, rows):
    quoted = [",".join("" if row[name] is None else '"%s"' % row[name].replace('"', '""') for name in header) for row in rows]
    return "\n".join([",".join(header), *quoted]) + "\n"


def is_same_number(column, one, other):
    """More zeros behind a point say nothing else, and are a matter of taste."""
    return column.type == spec.DECIMAL and None not in (one, other) and one.rstrip("0") == other.rstrip("0") and "." in other


def mutants(text, wrong):
    """Of each kind of row one, each of its fields changed in each way."""
    header, rows = spec.read(text)
    check(spec.violations(write(header, rows)) == [] and not wrong(rows), "a dataset that was only written again")
    kinds = {}
    for number, row in enumerate(rows):
        kinds.setdefault((row["ChargeCategory"], row["ChargeClass"], row["ResourceId"] is None, row["PricingUnit"]), number)
    for number in kinds.values():
        for name, column in spec.COLUMNS.items():
            for value in changed_values(column, rows[number][name]):
                changed = [dict(row) for row in rows]
                changed[number][name] = value
                is_noticed = spec.violations_in(header, changed, [number]) or wrong(changed)
                check(is_noticed or is_same_number(column, rows[number][name], value),
                      f"nobody notices that {name} is {value!r} instead of {rows[number][name]!r}")
    for place, name in enumerate(header):
        fewer = header[:place] + header[place + 1:]
        check(spec.violations(write(fewer, rows)), f"nobody notices that {name} is not there")
    for number in kinds.values():
        fewer = rows[:number] + rows[number + 1:]
        check(spec.violations(write(header, fewer)) or wrong(fewer), "nobody notices that a row is gone")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9)))
    parser.add_argument("--statements", type=int, default=40)
    parser.add_argument("--stores", type=int, default=2)
    parser.add_argument("program")
    parser.add_argument("write_export")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    for seed in range(options.seed, options.seed + options.statements):
        text, wrong = told_statement(options.write_export, seed)
    mutants(text, wrong)
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(options.seed, options.seed + options.stores):
            store = Customers(options.program, os.path.join(scratch, str(seed)), seed)
            before = None
            for month in MONTHS:
                text, wrong = month_of_store(store, month)
                rows = spec.read(text)[1]
                if before is not None:
                    months_carry_on(before, rows)
                before = rows
                if seed == options.seed and month != MONTHS[0]:
                    mutants(text, wrong)
            causes = {spec.CAUSES[spec.place_in_line(row)[2]] for row in rows if spec.is_correction(row)}
            check({"another owner", "another price"} <= causes, f"corrections in the last month: {causes}")
            days_of_store(store)
    print(f"{tests['passed']} passed, {tests['failed']} failed")
    return 0 if tests["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
