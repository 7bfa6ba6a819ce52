"""A VM of four days under memory on demand, by its word: what it needed, had and was told, with a gap of two hours.

The store is replayed from a trace with a reading a minute; balloon.db has what pageballoond would have kept: five-minute
figures of all days, a figure a minute of the last two, and a decision at each change.
"""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chart"))
import run as charts

MIB = 1024
BEGIN_S = charts.BEGIN_S  # 2026-11-22T15:00:00Z
MINUTES = 4 * 24 * 60
GAP = range(50 * 60, 52 * 60)
FIVE_MIN_NS = 300 * 10**9


def need(minute):
    """More by day, a batch job each night, and what no two minutes have alike."""
    day = abs(720 - (minute + 900) % 1440) / 720
    job = 700 if 540 <= minute % 1440 < 600 else 0
    return int((420 + 500 * (1 - day) + job + (minute * 7919 % 37)) * MIB) // 4 * 4


def held(minute):
    """In steps of 64 MiB, with a headroom."""
    return (need(minute) + 80 * MIB) // (64 * MIB) * 64 * MIB + 64 * MIB


def trace():
    lines = ["P 1 0a0a0a0a-0000-4000-8000-00000000000a 0c0c0c0c-0000-4000-8000-00000000000c "
             "0b0b0b0b-0000-4000-8000-00000000000b 60000000000 90000000000"]
    for minute in range(MINUTES):
        if minute not in GAP:
            lines += [f"T {minute + 1} {(minute + 1) * 60 * 10**9} {(BEGIN_S + 60 * minute) * 10**9} 1000 s 1000000 0 1",
                      f"D 1 {charts.vm_of(1)} {held(minute)} 4194304 0 r {minute + 1}"]
    return ("\n".join(lines) + "\n").encode()


def figures(con):
    rows = []
    for minute in range(MINUTES - 2 * 1440, MINUTES):
        n, h = need(minute), held(minute)
        rows.append(((BEGIN_S + 60 * minute) * 10**9, charts.vm_of(1), h, h, h, n, 80 * MIB, h, h - 40 * MIB, h - n - 60 * MIB,
                     h - 40 * MIB - n, n // 3, 512 * MIB, 512 * MIB - n // 16, 256 * MIB, 2048 * MIB))
    con.executemany(
        "INSERT INTO figure (utc_ns, vm, domid, fallback, seq, up_ms, tot_kib, target_kib, cap_kib, need_kib, headroom_kib,"
        " current_kib, total_kib, free_kib, available_kib, cached_kib, swap_kib, swap_free_kib, committed_kib, swap_in, swap_out,"
        " refaults, major_faults, oom_kills, stall_some_us, stall_full_us, flags, floor_kib, ceiling_kib) VALUES (?1, ?2, 1, 0,"
        " 1, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, max(?10, 0), ?11, ?12, ?13, ?14, 0, 0, 0, 0, 0, 0, 0, 0, 1, ?15, ?16)", rows)


def rolled(con):
    con.execute("INSERT INTO rolled_vm VALUES (1, ?)", (charts.vm_of(1),))
    rows = []
    for minute in range(0, MINUTES, 5):
        values = []
        for line in (need, lambda m: max(held(m) - need(m) - 60 * MIB, 0), lambda m: need(m) // 3, lambda m: need(m) // 16,
                     lambda m: need(m) + 80 * MIB, held, lambda m: 256 * MIB, lambda m: 2048 * MIB):
            five = [line(m) for m in range(minute, minute + 5)]
            average = sum(five) // 5
            values += [average, average - min(five), max(five) - average]
        rows.append((1, (BEGIN_S + 60 * minute) * 10**9 // FIVE_MIN_NS, 5, *values))
    con.executemany(f"INSERT INTO figure_5min VALUES ({', '.join('?' * 27)})", rows)
    con.execute("INSERT INTO rolled VALUES (1, ?)", ((BEGIN_S + 60 * MINUTES) * 10**9 // FIVE_MIN_NS - 12,))


def decisions(con):
    for minute in range(1, MINUTES):
        before, now = held(minute - 1), held(minute)
        if before == now:
            continue
        action, reason = ("grow", "short") if now > before else ("shrink", "slack")
        con.execute(
            "INSERT INTO decision (utc_ns, at_ns, vm, domid, action, reason, failure, cause, cause_number, cause_domid, before_kib,"
            " target_kib, cap_kib, claim_kib, need_kib, available_kib, headroom_kib, tot_kib, rate_kib_s, surplus_kib) VALUES"
            " (?, 1, ?, 1, ?, ?, '-', 'record', 1, 1, ?, ?, ?, 0, ?, 0, 0, ?, 0, 1000000)",
            ((BEGIN_S + 60 * minute) * 10**9, charts.vm_of(1), action, reason, before, now, now, need(minute), before))


def store(bindir, scratch):
    """The directory of the databases."""
    db = charts.Product(bindir, scratch).store("guests", trace())
    charts.add_figures(db, [])
    con = sqlite3.connect(os.path.join(db, "balloon.db"))
    figures(con)
    rolled(con)
    decisions(con)
    con.commit()
    con.close()
    return db
