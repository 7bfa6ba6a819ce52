#!/usr/bin/env python3
"""What a fleet costs: BIN [HOSTS [VMS [SECONDS]]].

A PostgreSQL server is made on the disk, with its defaults: what is confirmed is on the disk. Then

  catching up   a host's day (VMS VMs, a change of each every 300 s) is shipped at once: rows per second
  a fleet       HOSTS hosts (200), each a pagemeterd and a pagemeter ship, measure and ship in real time for
                SECONDS (240), at the default interval of a minute: how far PostgreSQL is behind, and what
                it and the ships use of a processor
  a sample      what one takes in PostgreSQL, tables and indexes together, shipped minute by minute:
                tests/fleet/size.py

Stores and the server's files are in a directory of /var/tmp. The hosts' own stores are in memory: 200 disks are not
at hand.
"""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fleet"))
import central
import server as postgres

CHANGE_S = 300


class DiskServer(postgres.Server):
    """As it is installed, but for the number of connections."""

    def __init__(self):
        super().__init__("-c fsync=on")
        self.directory.cleanup()
        self.directory = tempfile.TemporaryDirectory(prefix="pagemeter-bench.", dir="/var/tmp")
        self.place = self.directory.name


class Fleet:
    def __init__(self, bindir, server, place):
        self.bindir, self.server, self.place = bindir, server, place
        self.processes = []
        server.ask("CREATE DATABASE fleet")
        subprocess.run([self.program("pagemeter"), "db", "init", "--db", server.uri("fleet")], check=True,
                       stdout=subprocess.DEVNULL)

    def program(self, name):
        return os.path.join(self.bindir, name)

    def simulate(self, number, vms, ticks, start_s, speed):
        path = f"{self.place}/{number}.sim"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[sim]\nseed = {number + 1}\nticks = {ticks}\ndomains = {vms}\nchange_every = {CHANGE_S}\n"
                       f"start_s = {start_s}\n")
        return subprocess.Popen([self.program("pagemeterd"), "--source", f"sim:{path}", "--db", f"{self.place}/{number}",
                                 "--stream", "none", "--speed", speed], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def meter(self, number):
        return sqlite3.connect(f"file:{self.place}/{number}/meter.db?mode=ro", uri=True)

    def admit(self, number):
        connection = self.meter(number)
        central.add_host(self.server, "fleet", connection.execute("SELECT host FROM host").fetchone()[0], f"host_{number}")
        connection.close()

    def ship(self, number, *words):
        return subprocess.Popen([self.program("pagemeter"), "ship", "--to", self.server.uri("fleet", f"host_{number}"), "--db",
                                 f"{self.place}/{number}", "--state", f"{self.place}/{number}.state", *words],
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()
        self.processes = []


# ---- catching up ----

def catch_up(fleet, vms, hours=24):
    number = 1000
    fleet.simulate(number, vms, 3600 * hours, 1753999200, "max").wait()
    fleet.admit(number)
    connection = fleet.meter(number)
    rows = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("tick", "segment"))
    connection.close()
    begun = time.monotonic()
    if fleet.ship(number, "--once").wait() != 0:
        raise SystemExit("ship fails")
    took = time.monotonic() - begun
    print(f"catching up: {rows} ticks and segments of {hours} h and {vms} VMs in {took:.2f} s: {rows / took:,.0f} rows/s")


# ---- in real time ----

def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def children_of(pid):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def server_pids(server):
    with open(f"{server.place}/data/postmaster.pid", encoding="utf-8") as file:
        parent = int(file.readline())
    return [parent, *children_of(parent)]


def lags(fleet, hosts):
    """Of each host, the seconds between its last tick and the last that is whole in PostgreSQL."""
    rows = fleet.server.rows("SELECT s.store, coalesce(m.whole_to % 1000000000000, 0) FROM meter.store AS s"
                             " LEFT JOIN meter.store_mark AS m ON m.store_no = s.store_no", "fleet")
    there = {store: int(tick) for store, tick in rows}
    found = []
    for number in range(hosts):
        connection = fleet.meter(number)
        store, last = connection.execute("SELECT store, (SELECT max(tick) FROM tick) FROM store").fetchone()
        connection.close()
        found.append(last - there.get(store, 0))
    return sorted(found)


def start_fleet(fleet, hosts, vms):
    begun = int(time.time())
    for number in range(hosts):
        fleet.processes.append(fleet.simulate(number, vms, 100000, begun, "1"))
    for number in range(hosts):
        while not os.path.exists(f"{fleet.place}/{number}/meter.db-wal"):
            time.sleep(0.01)
    time.sleep(3)
    for number in range(hosts):
        fleet.admit(number)
    ships = []
    for number in range(hosts):  # hosts do not start at one moment
        ships.append(fleet.ship(number))
        time.sleep(30 / hosts)
    fleet.processes += ships
    return [process.pid for process in ships]


def run_fleet(fleet, hosts, vms, seconds):
    ships = start_fleet(fleet, hosts, vms)
    time.sleep(60)  # everyone has shipped once
    watched, seen, cpu = server_pids(fleet.server), [], [0, 0]
    begun = time.monotonic()
    before = cpu_seconds(watched), cpu_seconds(ships)
    while time.monotonic() - begun < seconds - 90:
        seen.append(lags(fleet, hosts))
        time.sleep(7)
    took = time.monotonic() - begun
    cpu = [(cpu_seconds(pids) - was) / took for pids, was in zip((watched, ships), before)]
    every = sorted(lag for lag_list in seen for lag in lag_list)
    fleet.end()
    print(f"a fleet: {hosts} hosts of {vms} VMs, a change of each every {CHANGE_S} s: behind by {every[len(every) // 2]} s in the"
          f" middle, {every[-1]} s at most, of which the interval is 60 s; PostgreSQL uses {cpu[0] * 100:.1f} % of a"
          f" processor, all {hosts} ships {cpu[1] * 100:.1f} %")


def main():
    bindir = os.path.abspath(sys.argv[1])
    hosts, vms, seconds = (int(sys.argv[i]) if len(sys.argv) > i else standard for i, standard in ((2, 200), (3, 50), (4, 240)))
    place = tempfile.mkdtemp(prefix="pagemeter-bench.", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        with DiskServer() as server:
            fleet = Fleet(bindir, server, place)
            try:
                catch_up(fleet, vms)
                run_fleet(fleet, hosts, vms, seconds)
            finally:
                fleet.end()
    finally:
        shutil.rmtree(place)
    done = subprocess.run([sys.executable, os.path.join(HERE, "..", "fleet", "size.py"), "--vms", str(vms), "--change",
                           str(CHANGE_S)], capture_output=True, text=True, check=True)
    print(f"a sample: {re.search(r'bytes per sample: ([0-9.]+)', done.stdout)[1]} bytes in PostgreSQL, tables and indexes"
          " together")


if __name__ == "__main__":
    main()
