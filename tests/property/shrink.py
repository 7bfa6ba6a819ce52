"""Make a failing trace small: drop whatever it still fails without."""

import time


def shrink(records, tail, fails, seconds):
    """The smallest found (records, tail) for which fails(records, tail) still holds.

    Tries, again and again until nothing more can go: the tail, runs of records
    (long runs first), whole domains. `fails` must accept any list of records
    that begins with P.
    """
    deadline = time.monotonic() + seconds
    if tail and fails(records, b""):
        tail = b""
    before = None
    while before != size(records) and time.monotonic() < deadline:
        before = size(records)
        records = without_records(records, tail, fails, deadline)
        records = without_domains(records, tail, fails, deadline)
    return records, tail


def size(records):
    return len(records) + sum(len(r[8]) for r in records if r[0] == "T")


def without_records(records, tail, fails, deadline):
    run = max(1, len(records) // 2)
    while run:
        at = 1
        while at < len(records) and time.monotonic() < deadline:
            fewer = records[:at] + records[at + run:]
            if fails(fewer, tail):
                records = fewer
            else:
                at += run
        run //= 2
    return records


def without_domains(records, tail, fails, deadline):
    everyone = sorted({d[1] for r in records if r[0] == "T" for d in r[8]})
    run = max(1, len(everyone) // 2)
    while run and everyone:
        at = 0
        while at < len(everyone) and time.monotonic() < deadline:
            gone = set(everyone[at:at + run])
            fewer = [r if r[0] != "T" else r[:8] + [[d for d in r[8] if d[1] not in gone]] for r in records]
            if fails(fewer, tail):
                records = fewer
                del everyone[at:at + run]
            else:
                at += run
        run //= 2
    return records
