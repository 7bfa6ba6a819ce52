#!/usr/bin/env python3
"""Charts from PostgreSQL are those of the hosts' own stores, and of VMs that moved they are the sum.

    fleet.py [--seed N] [--traces N] BINDIR

Random histories are replayed into a directory and shipped to a database of PostgreSQL made for the test: the JSON of
each VM's chart must be the same, to the byte, but for the books. Then two hosts that have the same VM: the chart's sum
is `usage`'s, hours in which both hold it included. The last line is "N passed, M failed".
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("fleet", "property"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
sys.path.insert(0, HERE)
import generate
import run as charts
import server as postgres

expect, equal = charts.expect, charts.equal


class Fleet:
    def __init__(self, product, server, name):
        server.ask(f"CREATE DATABASE {name}")
        self.product, self.server, self.name, self.hosts = product, server, name, 0
        self.uri = server.uri(name)
        product.run("db", "init", "--db", self.uri)

    def ship(self, db, host):
        role = f"{self.name}_{self.hosts}"
        self.hosts += 1
        self.product.run("db", "host", "add", host, role, "--db", self.uri)
        self.product.run("ship", "--once", "--to", self.server.uri(self.name, role), "--db", db, "--state", db)
        self.product.run("db", "keep", "--db", self.uri)


def without_books(data):
    chart = json.loads(data)
    del chart["cost"]
    return chart


def check_same(product, server, seed, number):
    pick = random.Random(f"{seed}/{number}/fleet")
    records, tail = generate.random_trace(f"{seed}/{number}", 40)
    trace = generate.text(records, tail)
    db = product.store("one", trace)
    rows = product.usage(db, "--by", "vm,host,hour")
    if not rows:
        return 0
    fleet = Fleet(product, server, f"random{number}")
    try:
        fleet.ship(db, rows[0]["host"])
    except AssertionError as wrong:
        if "since 1970" not in str(wrong) and "10^12" not in str(wrong):
            raise
        return 0  # clocks or numbers so wild that PostgreSQL takes nothing of it
    equal(product.usage(fleet.uri, "--by", "vm,hour"), product.usage(db, "--by", "vm,hour"), "the usage itself")
    drawn = 0
    vms = sorted({row["vm"] for row in rows})
    for vm in pick.sample(vms, min(len(vms), 5)):
        hours = [charts.oracle_hour(row["hour"]) for row in rows if row["vm"] == vm]
        if max(hours) - min(hours) > 3000:
            continue
        words = ["--from", charts.at(min(hours) * 3600 + pick.choice([0, 0, 1777])), "--to", charts.at((max(hours) + 1) * 3600),
                 "--format", "json", "-o", "-"]
        one = product.run("chart", vm, "--db", db, *words).stdout
        other = product.run("chart", vm, "--db", fleet.uri, *words).stdout
        equal(without_books(other), without_books(one), f"{vm} {' '.join(words)}")
        drawn += 1
    return drawn


def host_trace(number, samples):
    text = charts.trace_of(samples).decode()
    for letter in "abc":  # host, boot, store
        text = text.replace(f"0{letter}0{letter}0{letter}0{letter}-0000-4000-8000-00000000000{letter}",
                            f"0{letter}0{letter}0{letter}0{letter}-0000-4000-8000-{number:012x}")
    return text.encode(), f"0a0a0a0a-0000-4000-8000-{number:012x}"


def check_moved(product, server):
    """It leaves the first host at 2000 s, and both have it from 1500 s on: an operator's mistake, and billed twice."""
    fleet = Fleet(product, server, "moved")
    for number, (first, end, kib) in enumerate(((0, 2000, 1048576), (1500, 4000, 524288)), 1):
        trace, host = host_trace(number, {s: {7: (kib, "r")} if first <= s < end else {} for s in range(4000)})
        fleet.ship(product.store(f"host{number}", trace), host)
    vm = charts.vm_of(7)
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T17"]
    (row,) = product.usage(fleet.uri, "--by", "vm", *words)
    chart = product.chart(fleet.uri, vm, *words)
    equal(chart["kib_ns"], row["kib_ns"], "the total of both hosts")
    equal(charts.integral(chart), int(row["kib_ns"]), "the sum of the pieces")
    charts.check_pieces(chart)
    held = {piece["kib"] for piece in chart["pieces"] if piece["kind"] == "billed"}
    equal(held, {1048576, 524288, 1572864}, "what it held")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--traces", type=int, default=6)
    parser.add_argument("bindir")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {options.seed}", flush=True)
    failed = drawn = done = 0
    with tempfile.TemporaryDirectory(prefix="pagemeter-chart.") as scratch, postgres.Server() as server:
        product = charts.Product(options.bindir, scratch)
        try:
            for number in range(20 * options.traces):
                found = check_same(product, server, options.seed, number)
                drawn += found
                done += found > 0
                if done == options.traces:
                    break
            check_moved(product, server)
        except (AssertionError, postgres.Refused) as wrong:
            failed = 1
            print(f"FAIL {wrong}")
    print(f"{drawn} charts of {done} histories drawn from both")
    print(f"{2 - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
