#!/usr/bin/env python3
"""Computes the bill of a recorded trace a second time and compares.

    verify_trace.py TRACE USAGE.csv       the CSV of `pagemeter usage --by vm,life,hour --format csv`

Written from the metering rules in DESIGN.md and from nothing else: it shares no code, no data structure
and no order of computation with the meter. It looks at one interval between two ticks after the other, in
Python's integers. Besides the bill, it checks what a lab run must show: no VM is ever billed for two
domains at once. Prints ok and FAIL lines; status 1 when one failed.
"""
import csv
import sys
from collections import defaultdict
from fnmatch import fnmatchcase

HOUR_NS = 3600 * 10**9
KIB_NS_PER_GIB_H = 1024 * 1024 * HOUR_NS
TEMPORARY = ("deadbeef-dead-beef-*", "*-000000000000", "*-000000000001")
DOM0 = "00000000-0000-0000-0000-000000000000"      # never billed
FIELDS = ("kib_ns", "measured_ns", "missing_ns", "excluded_ns")


def read_ticks(path):
    """Yields (boot, max_gap_ns, seq, mono_ns, utc_ns, {domid: (uuid, tot_kib, flags, cpu_ns)})."""
    boot = max_gap_ns = tick = None
    expected = 0
    for line in open(path):
        if not line.endswith("\n"):
            break                   # the recorder was cut off
        words = line.split()
        if words[0] == "P":
            boot, max_gap_ns = words[4], int(words[6])
        elif words[0] == "B":
            boot = words[1]
        elif words[0] == "T":
            tick = (boot, max_gap_ns, int(words[1]), int(words[2]), int(words[3]), {})
            is_wide = int(words[4]) > max_gap_ns
            expected = int(words[8])
        elif words[0] == "D":
            tick[5][int(words[1])] = (words[2], int(words[3]), words[6], int(words[7]))
        if tick is not None and len(tick[5]) == expected:
            if not is_wide:
                yield tick
            tick = None


class Life:
    """One domain on one host, as far as it has been read."""

    def __init__(self, boot, domid, seq, uuid):
        self.uuid = uuid
        self.name = f"{boot[:8]}/{domid}/{seq}"
        self.is_temporary = domid != 0 and any(fnmatchcase(uuid, p) for p in TEMPORARY)
        self.has_run = False
        self.counted = 0            # samples so far that counted

    def take(self, tot_kib, flags, cpu_ns):
        """Returns (whether the sample counts, whether it is the first that does, its KiB)."""
        self.has_run = self.has_run or cpu_ns > 0
        counts = self.has_run and not self.is_temporary and not set(flags) & set("sd")
        self.counted += counts
        return counts, counts and self.counted == 1, tot_kib


def hours_of(utc_ns, span_ns):
    """Splits a span at UTC hours: yields (hour, nanoseconds)."""
    while span_ns > 0:
        part_ns = min(span_ns, HOUR_NS - utc_ns % HOUR_NS)
        yield utc_ns // HOUR_NS, part_ns
        utc_ns += part_ns
        span_ns -= part_ns


def bill(ticks):
    """{(uuid, life, hour): {field: integer}} of all lives, and the most domains of one uuid that counted
    at one tick, and the number of ticks and lives."""
    usage = defaultdict(lambda: dict.fromkeys(FIELDS, 0))
    lives, samples = {}, {}         # of the tick before, by (domid, uuid)
    most_at_once = tick_count = life_count = 0
    before = None
    for boot, max_gap_ns, seq, mono_ns, utc_ns, domains in ticks:
        tick_count += 1
        if before is None or before[0] != boot:
            lives, samples = {}, {}
        lives_now, samples_now, at_once = {}, {}, defaultdict(int)
        for domid, (uuid, tot_kib, flags, cpu_ns) in domains.items():
            key = domid, uuid
            if key not in lives:
                life_count += 1
            life = lives_now[key] = lives.get(key) or Life(boot, domid, seq, uuid)
            samples_now[key] = life.take(tot_kib, flags, cpu_ns)
            at_once[uuid] += samples_now[key][0]
        most_at_once = max([most_at_once, *at_once.values()])
        for key in lives_now.keys() & samples.keys():
            counts_before, is_first, kib = samples[key]
            counts_now = samples_now[key][0]
            span_ns = mono_ns - before[1]
            if not counts_before or not counts_now or is_first:
                field = "excluded_ns"
            else:
                field = "measured_ns" if span_ns <= max_gap_ns else "missing_ns"
            for hour, part_ns in hours_of(before[2], span_ns):
                row = usage[key[1], lives_now[key].name, hour]
                row[field] += part_ns
                if field == "measured_ns":
                    row["kib_ns"] += kib * part_ns
        lives, samples, before = lives_now, samples_now, (boot, mono_ns, utc_ns)
    return usage, most_at_once, tick_count, life_count


def gib_h(kib_ns):
    """Nine decimals, rounded half even, without leaving the integers."""
    nano, rest = divmod(kib_ns * 10**9, KIB_NS_PER_GIB_H)
    nano += 2 * rest > KIB_NS_PER_GIB_H or (2 * rest == KIB_NS_PER_GIB_H and nano % 2)
    return f"{nano // 10**9}.{nano % 10**9:09d}"


def read_bill(path):
    """The same form as bill(), and the gib_h column."""
    from datetime import datetime, timezone
    usage, rounded = {}, {}
    for row in csv.DictReader(open(path)):
        moment = datetime.strptime(row["hour"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        key = row["vm"], row["life"], int(moment.timestamp()) // 3600
        usage[key] = {field: int(row[field]) for field in FIELDS}
        rounded[key] = row["gib_h"]
    return usage, rounded


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, wrong):
        """`wrong` lists what is wrong."""
        if wrong:
            self.failed += 1
            print(f"FAIL {what}: {len(wrong)} wrong, e.g.")
            for line in wrong[:5]:
                print(f"       {line}")
        else:
            self.passed += 1
            print(f"ok   {what}")


def main():
    trace, usage_csv = sys.argv[1:]
    ours, most_at_once, ticks, lives = bill(read_ticks(trace))
    ours = {key: row for key, row in ours.items() if key[0] != DOM0}
    theirs, rounded = read_bill(usage_csv)
    zero = dict.fromkeys(FIELDS, 0)
    checks = Checks()
    wrong = [f"{key}: billed {theirs.get(key)}, recomputed {ours.get(key)}"
             for key in sorted(ours.keys() | theirs.keys())
             if theirs.get(key, zero) != ours.get(key, zero)]
    total = sum(row["kib_ns"] for row in ours.values())
    checks.check(f"the bill is that of the trace: {lives} lives, {ticks} ticks, {total} KiB*ns", wrong)
    wrong = [f"{key}: {rounded[key]}, not {gib_h(row['kib_ns'])}"
             for key, row in theirs.items() if rounded[key] != gib_h(row["kib_ns"])]
    checks.check("its GiB*h are its KiB*ns, rounded half even", wrong)
    wrong = [f"{most_at_once} at once"] if most_at_once > 1 else []
    checks.check("no VM was billed for two domains at one tick", wrong)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
