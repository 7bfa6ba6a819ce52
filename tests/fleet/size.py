#!/usr/bin/env python3
"""What a sample takes in PostgreSQL, tables and indexes together, and how fast batches are stored.

    size.py [--hosts 20] [--hours 4] [--vms 50] [--change 300] [--ticks 60] [--seed 1]

Hosts are made up as they ship while they are measured: a batch of each in turn, and autovacuum at work.
Every tick is late, wide and off the elapsed time by its own few tens of microseconds, as on a real
host: that is most of what a tick takes. usage_hour and usage_day are filled as the keeper fills them.
"""

import argparse
import random
import sys
import time

sys.dont_write_bytecode = True
import batches
import central
import server as fleet

HOUR = 486944  # some hour of 2025
LATE, OFF, WINDOW = 60000, 20000, 40000  # ns


class Host:
    """The rows of a host, batch by batch."""

    def __init__(self, number, options):
        self.pick = random.Random(options.seed * 1000 + number)
        self.options = options
        self.store = f"{number:08x}-0000-4000-8000-0000000000aa"
        self.host = f"{number:08x}-0000-4000-8000-0000000000bb"
        self.role = f"size_{number}"
        self.domains = [0] + list(range(1, options.vms + 1))
        self.kib = {d: 4 * 2**20 for d in self.domains}
        self.open = {}
        self.segment = 1
        self.tick = 0

    def change(self, domain, closed):
        old = self.open.get(domain)
        if old:
            closed.append([old[0], domain + 1, old[1], self.tick - 1, old[2], 1])
        self.open[domain] = (self.segment, self.tick, self.kib[domain])
        self.segment += 1

    def batch(self):
        first, rows, closed, ticks = self.tick + 1, {}, [], []
        hour = HOUR + (first - 1) // 3600
        for self.tick in range(first, first + self.options.ticks):
            is_cut = self.tick % 3600 == 1
            if self.tick == 1:
                rows["boot"] = [[1, self.host, 1, 0]]
                rows["restart"] = [[1, "0.1.0", 10**9, 5 * 10**9, 10**12, HOUR * 3600 * 10**9 - 10**12 + 10**6]]
                rows["life"] = [[d + 1, 1, d, f"{d:08x}-0000-4000-8000-{int(self.store[:8], 16):012x}", 1, 1, 1, None, int(d > 0)]
                                for d in self.domains]
            if is_cut:
                rows["hour_cut"] = [[self.tick, hour, self.segment]]
            for d in self.domains:
                if d and not is_cut and self.pick.random() < 1 / self.options.change:
                    self.kib[d] = self.pick.randrange(2 * 2**20, 6 * 2**20, 4)
                    self.change(d, closed)
                elif is_cut:
                    self.change(d, closed)
            ticks.append([self.tick, self.pick.randrange(LATE), self.pick.randrange(-OFF, OFF),
                          WINDOW // 2 + self.pick.randrange(WINDOW), 1, len(self.domains), sum(self.kib.values())])
        opened = [[s, d + 1, t, -1, kib, 1] for d, (s, t, kib) in self.open.items() if t >= first]
        segments = [row for row in closed if row[3] >= first - 1] + opened
        return {"protocol": 1, "store": self.store, "store_number": 1, "store_created_ns": 1, "restored_from": None,
                "restored_after": None, "after": first - 1 if first > 1 else -1, "up_to": self.tick, "hour": hour, "rows": rows,
                "ticks": ticks, "segments": sorted(segments)}


def derive(server, name, host, hour):
    """Rows of an hour, of the size that they have."""
    number = central.number_of(server, name, host.store)
    usage = [4 * 2**20 * 3600 + 12345, 123456789, 3598 * 10**9, 0, 2 * 10**9]
    text = ["BEGIN;"]
    for d in host.domains:
        life = number * central.SIZE + d + 1
        text.append(f"INSERT INTO meter.usage_hour VALUES ({life}, {hour}, {', '.join(map(str, usage))}, {number});"
                    f"INSERT INTO meter.usage_day VALUES ({life}, {hour // 24}, {', '.join(map(str, usage))}, {number})"
                    f" ON CONFLICT (store_no, day, life) DO UPDATE SET kib_s = usage_day.kib_s + excluded.kib_s;")
    return "\n".join(text + ["COMMIT;"])


def main():
    parser = argparse.ArgumentParser()
    for name, value in (("hosts", 20), ("hours", 4), ("vms", 50), ("change", 300), ("ticks", 60), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    hosts = [Host(number, options) for number in range(1, options.hosts + 1)]
    rows = spent = 0
    with fleet.Server("-c autovacuum_naptime=5s -c synchronous_commit=off") as server:
        name = server.database("size")
        for host in hosts:
            central.add_host(server, name, host.host, host.role)
        for hour in range(options.hours):
            for _ in range(3600 // options.ticks // 4):
                text = []
                for _ in range(4):
                    for host in hosts:
                        batch = host.batch()
                        rows += len(batch["ticks"]) + len(batch["segments"])
                        text += [f"SET SESSION AUTHORIZATION {host.role};", batches.call(batch)]
                begun = time.monotonic()
                server.ask("\n".join(text), name)
                spent += time.monotonic() - begun
            server.ask("\n".join(derive(server, name, host, HOUR + hour) for host in hosts), name)
        samples = options.hosts * options.hours * 3600 * (options.vms + 1)
        sizes = server.rows("SELECT regexp_replace(c.relname, '_[0-9]{4}_[0-9]{2}$', ''), sum(pg_table_size(c.oid)),"
                            " sum(pg_indexes_size(c.oid)) FROM pg_class AS c"
                            " WHERE c.relnamespace = 'meter'::regnamespace AND c.relkind = 'r'"
                            " GROUP BY 1 HAVING sum(pg_total_relation_size(c.oid)) > 0 ORDER BY 2 DESC", name)
        total = 0
        print(f"{samples} samples of {options.hosts} hosts, batches of {options.ticks} ticks")
        for table, heap, index in sizes:
            total += int(heap) + int(index)
            if (int(heap) + int(index)) / samples >= 0.001:
                print(f"  {table:12} {int(heap) / samples:6.3f}  indexes {int(index) / samples:6.3f}")
        print(f"bytes per sample: {total / samples:.3f}")
        print(f"rows per second, one connection: {rows / spent:.0f} ({spent:.1f} s)")
        dead = server.rows("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE n_tup_upd > 1000", name)
        print("updates, and those that no index learned of:", dead)


if __name__ == "__main__":
    main()
