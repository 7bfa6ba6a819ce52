#!/usr/bin/env python3
"""What charts cost: BIN BENCH [VMS].

Makes stores of a month of VMS VMs (100) at a reading a second, one in which nothing changes and one in which each VM's
memory changes every five minutes, and prints what a chart of one VM's 30 days costs (2.6 million samples), step by step,
and what those of all VMs cost in one run. The measurements are written into the database as pagemeterd would have: no
daemon measures a month in a benchmark. Usage by the hour is derived from them by the product.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HOUR_S, DAYS = 3600, 30
FIRST_S = 1775001600  # 2026-04-01
KIB = 1048576


def vm_of(i):
    return f"aaaaaaaa-0000-4000-8000-{0xabc000000000 + i:012x}"


def begin(tool, where, db, vms, first_s=FIRST_S):
    """A store with one reading of all VMs, at the beginning of an hour."""
    trace = os.path.join(where, "trace")
    with open(trace, "w", encoding="ascii") as out:
        out.write("P 1 0a0a0a0a-0000-4000-8000-00000000000a 0c0c0c0c-0000-4000-8000-00000000000c "
                  "0b0b0b0b-0000-4000-8000-00000000000b 1000000000 5000000000\n")
        out.write(f"T 1 1000000000 {first_s * 10**9} 40000 s 1000000 0 {vms}\n")
        for i in range(1, vms + 1):
            out.write(f"D {i} {vm_of(i)} {KIB} {2 * KIB} 0 r 1000\n")
    subprocess.run([tool, "replay", trace, "--db", db], check=True, stdout=subprocess.DEVNULL)


def segments(pick, vms, every, first_s):
    """(cuts, segments) of the month: all are cut each hour, and change so often."""
    kib = dict.fromkeys(range(1, vms + 1), KIB)
    cuts, rows, number = [], [], 1
    for hour in range(DAYS * 24):
        first = 1 + hour * HOUR_S
        cuts.append((first, first_s // HOUR_S + hour, number))
        begins = []
        for vm in kib:
            ticks = [first] + sorted(pick.sample(range(first + 1, first + HOUR_S), HOUR_S // every)) if every else [first]
            begins += [(tick, vm, end - 1) for tick, end in zip(ticks, ticks[1:] + [first + HOUR_S])]
        for tick, vm, last in sorted(begins):
            if tick != first:
                kib[vm] = KIB // 2 + 4 * pick.randrange(KIB // 4)
            rows.append((number, vm, tick, last, kib[vm], 1))
            number += 1
    first = 1 + DAYS * 24 * HOUR_S
    cuts.append((first, first_s // HOUR_S + DAYS * 24, number))
    return cuts, rows + [(number + i, vm, first, None, kib[vm], 1) for i, vm in enumerate(kib)]


def fill(db, vms, every, first_s=FIRST_S):
    con = sqlite3.connect(os.path.join(db, "meter.db"))
    con.execute("PRAGMA synchronous = OFF")
    kept = con.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('segment', 'hour_cut')").fetchall()
    for name, _ in kept:
        con.execute(f"DROP TRIGGER {name}")
    con.execute("DELETE FROM segment")
    con.execute("DELETE FROM hour_cut")
    con.execute("WITH RECURSIVE n (t) AS (SELECT 2 UNION ALL SELECT t + 1 FROM n WHERE t < ?1)"
                " INSERT INTO tick SELECT t, 50000 + t * 7919 % 40000, t * 104729 % 300, 40000, 1, ?2, ?2 * 1048576 FROM n",
                (1 + DAYS * 24 * HOUR_S, vms))
    cuts, rows = segments(random.Random(1), vms, every, first_s)
    con.executemany("INSERT INTO hour_cut VALUES (?, ?, ?)", cuts)
    con.executemany("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)", rows)
    for _, sql in kept:
        con.execute(sql)
    con.commit()
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    con.close()
    return len(rows)


def timed(command):
    begun = time.monotonic()
    _, status, used = os.wait4(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} fails")
    return time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    tool, bench = os.path.join(sys.argv[1], "pagemeter"), sys.argv[2]
    vms = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    where = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        for what, every in (("nothing changes", 0), ("each changes every 300 s", 300)):
            db, out = os.path.join(where, "db"), os.path.join(where, "out")
            begin(tool, where, db, vms)
            rows = fill(db, vms, every)
            subprocess.run([tool, "db", "rebuild", "--db", db], check=True, stdout=subprocess.DEVNULL)
            print(f"{vms} VMs for {DAYS} days, {DAYS * 24 * HOUR_S:,} readings, {rows:,} segments: {what}; one VM's chart, best of 7",
                  flush=True)
            subprocess.run([bench, db, vm_of(7), "2026-04-01", "2026-05-01"], check=True)
            took, cpu, memory = timed([tool, "chart", "--all", "--db", db, "--from", "2026-04-01", "--to", "2026-05-01",
                                       "--out", out])
            size = sum(os.path.getsize(os.path.join(out, f)) for f in os.listdir(out))
            print(f"  {f'all {vms} in one run, as SVG':<44} {took:8.2f} s   {cpu:.2f} s of CPU, {memory:.0f} MiB, {size / 1e6:.1f} MB\n")
            shutil.rmtree(db)
            shutil.rmtree(out)
    finally:
        shutil.rmtree(where)


if __name__ == "__main__":
    main()
