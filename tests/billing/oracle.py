#!/usr/bin/env python3
"""The arithmetic of bills against an oracle that shares no code with it.

    oracle.py [--seed N] [--questions N] PROGRAM

PROGRAM is build/test/billing (tests/billing/answer.c). It gets random questions,
many of them at the limits, and its answers are compared with Python's: integers
without bounds, fractions, datetime, hmac. The rules are those of the headers of
src/billing, written down again. The last line is "N passed, M failed".
"""

import argparse
import datetime
import fractions
import hashlib
import hmac
import os
import random
import re
import subprocess
import sys

INT64 = (-(2**63), 2**63 - 1)
INT128 = (-(2**127), 2**127 - 1)
NANO_MAX = 10**11
KIB_NS = {"GiBh": 2**20 * 3600 * 10**9, "GBh": 10**9 * 3600 * 10**9 // 1024}
REFUSED = "refused"
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
DECIMALS = {**{code: 0 for code in NO_DECIMALS}, "EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "HUF": 2, "BHD": 3,
            "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4}
MONTHS = [(year, month) for year in range(1970, 2263) for month in range(1, 13)]
EPOCH = datetime.datetime(1970, 1, 1)


def fits(value, bounds):
    return bounds[0] <= value <= bounds[1]


def within(value, bounds):
    return str(value) if fits(value, bounds) else REFUSED


# ---- questions and their answers, each a pair ----


def big(rng):
    """Of any magnitude up to 127 bits, often at a limit or a whole number of pennies."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(INT128) // rng.choice((1, 1, 2, 3, 10**11))
    if kind == 1:
        penny = KIB_NS[rng.choice(("GiBh", "GBh"))] * 10**9
        return rng.randrange(-(2**33), 2**33) * penny + rng.randrange(-1, 2)
    if kind == 2:
        return rng.randrange(-3, 4)
    return rng.choice((1, -1)) * (rng.getrandbits(127) >> rng.randrange(127))


def int64(rng):
    if rng.randrange(8) == 0:
        return rng.choice(INT64)
    return rng.choice((1, -1)) * (rng.getrandbits(63) >> rng.randrange(63))


def currency(rng):
    code = rng.choice(list(DECIMALS) + ["XAU", "XXX", "XTS", "DEM", "eur", "EU", "EURO"])
    return f"currency {code}", str(DECIMALS.get(code, REFUSED))


def price_text(rng, decimals):
    nano = min(NANO_MAX + 2, max(0, rng.choice((NANO_MAX, NANO_MAX * 10, 1, rng.getrandbits(37) >> rng.randrange(37)))
                                 + rng.randrange(-2, 3)))
    places = decimals + 9
    text = f"{nano // 10**places}.{nano % 10**places:0{places}}"
    if rng.randrange(2) == 0:
        text = text.rstrip("0").rstrip(".")
    if rng.randrange(8) == 0:
        text += "0" * rng.randrange(3)
    if rng.randrange(6) == 0:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice("0.-+e,x9") + text[at + rng.randrange(2):]
    return text


def price(rng):
    code = rng.choice(list(DECIMALS))
    unit = rng.choice(("GiBh", "GBh"))
    text = price_text(rng, DECIMALS[code])
    question = f"price {text} {code}/{unit}"
    if not re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]+)?", text, re.ASCII) or len(text) > 31:
        return question, REFUSED
    _, _, behind = text.partition(".")
    nano = fractions.Fraction(text) * 10 ** (DECIMALS[code] + 9)
    if len(behind) > DECIMALS[code] + 9 or nano > NANO_MAX:
        return question, REFUSED
    shortest = text.rstrip("0").rstrip(".") if behind else text
    return question, f"{nano} {shortest}"


def add(rng):
    total, usage, nano = big(rng), big(rng), int64(rng)
    if rng.randrange(2) == 0:  # as it is in life
        total, usage, nano = total >> 8, usage >> 44, abs(nano) % (NANO_MAX + 1)
    if not fits(usage * nano, INT128):
        return f"add {total} {usage} {nano}", REFUSED
    return f"add {total} {usage} {nano}", within(total + usage * nano, INT128)


def line(rng):
    unit = rng.choice(("GiBh", "GBh"))
    shift = rng.choice((0, 0, 3, 20))
    carry, n, transfers = (big(rng) >> shift for _ in range(3))
    if rng.randrange(2) == 0:
        transfers = 0
    penny = KIB_NS[unit] * 10**9
    posted = int64(rng) if rng.randrange(2) == 0 else (carry + n + transfers) // penny + rng.randrange(-1, 2)
    if not fits(posted, INT64):
        posted = 0
    overflows = not fits(carry + n, INT128) or not fits(carry + n + transfers, INT128)
    return unit, penny, (carry, n, transfers, posted), overflows


def due(rng):
    unit, penny, (carry, n, transfers, posted), overflows = line(rng)
    question = f"due {unit} {carry} {n} {transfers} {posted}"
    return question, REFUSED if overflows else within((carry + n + transfers) // penny - posted, INT64)


def carried(rng):
    unit, penny, (carry, n, transfers, posted), overflows = line(rng)
    question = f"carry {unit} {carry} {n} {transfers} {posted}"
    if overflows or not fits(posted * penny, INT128):
        return question, REFUSED
    return question, within(carry + n + transfers - posted * penny, INT128)


def limbs(rng):
    value = big(rng)
    return f"limbs {value}", f"{value // 10**24} {value // 10**12 % 10**12} {value % 10**12}"


def value(rng):
    high, middle, low = int64(rng), int64(rng), int64(rng)
    if rng.randrange(2) == 0:
        high = rng.choice((high % 10**14, -170141183460470, 170141183460469)) + rng.randrange(-1, 2)
    return f"value {high} {middle} {low}", within(high * 10**24 + middle * 10**12 + low, INT128)


def first_hour(at, offset):
    """Of MONTHS[at]; the month after the last one is 2263-01. There are no hours below 0."""
    if at == 0:
        return 0
    year, month = MONTHS[at] if at < len(MONTHS) else (2263, 1)
    return (datetime.datetime(year, month, 1) - EPOCH) // datetime.timedelta(hours=1) - offset


def month(rng):
    at, offset = rng.randrange(len(MONTHS)), rng.randrange(-12, 15)
    begin, end = first_hour(at, offset), first_hour(at + 1, offset)
    hour = rng.choice((begin, end - 1, rng.randrange(begin, end)))
    return f"month {hour} {offset}", f"{MONTHS[at][0]}-{MONTHS[at][1]:02} {begin} {end}"


def named(rng):
    year, month_number = rng.randrange(1965, 2268), rng.randrange(0, 15)
    question = f"named {year:04}-{month_number:02}"
    if (year, month_number) in MONTHS:
        return question, str(MONTHS.index((year, month_number)))
    return question, REFUSED


def dated(rng):
    hours = [rng.randrange(20) for _ in range(rng.randrange(1, 9))]
    hour = rng.randrange(-1, 21)
    begun = [(start, said) for said, start in enumerate(hours) if start <= hour]
    later = [start for start in hours if start > hour]
    holds = max(begun)[1] if begun else -1
    return f"dated {hour} {' '.join(map(str, hours))}", f"{holds} {min(later, default=INT64[1])}"


def chain(rng):
    key, before = rng.randbytes(32), rng.choice((bytes(32), rng.randbytes(32)))
    fields = [rng.randbytes(rng.choice((0, 1, 8, 20, 300))) for _ in range(rng.randrange(8))]
    row = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    words = " ".join(["chain", key.hex(), before.hex()] + [field.hex() or "-" for field in fields])
    return words, hmac.new(key, before + row, hashlib.sha256).hexdigest()


QUESTIONS = [currency, price, price, add, due, due, carried, limbs, value, month, named, dated, chain]


def main():
    parser = argparse.ArgumentParser(description="The arithmetic of bills against Python's.")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--questions", type=int, default=200000)
    parser.add_argument("program")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    rng = random.Random(seed)
    print(f"seed {seed}, {options.questions} questions", flush=True)
    asked = [rng.choice(QUESTIONS)(rng) for _ in range(options.questions)]
    done = subprocess.run([os.path.abspath(options.program)], input="".join(q + "\n" for q, _ in asked),
                          stdout=subprocess.PIPE, text=True)
    answers = done.stdout.splitlines()
    if done.returncode != 0 or len(answers) != len(asked):
        raise SystemExit(f"oracle.py: {len(answers)} answers to {len(asked)} questions, exit status {done.returncode}")
    failed = 0
    for (question, expected), answer in zip(asked, answers):
        if answer != expected:
            failed += 1
            if failed <= 10:
                print(f"FAIL {question}: {answer} instead of {expected}")
    print(f"{len(asked) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
