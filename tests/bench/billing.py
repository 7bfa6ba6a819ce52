#!/usr/bin/env python3
"""What billing a month costs: BIN [VMS].

Makes a store of VMS VMs (10,000) with usage in each of the 720 hours of a month, charges it, exports it while it is
open, closes and exports it, and prints how long each step took and how much memory, beside a plain scan of the same
rows by SQLite in the same run. The measurements are written into the database as pagemeterd would have derived them: no
daemon measures 7 million VM-hours in a benchmark.
"""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HOUR_NS = 3600 * 10**9


def hour_of(text):
    import datetime

    then = datetime.datetime.fromisoformat(text + "+00:00")
    return int(then.timestamp()) // 3600


def make_trace(path, first, end):
    """Two ticks with one domain at the beginning, one in the hour behind the month."""
    boot = "0b0b0b0b-0000-4000-8000-00000000000b"
    with open(path, "w") as out:
        out.write("P 1 0a0a0a0a-0000-4000-8000-00000000000a 0c0c0c0c-0000-4000-8000-00000000000c "
                  f"{boot} 1000000000 5000000000\n")
        for seq, at in enumerate((first * HOUR_NS, end * HOUR_NS, end * HOUR_NS + HOUR_NS), 1):
            out.write(f"T {seq} {at - first * HOUR_NS + 10**12} {at} 1000 s 1000000 0 1\n")
            out.write("D 0 00000000-0000-0000-0000-000000000000 1048576 2097152 0 r 1000\n")


def fill(db, vms, first, end):
    con = sqlite3.connect(os.path.join(db, "meter.db"))
    boot, = con.execute("SELECT max(boot) FROM boot").fetchone()
    tick, = con.execute("SELECT min(tick) FROM tick").fetchone()
    last, = con.execute("SELECT max(tick) FROM tick").fetchone()
    base, = con.execute("SELECT max(life) FROM life").fetchone()
    con.executemany(
        "INSERT INTO life (life, boot, domid, vm, first_tick, ran_tick, counted_tick, last_tick, billed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
        ((base + i, boot, i, vm_of(i), tick, tick, tick, last) for i in range(1, vms + 1)))
    con.execute(
        "WITH RECURSIVE hours (hour) AS (SELECT ?1 UNION ALL SELECT hour + 1 FROM hours WHERE hour + 1 < ?2)"
        " INSERT INTO usage_hour SELECT l.life, h.hour, 3600 * (262144 + (l.life * 7919 + h.hour * 104729) % 8388608),"
        " 0, 3600000000000, 0, 0 FROM life AS l, hours AS h WHERE l.life > ?3 ORDER BY l.life, h.hour",
        (first, end, base))
    con.execute("INSERT INTO usage_day SELECT life, hour / 24, sum(kib_s), 0, sum(measured_ns), 0, 0"
                " FROM usage_hour WHERE life > ? GROUP BY life, hour / 24", (base,))
    con.commit()
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    con.close()


def vm_of(i):
    return f"aaaaaaaa-0000-4000-8000-{i:012x}"


def own(db, vms):
    con = sqlite3.connect(os.path.join(db, "billing.db"))
    change, = con.execute("SELECT max(change) FROM change_log").fetchone()
    con.executemany("INSERT INTO vm_owner (vm, from_hour, change, account) VALUES (?, 0, ?, ?)",
                    ((vm_of(i), change, f"customer{i % 500:03d}") for i in range(1, vms + 1)))
    con.commit()
    con.close()


def timed(what, command):
    begun = time.monotonic()
    _, status, used = os.wait4(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid, 0)
    took = time.monotonic() - begun
    if status != 0:
        raise SystemExit(f"{' '.join(command)} fails")
    print(f"  {what:<32} {took:8.2f} s  {used.ru_utime + used.ru_stime:8.2f} s of CPU  {used.ru_maxrss / 1024:6.0f} MiB",
          flush=True)
    return took


def export(tool, format_name, out, db):
    return [tool, "export", format_name, "--period", "2026-04", "--out", out, "--provider", "Example Hosting", "--db", db]


def main():
    tool = os.path.join(sys.argv[1], "pagemeter")
    vms = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    first, end = hour_of("2026-04-01"), hour_of("2026-05-01")
    where = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    db, out = os.path.join(where, "db"), os.path.join(where, "out")
    try:
        make_trace(os.path.join(where, "trace"), first, end)
        subprocess.run([tool, "replay", os.path.join(where, "trace"), "--db", db], check=True,
                       stdout=subprocess.DEVNULL)
        fill(db, vms, first, end)
        for i in range(500):
            subprocess.run([tool, "account", "add", f"customer{i:03d}", "--name", f"Customer {i}", "--db", db],
                           check=True)
        subprocess.run([tool, "tariff", "set", "default", "0.0042", "EUR/GiBh", "--from", "2020-01-01", "--db", db],
                       check=True)
        own(db, vms)
        os.mkdir(out)
        print(f"{vms} VMs, {vms * (end - first)} VM-hours of one month, files in memory")
        scan = timed("a plain scan of them (sqlite3)",
                     ["sqlite3", os.path.join(db, "meter.db"), "SELECT sum(kib_s), sum(kib_s_frac), max(hour) FROM usage_hour"])
        total = timed("charge", [tool, "charge", "--db", db])
        timed("export focus, open", export(tool, "focus", out, db))
        total += timed("close", [tool, "close", "2026-04", "--db", db])
        for format_name in ("accountant", "focus", "journal", "json"):
            total += timed(f"export {format_name}", export(tool, format_name, out, db))
        print(f"  {'charged, closed and exported':<32} {total:8.2f} s, {total / scan:.0f} plain scans")
        size = sum(os.path.getsize(os.path.join(db, f)) for f in os.listdir(db) if f.startswith("billing.db"))
        print(f"  billing.db: {size / 1048576:.0f} MiB, {size / (vms * (end - first)):.1f} bytes per VM-hour")
    finally:
        shutil.rmtree(where)


if __name__ == "__main__":
    main()
