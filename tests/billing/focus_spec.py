"""FOCUS 1.2 as rules, written from the specification, for the columns that Pagemeter has.

What a column must be stands in COLUMNS; what columns must be to each other in ROW_RULES and
DATASET_RULES. `violations(text)` reads a dataset and names every rule that it breaks. Where the
specification leaves a choice, docs/exports-focus.md says which one was made, and the rule demands it.
"""

import collections
import datetime
import fractions
import json
import re

Fraction = fractions.Fraction
Column = collections.namedtuple("Column", "level type nullable allowed", defaults=(None,))

MANDATORY, CONDITIONAL, RECOMMENDED = "Mandatory", "Conditional", "Recommended"
DECIMAL, STRING, NAME, IDENTIFIER, DATE, JSON, INTEGER = "decimal string name identifier date json integer".split()

COLUMNS = {
    "BilledCost": Column(MANDATORY, DECIMAL, False),
    "BillingAccountId": Column(MANDATORY, IDENTIFIER, False),
    "BillingAccountName": Column(MANDATORY, NAME, False),
    "BillingCurrency": Column(MANDATORY, STRING, False, {"EUR", "USD", "JPY", "KWD", "CLF"}),
    "BillingPeriodEnd": Column(MANDATORY, DATE, False),
    "BillingPeriodStart": Column(MANDATORY, DATE, False),
    "ChargeCategory": Column(MANDATORY, STRING, False, {"Usage", "Adjustment"}),
    "ChargeClass": Column(MANDATORY, STRING, True, {"Correction"}),
    "ChargeDescription": Column(MANDATORY, STRING, False),
    "ChargeFrequency": Column(RECOMMENDED, STRING, False, {"One-Time", "Usage-Based"}),
    "ChargePeriodEnd": Column(MANDATORY, DATE, False),
    "ChargePeriodStart": Column(MANDATORY, DATE, False),
    "ConsumedQuantity": Column(CONDITIONAL, DECIMAL, True),
    "ConsumedUnit": Column(CONDITIONAL, STRING, True, {"GiB-Hours", "GB-Hours"}),
    "ContractedCost": Column(MANDATORY, DECIMAL, False),
    "ContractedUnitPrice": Column(CONDITIONAL, DECIMAL, True),
    "EffectiveCost": Column(MANDATORY, DECIMAL, False),
    "InvoiceId": Column(RECOMMENDED, IDENTIFIER, True),
    "InvoiceIssuerName": Column(MANDATORY, NAME, False),
    "ListCost": Column(MANDATORY, DECIMAL, False),
    "ListUnitPrice": Column(CONDITIONAL, DECIMAL, True),
    "PricingCategory": Column(CONDITIONAL, STRING, True, {"Standard"}),
    "PricingQuantity": Column(MANDATORY, DECIMAL, True),
    "PricingUnit": Column(MANDATORY, STRING, True, {"GiB-Hours", "GB-Hours"}),
    "ProviderName": Column(MANDATORY, NAME, False),
    "PublisherName": Column(MANDATORY, NAME, False),
    "RegionId": Column(CONDITIONAL, IDENTIFIER, True, set()),
    "RegionName": Column(CONDITIONAL, NAME, True, set()),
    "ResourceId": Column(CONDITIONAL, IDENTIFIER, True),
    "ResourceName": Column(CONDITIONAL, NAME, True),
    "ResourceType": Column(CONDITIONAL, STRING, True, {"Virtual Machine"}),
    "ServiceCategory": Column(MANDATORY, STRING, False, {"Compute"}),
    "ServiceName": Column(MANDATORY, STRING, False, {"Virtual Machine Memory"}),
    "ServiceSubcategory": Column(RECOMMENDED, STRING, False, {"Virtual Machines"}),
    "SkuId": Column(CONDITIONAL, IDENTIFIER, True, {"vm-memory"}),
    "SkuMeter": Column(CONDITIONAL, STRING, True, {"Allocated Memory"}),
    "SkuPriceDetails": Column(CONDITIONAL, JSON, True),
    "SkuPriceId": Column(CONDITIONAL, IDENTIFIER, True, {"vm-memory-gib-hours", "vm-memory-gb-hours"}),
    "SubAccountId": Column(CONDITIONAL, IDENTIFIER, True, set()),
    "SubAccountName": Column(CONDITIONAL, NAME, True, set()),
    "x_KibNs": Column(None, INTEGER, True),
    "x_CostNumerator": Column(None, INTEGER, False),
    "x_CostDenominator": Column(None, INTEGER, False),
    "x_CarryIn": Column(None, INTEGER, False),
    "x_Transfers": Column(None, INTEGER, False),
    "x_CarryOut": Column(None, INTEGER, False),
    "x_MissingHosts": Column(None, NAME, True),
}
FORMS = {
    DECIMAL: r"-?(0|[1-9][0-9]*)\.[0-9]+",
    INTEGER: r"0|-?[1-9][0-9]*",
    IDENTIFIER: r"(?=.*[A-Za-z])[A-Za-z0-9/._-]+",
    DATE: r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z",
    STRING: r"[ -~]*[!-~]",
    JSON: r"\{.*\}",
}
PLACEHOLDERS = {"", "null", "n/a", "na", "none", "not applicable", "not_applicable", "unknown", "-"}

# of a unit: KiB*ns, and the GiB that one of it has (SkuPriceDetails: MemorySize)
UNITS = {"GiB-Hours": (2**20 * 3600 * 10**9, Fraction(1)),
         "GB-Hours": (10**9 * 3600 * 10**9 // 1024, Fraction(10**9, 2**30))}
PRICE_IDS = {"vm-memory-gib-hours": "GiB-Hours", "vm-memory-gb-hours": "GB-Hours"}
MINOR_DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}
NANO = 10**9
FRACTIONS = {"Fractions of a penny left by virtual machines that are gone", "Carried from before"}
CAUSES = ["measured late", "another owner", "another price"]  # of corrections, in this order
DESCRIPTION = re.compile(r"Memory allocated to a virtual machine(?: \(correction of ([0-9]{4}-[0-9]{2}): ([a-z ]+)\))?,"
                         r" ([0-9.]+) ([A-Z]{3}) per (G.?B-Hour)")


# ---- CSV: RFC 4180 in UTF-8; a field with nothing in it, not even quotes, is null ----

FIELD = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)')


def records(text):
    at, row = 0, []
    while at < len(text):
        field = FIELD.match(text, at)
        row.append(field.group(1).replace('""', '"') if field.group(1) is not None else field.group(2) or None)
        at = field.end()
        if text[at:at + 1] == "\n":
            yield row
            row = []
        elif text[at:at + 1] != ",":
            raise ValueError(f"neither a comma nor a line's end at {at}: {text[at:at + 20]!r}")
        at += 1
    if row:
        raise ValueError("the last line does not end")


def read(text):
    """A header and rows as dictionaries."""
    header, *rows = records(text)
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(f"row {number} has {len(row)} fields, not {len(header)}")
    return header, [dict(zip(header, row)) for row in rows]


# ---- rules ----

ROW_RULES, DATASET_RULES = [], []


def row_rule(function):
    ROW_RULES.append(function)
    return function


def dataset_rule(function):
    DATASET_RULES.append(function)
    return function


def decimal(row, name):
    return Fraction(row[name])


def date(row, name):
    return datetime.datetime.strptime(row[name], "%Y-%m-%dT%H:%M:%SZ")


def unit_of(row):
    """Which unit a charge is of: usage says it, the others by the denominator."""
    return next((unit for unit, (kib_ns, _) in UNITS.items() if int(row["x_CostDenominator"]) == kib_ns * NANO), None)


def pennies(row):
    return decimal(row, "BilledCost") * 10**MINOR_DIGITS[row["BillingCurrency"]]


def half_even(value):
    whole, rest = value // 1, value % 1
    return whole + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1))


def is_correction(row):
    return row["ChargeClass"] == "Correction"


def offsets_of(row):
    """The hours by which the account's clock may be ahead: those at which its period begins a month."""
    start = date(row, "BillingPeriodStart")
    return [hours for hours in range(-12, 15) if (start + datetime.timedelta(hours=hours)).strftime("%d %H") == "01 00"]


@row_rule
def values_have_their_type_and_are_null_only_where_they_may(row):
    for name, column in COLUMNS.items():
        value = row[name]
        if value is None:
            yield column.nullable or f"{name} is null"
            continue
        yield column.type not in FORMS or re.fullmatch(FORMS[column.type], value, re.S) or f"{name} is {value!r}"
        yield column.allowed is None or value in column.allowed or f"{name} is {value!r}"
        if column.type == NAME:
            yield value.strip() != "" or f"{name} is nothing but spaces"
        else:
            yield value.lower() not in PLACEHOLDERS or f"{name} stands for null: {value!r}"
        yield value == "0.0" or not re.fullmatch(r"-0\.0*", value) or f"{name} is {value}"


@row_rule
def no_cell_is_a_formula(row):
    for name, value in row.items():
        is_number = COLUMNS[name].type in (DECIMAL, INTEGER)
        yield value is None or is_number or not re.match(r"[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]", value.lstrip(' "\u00a0')) \
            or f"{name} begins like a formula: {value!r}"


@row_rule
def usage_has_quantity_price_and_sku(row):
    for name in ("ConsumedQuantity", "ConsumedUnit", "PricingQuantity", "PricingUnit", "PricingCategory", "ListUnitPrice",
                 "ContractedUnitPrice", "SkuId", "SkuPriceId", "ResourceId", "x_KibNs"):
        yield row["ChargeCategory"] != "Usage" or row[name] is not None or f"usage without {name}"
    for name in ("ConsumedQuantity", "PricingQuantity", "ListUnitPrice", "ContractedUnitPrice", "PricingCategory", "x_KibNs"):
        yield row["ChargeCategory"] == "Usage" or row[name] is None or f"{name} without usage"
    yield (row["ChargeFrequency"] == "Usage-Based") == (row["ChargeCategory"] == "Usage") or "frequency of another charge"


@row_rule
def both_or_none(row):
    for one, other in (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit"), ("ResourceId", "ResourceType"),
                       ("RegionId", "RegionName"), ("SubAccountId", "SubAccountName"), ("SkuId", "SkuMeter"),
                       ("SkuId", "SkuPriceId"), ("SkuPriceId", "SkuPriceDetails")):
        yield (row[one] is None) == (row[other] is None) or f"{one} and {other} are not null together"
    yield row["ResourceId"] is not None or row["ResourceName"] is None or "the name of no resource"
    yield row["ResourceName"] is None or row["ResourceName"] != row["ResourceId"] or "ResourceName is ResourceId"


@row_rule
def a_resource_is_the_uuid_of_a_vm(row):
    yield row["ResourceId"] is None or re.fullmatch("vm/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row["ResourceId"]) \
        or f"ResourceId is {row['ResourceId']!r}"


@row_rule
def a_correction_is_of_usage(row):
    """What has a quantity and a price is usage: an adjustment is what falls into no other category."""
    yield not is_correction(row) or row["ChargeCategory"] == "Usage" or "a correction of another category"
    for name in ("PricingQuantity", "x_KibNs"):
        yield is_correction(row) or row[name] is None or decimal(row, name) >= 0 or f"{name} is negative"
    yield row["x_KibNs"] != "0" or "usage of nothing"


@row_rule
def price_times_quantity_is_cost(row):
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        if row[price] is None:
            # fractions are of charges whose cost is in their rows
            yield decimal(row, cost) == 0 or f"{cost} of a charge without price"
            continue
        # also where ChargeClass is Correction, which FOCUS excepts
        yield decimal(row, price) >= 0 or f"{price} is negative"
        yield decimal(row, price) * decimal(row, "PricingQuantity") == decimal(row, cost) or f"{cost} is no product"


@row_rule
def nothing_is_amortised_or_discounted(row):
    yield row["EffectiveCost"] == row["BilledCost"] or "EffectiveCost differs from BilledCost"
    yield row["ListUnitPrice"] == row["ContractedUnitPrice"] or "the list's price differs from the contract's"
    yield row["ListCost"] == row["ContractedCost"] or "ListCost differs from ContractedCost"
    yield row["ConsumedQuantity"] == row["PricingQuantity"] or "consumed and priced are different quantities"
    yield row["ConsumedUnit"] == row["PricingUnit"] or "consumed and priced have different units"


@row_rule
def money_has_the_decimals_of_its_currency(row):
    digits = MINOR_DIGITS[row["BillingCurrency"]]
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ListUnitPrice", "ContractedUnitPrice"):
        if row[name] is None:
            continue
        behind = len(row[name].partition(".")[2])
        is_billed = name in ("BilledCost", "EffectiveCost")
        yield behind >= max(1, digits) or f"{name} has {behind} decimals"
        yield not is_billed or behind == max(1, digits) or f"{name} has {behind} decimals"
        yield is_billed or behind <= max(1, digits) or not row[name].endswith("0") or f"{name} ends with a 0"
    yield pennies(row).denominator == 1 or "BilledCost has parts of a penny"


@row_rule
def the_sender_is_one(row):
    yield row["ProviderName"] == row["PublisherName"] == row["InvoiceIssuerName"] or "provider, publisher, issuer differ"


@row_rule
def periods_are_months_and_within_them(row):
    start, end, offsets = date(row, "BillingPeriodStart"), date(row, "BillingPeriodEnd"), offsets_of(row)
    first = start + datetime.timedelta(hours=offsets[0]) if offsets else start
    following = (first + datetime.timedelta(days=31)).replace(day=1)
    yield offsets and end + datetime.timedelta(hours=offsets[0]) == following or "the billing period is no month"
    yield date(row, "ChargePeriodStart") < date(row, "ChargePeriodEnd") or "the charge period ends before it begins"
    if is_correction(row):
        return
    yield start <= date(row, "ChargePeriodStart") and date(row, "ChargePeriodEnd") <= end or "charged outside the period"
    span = date(row, "ChargePeriodEnd") - date(row, "ChargePeriodStart")
    yield span in (end - start, datetime.timedelta(days=1)) or "the charge period is neither a month nor a day"


@row_rule
def a_correction_is_of_hours_of_one_month_before(row):
    """By the account's own clock; and its description says which month that is."""
    if not is_correction(row) or not offsets_of(row):
        return
    offset = datetime.timedelta(hours=offsets_of(row)[0])
    start, end = date(row, "ChargePeriodStart"), date(row, "ChargePeriodEnd")
    said = DESCRIPTION.fullmatch(row["ChargeDescription"])
    yield end <= date(row, "BillingPeriodStart") or "a correction of the period itself"
    yield start.minute == start.second == end.minute == end.second == 0 or "a correction of parts of hours"
    last = end - datetime.timedelta(hours=1)
    yield f"{start + offset:%Y-%m}" == f"{last + offset:%Y-%m}" == (said and said[1]) or "a correction of several months"


@row_rule
def sku_prices_are_those_of_the_list(row):
    unit = unit_of(row)
    yield unit is not None or "x_CostDenominator is of no unit"
    yield row["PricingUnit"] in (None, unit) or "PricingUnit is another than the denominator's"
    if row["SkuPriceId"] is None or unit is None:
        return
    yield PRICE_IDS.get(row["SkuPriceId"]) == unit or "SkuPriceId is of another unit"
    details = json.loads(row["SkuPriceDetails"], parse_float=Fraction)
    yield list(details) == ["MemorySize"] and details["MemorySize"] == UNITS[unit][1] or "SkuPriceDetails of another unit"


@row_rule
def exact_figures_agree(row):
    unit = unit_of(row)
    if unit is None:
        return
    numerator, denominator = int(row["x_CostNumerator"]), int(row["x_CostDenominator"])
    yield (int(row["x_CarryIn"]) + numerator + int(row["x_Transfers"])
           == pennies(row) * denominator + int(row["x_CarryOut"])) or "the equation of the charge line is broken"
    if row["ChargeCategory"] != "Usage":
        return
    usage, quantity = int(row["x_KibNs"]), decimal(row, "PricingQuantity")
    minor = 10**MINOR_DIGITS[row["BillingCurrency"]]
    nano_pennies = decimal(row, "ContractedUnitPrice") * minor * NANO
    yield half_even(Fraction(usage, UNITS[unit][0]) * NANO) == quantity * NANO or "PricingQuantity is not x_KibNs, rounded"
    yield usage * nano_pennies == numerator or "x_CostNumerator is not x_KibNs times the price"
    difference = decimal(row, "ContractedCost") * minor - Fraction(numerator, denominator)
    yield abs(difference) <= Fraction(5, 10**8) or "ContractedCost is not the exact quotient"


@row_rule
def the_description_says_what_for_and_at_which_price(row):
    said = row["ChargeDescription"]
    if row["ChargeCategory"] != "Usage":
        yield said in FRACTIONS or f"description: {said!r}"
        return
    found = DESCRIPTION.fullmatch(said)
    yield found and (Fraction(found[3]), found[4], found[5] + "s") == (
        decimal(row, "ListUnitPrice"), row["BillingCurrency"], row["PricingUnit"]) or f"description: {said!r}"
    yield found and found[2] in (CAUSES if is_correction(row) else [None]) or f"cause: {said!r}"


@dataset_rule
def columns_are_there_and_in_order(header, rows):
    yield [name for name in header if not name.startswith("x_")] == sorted(n for n in COLUMNS if not n.startswith("x_")) \
        or "the columns of FOCUS are not all there, in the alphabet's order"
    yield header == list(COLUMNS) or "columns are missing, more, or in another order"
    for name in header:
        yield re.fullmatch(r"(x_)?([A-Z][a-z0-9]+)+", name) and len(name) <= 50 or f"{name} is no name for a column"


@dataset_rule
def one_invoice_is_of_one_account_currency_and_period(header, rows):
    invoices = collections.defaultdict(set)
    for row in rows:
        of = (row["BillingAccountId"], row["BillingCurrency"], row["BillingPeriodStart"])
        invoices[row["InvoiceId"]].add(of)
        first = datetime.datetime.strptime(row["BillingPeriodStart"], "%Y-%m-%dT%H:%M:%SZ") + datetime.timedelta(hours=14)
        yield row["InvoiceId"] in (None, f"{of[0]}-{first:%Y-%m}-{of[1]}") or f"InvoiceId is {row['InvoiceId']!r}"
    yield None not in invoices or len(invoices) == 1 or "some charges have an invoice and others none"
    for invoice, those in invoices.items():
        yield invoice is None or len(those) == 1 or f"{invoice} is of several"


@dataset_rule
def what_is_the_same_has_the_same_names(header, rows):
    for one, other in (("BillingAccountId", "BillingAccountName"), ("ResourceId", "ResourceName"), ("SkuPriceId", "SkuId"),
                       ("ServiceName", "ServiceCategory"), ("ServiceName", "ServiceSubcategory"),
                       ("BillingAccountId", "BillingPeriodStart"), ("BillingAccountId", "ChargePeriodStart"),
                       ("BillingAccountId", "ChargePeriodEnd"), ("ServiceName", "ProviderName"),
                       ("ServiceName", "x_MissingHosts")):
        values = collections.defaultdict(set)
        for row in rows:
            if not other.startswith("ChargePeriod") or not is_correction(row):
                values[row[one]].add(row[other])
        for key, those in values.items():
            yield key is None or len(those) == 1 or f"{one} {key} has {len(those)} of {other}"


def line_of(row):
    return row["BillingAccountId"], row["ResourceId"], row["BillingCurrency"], row["x_CostDenominator"]


def place_in_line(row):
    """Corrections first, by month, cause and price; then usage, by price as it comes."""
    if not is_correction(row):
        return (1,)
    said = DESCRIPTION.fullmatch(row["ChargeDescription"])
    return 0, said[1], CAUSES.index(said[2]), decimal(row, "ListUnitPrice")


@dataset_rule
def the_rows_of_a_line_carry_on(header, rows):
    seen, before, prices = set(), None, set()
    for row in rows:
        if before is not None and line_of(row) == line_of(before):
            yield row["x_CarryIn"] == before["x_CarryOut"] or "x_CarryIn is not the x_CarryOut of the row before"
            yield before["x_Transfers"] == "0" or "a transfer before the line's last row"
            yield row["ChargeCategory"] == "Usage" or "fractions beside usage"
            in_order = place_in_line(before) < place_in_line(row) or place_in_line(before) == place_in_line(row) == (1,)
            yield in_order or "corrections come first, by month, cause and price"
        else:
            yield line_of(row) not in seen or "the rows of a line are not together"
            prices = set()
        if row["ChargeCategory"] == "Usage" and not is_correction(row):
            yield row["ListUnitPrice"] not in prices or "a price has two rows"
            prices.add(row["ListUnitPrice"])
        seen.add(line_of(row))
        before = row


def broken(rule, *subject):
    """The rules above give a sentence for what is wrong, and else something true."""
    return [said for said in rule(*subject) if isinstance(said, str)]


def violations_in(header, rows, numbers=None):
    """Each rule that is broken, as sentences; numbers: of which rows, and None for all of them."""
    try:
        found = broken(columns_are_there_and_in_order, header, rows)
        if found:
            return found
        for number in range(len(rows)) if numbers is None else numbers:
            for rule in ROW_RULES:
                found += [f"row {number}: {said}" for said in broken(rule, rows[number])]
        for rule in DATASET_RULES:
            found += broken(rule, header, rows)
        return found
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError) as error:
        return [f"{type(error).__name__}: {error}"]


def violations(text):
    try:
        return violations_in(*read(text))
    except ValueError as error:
        return [str(error)]
