#!/usr/bin/env python3
"""What a trace costs, worked out the slow and obvious way.

An independent computation of the metering rules, to hold the product against:
every interval of every life is looked at by itself, in python's own integers,
and nothing is carried from one interval to the next. It shares no code and no
data structure with the product. Do not make it clever.

    oracle.py [--by vm,hour,...] [--all] [--from T] [--to T] TRACE

prints what `pagemeter usage --format csv` must print after a replay of TRACE
into an empty store, byte for byte. A trace that must be refused ends with exit
status 3 and `TRACE:LINE: reason` on stderr.

Memory in KiB, time in nanoseconds, usage in KiB*ns.
"""

import argparse
import datetime
import re
import sys

HOUR_NS = 3600 * 10**9
GIB_H = 3_774_873_600_000_000_000  # 2^20 KiB * one hour

MAX_KIB = 2**40
MAX_DOMID = 65535
MAX_DOMAINS = 32768
MAX_NS = 2**63 - 1
MAX_SEQ = 2**53 - 1

KEYS = ["vm", "account", "host", "life", "hour"]
HEADER_END = ["kib_ns", "gib_h", "measured_ns", "missing_ns", "excluded_ns"]


class Refused(Exception):
    """The trace is not one: the number of the first line that is wrong, and why."""

    def __init__(self, line, reason):
        super().__init__(f"{line}: {reason}")
        self.line = line
        self.reason = reason


# --- The trace ---------------------------------------------------------------

class Domain:
    """One D line."""

    def __init__(self, domid, uuid, tot_kib, max_kib, outstanding_kib, flags, cpu_ns):
        self.domid, self.uuid = domid, uuid
        self.tot_kib, self.max_kib, self.outstanding_kib = tot_kib, max_kib, outstanding_kib
        self.flags, self.cpu_ns = flags, cpu_ns


class Tick:
    """One T line with its D lines, and the max_gap in force when it was taken."""

    def __init__(self, seq, mono_ns, utc_ns, window_ns, max_gap_ns, boot):
        self.seq, self.mono_ns, self.utc_ns, self.window_ns = seq, mono_ns, utc_ns, window_ns
        self.max_gap_ns, self.boot = max_gap_ns, boot
        self.domains = []


UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER = re.compile(rb"0|[1-9][0-9]*")
FLAGS = re.compile(rb"-|(?=.)r?p?s?d?h?")
CAUSES = (b"read-failed", b"window", b"overrun", b"queue-full")
FIELDS = {b"P": 7, b"T": 9, b"D": 8, b"G": 2, b"B": 2, b"R": 1}


def number(line, word, limit, least=0):
    if not NUMBER.fullmatch(word):
        raise Refused(line, f"not a number: {word!r}")
    if not least <= int(word) <= limit:
        raise Refused(line, f"out of range: {word!r}")
    return int(word)


def uuid(line, word):
    if not UUID.fullmatch(word):
        raise Refused(line, f"not a uuid: {word!r}")
    return word.decode()


def read_trace(data):
    """The host and the list of ticks (those that exist: complete, window within max_gap)."""
    host = boot = None
    max_gap = 0
    ended = set()  # boots
    last_seq = last_mono = None
    ticks = []
    tick = None    # the tick whose D lines are being read
    expected = 0   # how many of them are still to come
    seen = set()   # the domids of those that came

    lines = data.split(b"\n")
    unfinished = lines.pop() != b""  # the last line has no newline: it does not exist
    for line, text in enumerate(lines, 1):
        words = text.split(b" ")
        kind = words[0]
        if FIELDS.get(kind) != len(words):
            raise Refused(line, "not a record")
        if expected and kind != b"D":
            raise Refused(line, f"{expected} more D lines expected")
        if kind != b"P" and host is None:
            raise Refused(line, "a trace begins with P")

        if kind == b"P":
            if words[1] != b"1":
                raise Refused(line, "unknown version")
            this_host, _, this_boot = (uuid(line, w) for w in words[2:5])
            number(line, words[5], MAX_NS, 1)
            max_gap = number(line, words[6], MAX_NS, 1)
            if host is not None and this_host != host:
                raise Refused(line, "another host")
            host = this_host
            if this_boot in ended:
                raise Refused(line, "a boot that has ended")
            if this_boot != boot:
                ended.add(boot)
                boot, last_seq, last_mono = this_boot, None, None
        elif kind == b"B":
            ended.add(boot)
            boot, last_seq, last_mono = uuid(line, words[1]), None, None
            if boot in ended:
                raise Refused(line, "a boot that has ended, or runs already")
        elif kind == b"G":
            if words[1] not in CAUSES:
                raise Refused(line, "unknown cause")
        elif kind == b"T":
            tick = Tick(number(line, words[1], MAX_SEQ), number(line, words[2], MAX_NS),
                        number(line, words[3], MAX_NS), number(line, words[4], MAX_NS),
                        max_gap, boot)
            if words[5] not in (b"s", b"u"):
                raise Refused(line, "clock is s or u")
            number(line, words[6], MAX_KIB)
            number(line, words[7], MAX_KIB)
            expected = number(line, words[8], MAX_DOMAINS)
            if last_seq is not None and tick.seq <= last_seq:
                raise Refused(line, "seq does not increase")
            if last_mono is not None and tick.mono_ns <= last_mono:
                raise Refused(line, "mono_ns does not increase")
            last_seq, last_mono = tick.seq, tick.mono_ns
            seen = set()
            if tick.window_ns <= max_gap:
                ticks.append(tick)
        elif kind == b"D":
            if not expected:
                raise Refused(line, "more D lines than announced")
            if not FLAGS.fullmatch(words[6]):
                raise Refused(line, "unknown flags")
            domain = Domain(number(line, words[1], MAX_DOMID), uuid(line, words[2]),
                            number(line, words[3], MAX_KIB), number(line, words[4], 2**63 - 1),
                            number(line, words[5], MAX_KIB), words[6].decode(),
                            number(line, words[7], MAX_NS))
            if domain.domid in seen:
                raise Refused(line, "a domain twice in one tick")
            seen.add(domain.domid)
            tick.domains.append(domain)
            expected -= 1
    if host is None and not unfinished:
        raise Refused(1, "a trace begins with P")
    # A tick cut off at the end of the file is dropped: D lines are missing, or its last
    # line (which may be the T line of a tick without domains) has no newline.
    if expected and ticks and ticks[-1] is tick:
        ticks.pop()
    return host, ticks


# --- Lives and their intervals -----------------------------------------------

class Life:
    def __init__(self, domid, uuid, boot):
        self.domid, self.uuid, self.boot = domid, uuid, boot
        self.samples = []  # (tick, domain), one for every tick that lists it

    def name(self):
        return f"{self.boot[:8]}/{self.domid}/{self.samples[0][0].seq}"

    def is_temporary_handle(self):
        return self.domid != 0 and (self.uuid.startswith("deadbeef-dead-beef-")
                                    or self.uuid.endswith("-000000000000")
                                    or self.uuid.endswith("-000000000001"))

    def counts(self, i):
        """Whether sample i counts (rule 2)."""
        has_run = any(domain.cpu_ns > 0 for _, domain in self.samples[:i + 1])
        flags = self.samples[i][1].flags
        return has_run and "d" not in flags and "s" not in flags and not self.is_temporary_handle()

    def length_ns(self):
        return self.samples[-1][0].mono_ns - self.samples[0][0].mono_ns


def lives_of(ticks):
    lives = []
    previous = None
    alive = {}
    for tick in ticks:
        if previous is None or previous.boot != tick.boot:
            alive = {}
        now_alive = {}
        for domain in tick.domains:
            life = alive.get(domain.domid)
            if life is None or life.uuid != domain.uuid:
                life = Life(domain.domid, domain.uuid, tick.boot)
                lives.append(life)
            life.samples.append((tick, domain))
            now_alive[domain.domid] = life
        alive = now_alive
        previous = tick
    return lives


def parts(start_utc_ns, span_ns):
    """An interval cut at UTC hours: (hour, ns) of each part."""
    at, end = start_utc_ns, start_utc_ns + span_ns
    while at < end:
        hour = at // HOUR_NS
        until = min(end, (hour + 1) * HOUR_NS)
        yield hour, until - at
        at = until


def intervals_of(life):
    """Each interval between two ticks that list the life: (kind, left tick, ns, KiB)."""
    counted = [life.counts(i) for i in range(len(life.samples))]
    first_counted = counted.index(True) if True in counted else None
    for i in range(len(life.samples) - 1):
        left, domain = life.samples[i]
        right = life.samples[i + 1][0]
        span = right.mono_ns - left.mono_ns
        if not (counted[i] and counted[i + 1]) or i == first_counted:
            kind = "excluded"
        elif span <= right.max_gap_ns:
            kind = "measured"
        else:
            kind = "missing"
        yield kind, left, span, domain.tot_kib


def usage_per_life_and_hour(host, lives):
    """Rows as dicts: the keys, domid, hour_number, the four sums."""
    rows = []
    for life in lives:
        hours = {}
        for kind, left, span, kib in intervals_of(life):
            for hour, ns in parts(left.utc_ns, span):
                row = hours.setdefault(hour, {"kib_ns": 0, "measured": 0, "missing": 0, "excluded": 0})
                row[kind] += ns
                if kind == "measured":
                    row["kib_ns"] += kib * ns
        for hour, row in hours.items():
            row.update(vm=life.uuid, account="unassigned", host=host, life=life.name(),
                       hour=hour_text(hour), domid=life.domid, hour_number=hour)
            rows.append(row)
    return rows


# --- The CSV -----------------------------------------------------------------

def hour_text(hour):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def gib_h_text(kib_ns):
    """9 decimals, rounded half even."""
    whole, rest = divmod(kib_ns * 10**9, GIB_H)
    if rest * 2 > GIB_H or (rest * 2 == GIB_H and whole % 2 == 1):
        whole += 1
    return f"{whole // 10**9}.{whole % 10**9:09d}"


def csv_of(rows, by, everything, from_hour=None, to_hour=None):
    """The bytes of the CSV: `by` a list of keys, the range of hours half open."""
    keys = [k for k in KEYS if k in by]
    sums = {}
    for row in rows:
        if row["domid"] == 0 and not everything:
            continue
        if from_hour is not None and row["hour_number"] < from_hour:
            continue
        if to_hour is not None and row["hour_number"] >= to_hour:
            continue
        total = sums.setdefault(tuple(row[k].encode() for k in keys), [0, 0, 0, 0])
        for n, column in enumerate(("kib_ns", "measured", "missing", "excluded")):
            total[n] += row[column]
    out = [",".join(keys + HEADER_END)]
    for key in sorted(sums):
        kib_ns, measured, missing, excluded = sums[key]
        out.append(",".join([k.decode() for k in key]
                            + [str(kib_ns), gib_h_text(kib_ns), str(measured), str(missing), str(excluded)]))
    return ("\n".join(out) + "\n").encode()


def hour_of(text):
    at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") - datetime.datetime(1970, 1, 1)
    seconds = at.days * 86400 + at.seconds
    if seconds % 3600:
        raise argparse.ArgumentTypeError("not a whole hour")
    return seconds // 3600


def main():
    options = argparse.ArgumentParser(description="The CSV that a trace must give.")
    options.add_argument("--by", default="vm")
    options.add_argument("--all", action="store_true")
    options.add_argument("--from", dest="start", type=hour_of)
    options.add_argument("--to", dest="end", type=hour_of)
    options.add_argument("trace")
    args = options.parse_args()
    with open(args.trace, "rb") as file:
        data = file.read()
    try:
        host, ticks = read_trace(data)
    except Refused as refused:
        print(f"{args.trace}:{refused.line}: {refused.reason}", file=sys.stderr)
        return 3
    rows = usage_per_life_and_hour(host, lives_of(ticks))
    sys.stdout.buffer.write(csv_of(rows, args.by.split(","), args.all, args.start, args.end))
    return 0


if __name__ == "__main__":
    sys.exit(main())
