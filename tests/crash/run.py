#!/usr/bin/env python3
"""Kills, faults, full disks: whatever happens, nothing is billed twice and nothing is lost.

    run.py [--every N] [--only NAME] BUILD

A short trace with an hour's end, a gap, a reboot, births and deaths is metered by a test build of
pagemeterd (fault.c) that is killed, or whose disk fails, at the nth store call, disk operation or
allocation, for every n (or every Nth). Then it is started again, undisturbed. The bill must be the
oracle's, and the audit must find nothing. Some situations of the whole daemon follow: a full file
system, a slow disk, two daemons, SIGTERM.

Ends with "N passed, M failed".
"""

import argparse
import concurrent.futures
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "property"))
import oracle  # noqa: E402

KEYS = "vm,host,life,hour"
HOST = "11111111-1111-4111-8111-111111111111"
STORE = "22222222-2222-4222-8222-222222222222"
BOOTS = ["33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"]
VM = "aaaaaaaa-0000-4000-8000-%012d"
SECOND = 10**9
HOUR = 3600 * SECOND


# ---- the scenario ----

def sample(domid, kib, flags="r", cpu=5):
    return f"D {domid} {VM % (100 + domid)} {kib} {kib + 1024} 0 {flags} {cpu}\n"


def one_tick(seq, utc_offset, samples):
    utc = 1795356000 * SECOND - 8 * SECOND + utc_offset + seq * SECOND  # 8 s before the hour
    return f"T {seq} {seq * SECOND + 1000 * seq} {utc} 40000 s 1000000 0 {len(samples)}\n" + "".join(samples)


def scenario():
    """The head, and a list of pieces that each end with a tick."""
    head = f"P 1 {HOST} {STORE} {BOOTS[0]} {SECOND} {5 * SECOND}\n"
    pieces = []
    for seq in range(1, 21):
        samples = [sample(1, 131072 if seq < 6 else 65536)]
        if 3 <= seq < 14:
            samples.append(sample(2, 262144, cpu=0 if seq == 3 else 7, flags="p" if seq == 3 else "rh"))
        if seq in (13,):
            samples[-1] = sample(2, 8, flags="d")
        if seq >= 9:
            samples.append(sample(3, 4 * seq))
        if seq in (16, 17):
            continue  # short: no gap
        before = "G read-failed\n" if seq == 18 else ""
        pieces.append(before + one_tick(seq, 0, samples))
    pieces.append("G overrun\n" + one_tick(40, 0, [sample(1, 65536), sample(3, 80)]))
    pieces.append(one_tick(41, HOUR, [sample(1, 65536), sample(3, 80)]))
    for seq in range(1, 5):
        before = f"B {BOOTS[1]}\n" if seq == 1 else ""
        pieces.append(before + one_tick(seq, 90 * SECOND, [sample(1, 32768)]))
    return head, pieces


def expected(text):
    host, ticks = oracle.read_trace(text.encode())[:2]
    rows = oracle.usage_per_life_and_hour(host, oracle.lives_of(ticks))
    return oracle.csv_of(rows, KEYS.split(","), True).decode()


# ---- running things ----

class Failure(Exception):
    pass


class Bench:
    """One directory, one store, the programs."""

    def __init__(self, build):
        self.daemon = os.path.join(build, "test/crash/pagemeterd")
        self.tool = os.path.join(build, "bin/pagemeter")
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.dir = tempfile.mkdtemp(prefix="pagemeter-crash.", dir=base)
        self.db = os.path.join(self.dir, "db")
        self.conf = self.write("conf", "[store]\nretry = 5ms\n")
        self.log = os.path.join(self.dir, "log")
        self.started = []

    def close(self):
        for process in self.started:
            process.kill()
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def arguments(self, source, *more):
        return [self.daemon, "-c", self.conf, "--source", source, "--db", self.db,
                "--stream", "none", *more]

    def run(self, trace, fault=None, count=None):
        env = dict(os.environ)
        if fault:
            env["PAGEMETER_FAULT"] = fault
        if count:
            env["PAGEMETER_FAULT_COUNT"] = count
        return subprocess.run(self.arguments("replay:" + trace, "--speed", "max"), env=env,
                              capture_output=True, text=True, timeout=60, check=False)

    def usage(self):
        done = subprocess.run([self.tool, "usage", "--db", self.db, "--all", "--by", KEYS,
                               "--format", "csv"], capture_output=True, text=True, timeout=60,
                              check=False)
        if done.returncode != 0:
            raise Failure(f"usage: {done.stderr}")
        return done.stdout

    def audit(self):
        done = subprocess.run([self.tool, "audit", "--db", self.db], capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise Failure(f"audit says {done.returncode}:\n{done.stdout}{done.stderr}")

    def query(self, sql):
        connection = sqlite3.connect(os.path.join(self.db, "meter.db"))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def must_bill(self, wanted):
        got = self.usage()
        if got != wanted:
            raise Failure(f"the bill is\n{got}and should be\n{wanted}")
        self.audit()


def must_exit(done, codes):
    if done.returncode not in codes:
        raise Failure(f"exit status {done.returncode}, not one of {codes}: {done.stderr}")
    if done.returncode == 3 and len(done.stderr.split()) < 5:
        raise Failure(f"failed without a sentence: {done.stderr}")


# ---- a fault at one place ----

def is_stored(bench):
    """Which pieces of the scenario the store has: their number."""
    try:
        return bench.query("SELECT count(*) FROM tick")[0][0]
    except sqlite3.Error:
        return 0


def fault_then_go_on(build, fault):
    """Disturbed once, then undisturbed over the same trace: the bill of the whole."""
    head, pieces = scenario()
    bench = Bench(build)
    try:
        trace = bench.write("trace", head + "".join(pieces))
        must_exit(bench.run(trace, fault), (0, 3, -signal.SIGKILL))
        must_exit(bench.run(trace), (0,))
        bench.must_bill(expected(head + "".join(pieces)))
    finally:
        bench.close()


def kill_then_miss_a_tick(build, fault):
    """Killed; the tick behind the last stored one is never seen again, as on a real host."""
    head, pieces = scenario()
    bench = Bench(build)
    try:
        trace = bench.write("trace", head + "".join(pieces))
        must_exit(bench.run(trace, fault), (0, -signal.SIGKILL))
        stored = is_stored(bench)
        left = pieces[:stored] + pieces[stored + 1:]
        if stored < len(pieces) and pieces[stored].startswith("B "):
            left = pieces  # the first tick of a boot brings its B record: without it there is no boot
        text = head + "".join(left)
        must_exit(bench.run(bench.write("rest", text)), (0,))
        bench.must_bill(expected(text))
    finally:
        bench.close()


def count_faults(build):
    head, pieces = scenario()
    bench = Bench(build)
    try:
        trace = bench.write("trace", head + "".join(pieces))
        counts = os.path.join(bench.dir, "counts")
        must_exit(bench.run(trace, count=counts), (0,))
        bench.must_bill(expected(head + "".join(pieces)))
        with open(counts, encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    finally:
        bench.close()


# ---- the whole daemon ----

def start(bench, source, *more, env=None):
    with open(bench.log, "w", encoding="ascii") as log:
        process = subprocess.Popen(bench.arguments(source, *more), stdout=subprocess.DEVNULL,
                                   stderr=log, env={**os.environ, **(env or {})})
    bench.started.append(process)
    return process


def said_by(bench):
    with open(bench.log, encoding="ascii") as log:
        return log.read()


def end(bench, process):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    return said_by(bench)


def wait_until(what, why, limit_s=20):
    """Waits for a state, not for a time: gives up after the limit."""
    until = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > until:
            raise Failure(f"waited in vain for {why}")
        time.sleep(0.02)


SIM = "[sim]\nseed = 5\ndomains = 20\nchange_every = 3\n"


def ticks_of(bench):
    try:
        return bench.query("SELECT count(*) FROM tick")[0][0]
    except sqlite3.Error:
        return 0


def sigterm_commits_everything(build):
    bench = Bench(build)
    try:
        sim = bench.write("sim", SIM)
        daemon = start(bench, "sim:" + sim, "--interval", "10ms", "--max-gap", "50ms")
        wait_until(lambda: ticks_of(bench) >= 20, "20 ticks")
        said = end(bench, daemon)
        if daemon.returncode != 0 or "everything is committed" not in said:
            raise Failure(f"SIGTERM: {daemon.returncode} {said}")
        told = int(said.split("ticks=")[1].split()[0])
        if told != ticks_of(bench):
            raise Failure(f"{told} ticks were sampled and {ticks_of(bench)} are stored")
        bench.audit()
    finally:
        bench.close()


def slow_sync_loses_nothing(build):
    """A sync of two seconds while a tick comes each 10 ms: 200 ticks wait, and all are stored."""
    bench = Bench(build)
    try:
        sim = bench.write("sim", SIM + "ticks = 400\n")
        daemon = start(bench, "sim:" + sim, "--interval", "10ms", "--max-gap", "50ms",
                       env={"PAGEMETER_FAULT": "slow-disk:60"})
        daemon.wait(timeout=120)
        said = said_by(bench)
        if daemon.returncode != 0 or "dropped=0" not in said:
            raise Failure(f"slow disk: {said}")
        if ticks_of(bench) != 400 or bench.query("SELECT count(*) FROM gap") != [(0,)]:
            raise Failure(f"{ticks_of(bench)} of 400 ticks are stored")
        bench.audit()
    finally:
        bench.close()


def second_writer_is_refused(build):
    bench = Bench(build)
    try:
        sim = bench.write("sim", SIM)
        daemon = start(bench, "sim:" + sim, "--interval", "10ms", "--max-gap", "50ms")
        wait_until(lambda: ticks_of(bench) >= 3, "3 ticks")
        second = subprocess.run(bench.arguments("sim:" + sim, "--speed", "max"), timeout=10,
                                capture_output=True, text=True, check=False)
        end(bench, daemon)
        if second.returncode != 3 or str(daemon.pid) not in second.stderr:
            raise Failure(f"a second writer: {second.returncode} {second.stderr}")
        bench.audit()
    finally:
        bench.close()


def full_file_system_is_survived(build):
    """A real file system, full to the last block for longer than the queue lasts."""
    bench = Bench(build)
    small = os.path.join(bench.dir, "small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "pagemeter-test", small],
                      check=False).returncode != 0:
        bench.close()
        raise Failure("this test mounts a tmpfs: run it as root")
    try:
        bench.db = os.path.join(small, "db")
        bench.conf = bench.write("conf", "[store]\nretry = 5ms\n[meter]\nqueue_ticks = 30\n")
        sim = bench.write("sim", SIM)
        daemon = start(bench, "sim:" + sim, "--interval", "10ms", "--max-gap", "50ms")
        wait_until(lambda: ticks_of(bench) >= 20, "20 ticks")
        ballast = os.path.join(small, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        wait_until(lambda: "cause=queue-full" in said_by(bench), "the queue to be full")
        os.unlink(ballast)
        before = ticks_of(bench)
        wait_until(lambda: ticks_of(bench) >= before + 60, "60 ticks more")
        said = end(bench, daemon)
        if daemon.returncode != 0 or "the disk is full" not in said or "can be written again" not in said:
            raise Failure(f"full disk: {daemon.returncode} {said}")
        if bench.query("SELECT DISTINCT cause FROM gap") != [("queue-full",)]:
            raise Failure(f"gaps: {bench.query('SELECT * FROM gap')} {said}")
        bench.audit()
    finally:
        subprocess.run(["umount", "-l", small], check=False)
        bench.close()


def read_only_database_is_told(build):
    head, pieces = scenario()
    bench = Bench(build)
    try:
        trace = bench.write("trace", head + "".join(pieces))
        os.mkdir(bench.db)
        with open(bench.db + "/meter.db", "w", encoding="ascii") as file:
            file.write("this is no database, and it is longer than a header of SQLite: " + "x" * 4096)
        done = bench.run(trace)
        if done.returncode != 3 or "is not a database" not in done.stderr:
            raise Failure(f"not a database: {done.returncode} {done.stderr}")
    finally:
        bench.close()


WHOLE = [sigterm_commits_everything, slow_sync_loses_nothing, second_writer_is_refused,
         full_file_system_is_survived, read_only_database_is_told]


def cases(build, every):
    """Every place of every kind: (name, function, argument)."""
    calls, operations, allocations, mallocs = count_faults(build)
    kinds = [("kill-call", calls), ("kill-disk", operations), ("tear-kill", operations),
             ("fail-disk", operations), ("tear-disk", operations), ("fail-call", calls),
             ("fail-malloc", mallocs)]
    for kind, places in kinds:
        for n in range(1, places + 1, every):
            yield f"{kind}:{n}", fault_then_go_on, f"{kind}:{n}"
    for n in range(1, operations + 1, 4 * every):
        yield f"full-disk:{n}", fault_then_go_on, f"full-disk:{n}:7"
    for n in range(1, allocations + 1, max(1, every * allocations // 800)):
        yield f"fail-alloc:{n}", fault_then_go_on, f"fail-alloc:{n}"
    for n in range(1, calls + 1, 2 * every):
        yield f"kill-call:{n} and miss", kill_then_miss_a_tick, f"kill-call:{n}"
    for function in WHOLE:
        yield function.__name__, function, None


def run_case(build, case):
    name, function, argument = case
    try:
        function(build, argument) if argument else function(build)
        return None
    except (Failure, subprocess.TimeoutExpired) as failure:
        return f"FAIL {name}: {failure}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("build")
    options = parser.parse_args()
    passed = failed = 0
    try:
        chosen = [c for c in cases(options.build, options.every) if options.only in c[0]]
    except Failure as failure:
        print(f"FAIL undisturbed: {failure}\n0 passed, 1 failed")
        return 1
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for said in pool.map(lambda case: run_case(options.build, case), chosen):
            if said is None:
                passed += 1
                continue
            failed += 1
            if failed <= 10:
                print(said, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
