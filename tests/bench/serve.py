#!/usr/bin/env python3
"""What it costs to let people look: BIN [READERS [SECONDS [VMS]]].

A store has a month of VMS VMs (100) at a reading a second, whose memory changes every five minutes, and a meter goes on
writing into it each second. Printed is what a chart of 30 days of one VM takes that nobody asked for before (2.6 million
readings); and then what READERS (500) see who for SECONDS (30) ask for such charts, each behind the other, each figure
compared with the bill; and what the meter's ticks were like before and meanwhile.
"""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chart import DAYS, HOUR_S, begin, fill, vm_of

SIM = "[sim]\nseed = 1\ndomains = {vms}\nchange_every = 300\nstart_s = {now}\n"


def hour(seconds):
    return time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(seconds))


class Bill:
    """kib_ns of each VM in the month."""

    def __init__(self, tool, db, first_s):
        self.range = (hour(first_s), hour(first_s + DAYS * 24 * HOUR_S))
        out = subprocess.run([tool, "usage", "--db", db, "--format", "csv", "--from", self.range[0], "--to", self.range[1]],
                             check=True, capture_output=True, text=True).stdout
        self.kib_ns = {row.split(",")[0]: row.split(",")[1] for row in out.splitlines()[1:]}

    def path(self, vm, points=1000):
        return f"/api/v1/vm/{vm}/series?from={self.range[0]}&to={self.range[1]}&points={points}"


async def ask(reader, writer, path):
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return head.split(b" ", 2)[1], await reader.readexactly(length)


async def read_charts(http, bill, until, pick, took):
    """Until then, one behind the other, by one connection. What is wrong is returned."""
    reader, writer = await asyncio.open_unix_connection(http, limit=1 << 22)
    try:
        while time.monotonic() < until:
            vm = vm_of(pick.randrange(1, len(bill.kib_ns) + 1))
            begun = time.monotonic()
            status, body = await ask(reader, writer, bill.path(vm))
            took.append(time.monotonic() - begun)
            if status != b"200":
                return f"{status.decode()} {body[:100]}"
            if f'"kib_ns": "{bill.kib_ns[vm]}"'.encode() not in body:
                return f"another figure for {vm} than {bill.kib_ns[vm]}"
    except (OSError, asyncio.IncompleteReadError) as wrong:
        return repr(wrong)
    finally:
        writer.close()
    return None


async def crowd(http, bill, readers, seconds):
    took = []
    until = time.monotonic() + seconds
    done = await asyncio.gather(*(read_charts(http, bill, until, random.Random(i), took) for i in range(readers)))
    return took, [wrong for wrong in done if wrong is not None]


async def single(http, bill, vms):
    """Of every VM once, each with another number of points: nothing of it is kept."""
    reader, writer = await asyncio.open_unix_connection(http, limit=1 << 22)
    took, size = [], 0
    for i in range(1, vms + 1):
        begun = time.monotonic()
        status, body = await ask(reader, writer, bill.path(vm_of(i), 1000 + i))
        took.append(time.monotonic() - begun)
        size = max(size, len(body))
        if status != b"200":
            raise SystemExit(f"a chart is refused: {body[:200]}")
    writer.close()
    return took, size


async def scrape(http, times):
    """/metrics, later than what is kept of the one before."""
    reader, writer = await asyncio.open_unix_connection(http, limit=1 << 24)
    took = []
    for _ in range(times):
        begun = time.monotonic()
        status, body = await ask(reader, writer, "/metrics")
        took.append(time.monotonic() - begun)
        if status != b"200":
            raise SystemExit(f"/metrics: {body[:200]}")
        await asyncio.sleep(3.2)
    writer.close()
    return took, len(body)


def of(took):
    took = sorted(1000 * t for t in took)
    return f"median {statistics.median(took):.0f} ms, 95 of 100 under {took[len(took) * 95 // 100]:.0f} ms, worst {took[-1]:.0f} ms"


def boot_of(daemon, sim, where):
    """The first boot of a host that does not exist."""
    db = os.path.join(where, "scratch")
    subprocess.run([daemon, "--source", f"sim:{sim}", "--db", db, "--stream", "none", "--interval", "100ms"], check=True,
                   stderr=subprocess.DEVNULL)
    with contextlib.closing(sqlite3.connect(os.path.join(db, "meter.db"))) as con:
        return con.execute("SELECT boot_uuid FROM boot").fetchone()[0]


def reboot(bindir, db, where, vms):
    """The host is rebooted, and goes on as one of pagemeter-sim(5): what is returned."""
    sim, trace, text = os.path.join(where, "sim.ini"), os.path.join(where, "trace"), SIM.format(vms=vms, now=int(time.time()))
    with open(sim, "w", encoding="ascii") as out:
        out.write(text + "ticks = 1\n")
    boot = boot_of(os.path.join(bindir, "pagemeterd"), sim, where)
    with open(sim, "w", encoding="ascii") as out:
        out.write(text)
    with contextlib.closing(sqlite3.connect(os.path.join(db, "meter.db"))) as con:
        host, store = con.execute("SELECT host, store FROM host, store").fetchone()
    with open(trace, "w", encoding="ascii") as out:
        out.write(f"P 1 {host} {store} 0b0b0b0b-0000-4000-8000-00000000000b 1000000000 5000000000\nB {boot}\n"
                  f"T 1 1000000 {(int(time.time()) - 1) * 10**9} 40000 s 1000000 0 0\n")
    subprocess.run([os.path.join(bindir, "pagemeter"), "replay", trace, "--db", db], check=True, stdout=subprocess.DEVNULL)
    return sim


class Meter:
    """pagemeterd, and what it publishes."""

    def __init__(self, bindir, db, where, vms):
        sim = reboot(bindir, db, where, vms)
        stream, self.seen = os.path.join(where, "stream.sock"), os.path.join(where, "seen")
        self.daemon = subprocess.Popen([os.path.join(bindir, "pagemeterd"), "--source", f"sim:{sim}", "--db", db, "--stream", stream])
        wait_for(stream)
        self.listener = subprocess.Popen([sys.executable, __file__, "--listen", stream, self.seen])

    def end(self):
        for process in (self.daemon, self.listener):
            process.terminate()
            process.wait(60)

    def ticks(self):
        with open(self.seen, encoding="ascii") as file:
            return [tuple(map(int, line.split())) for line in file if line.endswith("\n")]


def listen(stream, seen):
    """Notes when each tick came: this process has nothing else to do, but the machine may be busy."""
    with socket.socket(socket.AF_UNIX) as s, open(seen, "w", encoding="ascii", buffering=1) as out:
        s.connect(stream)
        for line in s.makefile("r", encoding="ascii"):
            if line.startswith("T "):
                out.write(f"{line.split()[1]} {time.monotonic_ns()}\n")


def wait_for(path):
    for _ in range(500):
        if os.path.exists(path):
            return
        time.sleep(0.02)
    raise SystemExit(f"{path} does not appear")


def print_ticks(what, ticks):
    far = [abs(b[1] - a[1] - 10**9) / 1e6 for a, b in zip(ticks, ticks[1:])]
    print(f"  ticks {what:<10} {len(ticks)} in {(ticks[-1][1] - ticks[0][1]) / 1e9 + 1:.1f} s; seen off a second by "
          f"{statistics.median(far):.1f} ms (median), {max(far):.1f} ms (worst)")


def measure(bindir, where, db, bill, readers, seconds, vms):
    http = os.path.join(where, "http.sock")
    meter = Meter(bindir, db, where, vms)
    # as its unit has it
    server = subprocess.Popen(["nice", "-n", "10", os.path.join(bindir, "pagemeter-serve"), "--db", db, "--listen", http])
    try:
        wait_for(http)
        time.sleep(15)
        took, size = asyncio.run(single(http, bill, vms))
        print(f"  a chart of 30 days, asked for first: {of(took)}; {size / 1000:.0f} kB")
        scraped, length = asyncio.run(scrape(http, 4))
        print(f"  /metrics, {length / 1000:.0f} kB: {1000 * scraped[0]:.0f} ms at first, then {1000 * statistics.median(scraped[1:]):.0f} ms")
        before = meter.ticks()
        took, wrong = asyncio.run(crowd(http, bill, readers, seconds))
        time.sleep(2)
    finally:
        server.terminate()
        _, _, used = os.wait4(server.pid, 0)
        meter.end()
    ticks = meter.ticks()
    print(f"  {readers} readers for {seconds} s: {len(took):,} charts, {len(took) / seconds:,.0f} a second, {len(wrong)} errors; {of(took)}")
    for sentence in sorted(set(wrong))[:5]:
        print(f"    {sentence}")
    print(f"  pagemeter-serve: {used.ru_utime + used.ru_stime:.0f} s of CPU, {used.ru_maxrss / 1024:.0f} MiB")
    print_ticks("before", before[:13])
    print_ticks("meanwhile", ticks[len(before):])
    with contextlib.closing(sqlite3.connect(os.path.join(db, "meter.db"))) as con:
        boot, = con.execute("SELECT max(first_tick) FROM boot").fetchone()
        gaps, = con.execute("SELECT count(*) FROM gap WHERE tick > ?", (boot,)).fetchone()
        jumps, = con.execute("SELECT max(tick) - ? + 1 - count(*) FROM tick WHERE tick >= ?", (boot, boot)).fetchone()
    print(f"  in the store: {gaps} gaps, {jumps} ticks lost")
    return 1 if wrong else 0


def main():
    if sys.argv[1] == "--listen":
        return listen(*sys.argv[2:])
    bindir = os.path.abspath(sys.argv[1])
    readers, seconds, vms = (int(sys.argv[i]) if len(sys.argv) > i else value for i, value in ((2, 500), (3, 30), (4, 100)))
    tool = os.path.join(bindir, "pagemeter")
    where = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    db, first_s = os.path.join(where, "db"), int(time.time()) // HOUR_S * HOUR_S - DAYS * 24 * HOUR_S
    try:
        begin(tool, where, db, vms, first_s)
        rows = fill(db, vms, 300, first_s)
        subprocess.run([tool, "db", "rebuild", "--db", db], check=True, stdout=subprocess.DEVNULL)
        print(f"{vms} VMs for {DAYS} days, {DAYS * 24 * HOUR_S:,} readings, {rows:,} segments, and a meter that goes on", flush=True)
        return measure(bindir, where, db, Bill(tool, db, first_s), readers, seconds, vms)
    finally:
        shutil.rmtree(where)


if __name__ == "__main__":
    sys.exit(main())
