#!/usr/bin/env python3
"""What the bills of a fleet cost in PostgreSQL: prints seconds.

    bill.py [--hosts 200] [--vms 50] [--days 31] BINDIR

A month of usage by the hour and by the day is made up in the tables, as a keeper derives it; then a
month's usage is read, charged, closed and exported, in a server of its own on this machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fleet"))
import server as postgres

HOUR = 490152  # 2025-12-01T00:00Z
MADE_UP = """
SET search_path = meter;
INSERT INTO host SELECT '0a0a0a0a-0000-4000-8000-' || lpad(i::text, 12, '0') FROM generate_series(1, {hosts}) AS i;
INSERT INTO store SELECT i, '0b0b0b0b-0000-4000-8000-' || lpad(i::text, 12, '0'),
                         '0a0a0a0a-0000-4000-8000-' || lpad(i::text, 12, '0'), 1, 0, NULL, NULL
  FROM generate_series(1, {hosts}) AS i;
INSERT INTO delivered SELECT i, i * {size} - 1, i * {size} + 3599, true FROM generate_series(1, {hosts}) AS i;
INSERT INTO boot_row SELECT i * {size} + 1, '0c0c0c0c-0000-4000-8000-' || lpad(i::text, 12, '0'), i * {size}, i * {size}, i
  FROM generate_series(1, {hosts}) AS i;
INSERT INTO hour_cut_row SELECT i * {size}, {end}, i * {size}, i FROM generate_series(1, {hosts}) AS i;
INSERT INTO restart_row SELECT i * {size}, 'bench', 1000000000, 5000000000, 0, ({end} + 1) * 3600000000000, i
  FROM generate_series(1, {hosts}) AS i;
INSERT INTO life_row
SELECT i * {size} + j, i * {size} + 1, i * {size}, i * {size}, i * {size}, NULL, j, i, 1,
       'aaaaaaaa-0000-4000-8000-' || lpad((i * {vms} + j)::text, 12, '0')
  FROM generate_series(1, {hosts}) AS i, generate_series(1, {vms}) AS j;
SELECT make_month({hour}), make_month({end});
INSERT INTO tick_pack (first_tick, last_tick, late_base, utc_diff_base, window_base, kib_base, store_no, hour, ticks,
                       domains_base, synchronised, late_ns, utc_diff_ns, window_ns)
SELECT i * {size} + p * 60, i * {size} + p * 60 + 59, 0, 0, 1000, 0, i, {end}, 60, {vms}, true, r.late, r.diff, r.width
  FROM generate_series(1, {hosts}) AS i CROSS JOIN generate_series(0, 59) AS p
  CROSS JOIN LATERAL (SELECT array_agg((random() * 60000 + 0 * k)::int) AS late, array_agg((random() * 20000)::int) AS diff,
                             array_agg((random() * 40000)::int) AS width FROM generate_series(1, 60) AS k) AS r;
INSERT INTO segment_row (segment, life, first_tick, last_tick, kib, store_no, hour, counted)
SELECT i * {size} + c * {vms} + j, i * {size} + j, i * {size} + c * 300, CASE WHEN c < 11 THEN i * {size} + c * 300 + 299 END,
       1048576 + c * 4, i, {end}, true
  FROM generate_series(1, {hosts}) AS i, generate_series(0, 11) AS c, generate_series(1, {vms}) AS j;
INSERT INTO derived SELECT i, i * {size} FROM generate_series(1, {hosts}) AS i;
INSERT INTO usage_day
SELECT i * {size} + j, d, 90000000000 + i * j, 1000, 86400000000000, 0, 0, i
  FROM generate_series(1, {hosts}) AS i, generate_series(1, {vms}) AS j, generate_series({hour} / 24, {end} / 24 - 1) AS d;
INSERT INTO usage_hour
SELECT i * {size} + j, h, 3600000000 + i * j, 1000, 3600000000000, 0, 0, i
  FROM generate_series(1, {hosts}) AS i, generate_series({hour}, {end} - 1) AS h, generate_series(1, {vms}) AS j;
ANALYZE;
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--vms", type=int, default=50)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("bindir")
    o = parser.parse_args()
    program = os.path.join(os.path.abspath(o.bindir), "pagemeter")

    def run(*words):
        begin = time.monotonic()
        done = subprocess.run([program, *words, "--db", uri], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stderr}")
        return time.monotonic() - begin, done.stdout

    with postgres.Server("-c shared_buffers=256MB -c max_wal_size=4GB") as server, tempfile.TemporaryDirectory() as scratch:
        key = os.path.join(scratch, "ledger.key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(os.urandom(32).hex() + "\n")
        server.ask("CREATE DATABASE bill")
        uri = server.uri("bill")
        run("db", "init")
        server.ask(MADE_UP.format(hosts=o.hosts, vms=o.vms, hour=HOUR, end=HOUR + o.days * 24, size=10**12), "bill")
        run("account", "add", "acme", "--name", "Acme")
        run("tariff", "set", "default", "0.0042", "EUR/GiBh", "--from", "2020-01-01")
        server.ask("INSERT INTO billing.vm_owner SELECT DISTINCT vm, 0, 1, 'acme' FROM meter.life_row", "bill")
        print(f"{o.hosts} hosts of {o.vms} VMs, {o.days} days: {o.hosts * o.vms * o.days * 24} VM-hours")
        steps = [("the open hour of every host", ("usage", "--from", "2026-01-01", "--format", "csv")),
                 ("a month's usage by VM", ("usage", "--from", "2025-12-01", "--to", "2026-01-01", "--format", "csv")),
                 ("charge, all anew", ("charge", "--key", key)), ("charge again, nothing new", ("charge", "--key", key)),
                 ("close", ("close", "2025-12", "--force", "--key", key))]
        for form in ("accountant", "focus", "journal", "json"):
            steps.append((f"export {form}", ("export", form, "--period", "2025-12", "--out", scratch,
                                             *(("--provider", "Example") if form == "focus" else ()))))
        month = 0
        for what, words in steps:
            seconds, _ = run(*words)
            month += seconds if words[0] in ("close", "export") else 0
            print(f"  {what:28} {seconds:7.2f} s", flush=True)
        print(f"  closed and exported          {month:7.2f} s")
        print(f"  rated, a row: {int(server.ask('SELECT pg_total_relation_size($$billing.rated$$)', 'bill')) / (o.hosts * o.vms * o.days * 24):.0f} bytes;"
              f" usage_hour: {int(server.ask('SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = $$meter.usage_hour$$::regclass', 'bill')) / (o.hosts * o.vms * o.days * 24):.0f} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
