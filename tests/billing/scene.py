"""One sound store with books: two sealed months and an open one, and everything that makes them hard.

Ticks come each ten minutes around the ends of January and February 2024. VM A grows, B ends in
January (its fraction goes to the pool), C belongs to beta, whose books are kept at UTC+2 and whose
price is for decimal GB, and D comes in February. The wall clock is set back into January when that is
sealed, a price and an owner are said later of hours that are sealed, and money is taken of the hour
that is open at the end.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile

SECOND = 10**9
HOUR = 3600 * SECOND
PERIOD = 600 * SECOND
HOST = "0a0a0a0a-0000-4000-8000-00000000000a"
STORE = "0c0c0c0c-0000-4000-8000-00000000000c"
BOOT = "b0070001-0000-4000-8000-0000000000b1"
DOM0 = "00000000-0000-0000-0000-000000000000"
A, B, C, D = (f"{letter * 8}-0000-4000-8000-{letter * 12}" for letter in "abcd")
JANUARY_31 = 1706659200 * SECOND   # 2024-01-31T00:00:00Z
FEBRUARY_29 = 1709164800 * SECOND  # 2024-02-29T00:00:00Z
GIB = 1048576


class Trace:
    def __init__(self, period=PERIOD):
        self.period = period
        self.seq, self.mono, self.utc = 0, 10**12, 0
        self.domains = {0: (DOM0, 4 * GIB)}
        self.text = ""

    def head(self):
        self.text = f"P 1 {HOST} {STORE} {BOOT} {self.period} {self.period + 100 * SECOND}\n"

    def go(self, until_ns, clock="s"):
        """Ticks up to and including this time."""
        while self.utc <= until_ns:
            self.seq += 1
            self.text += f"T {self.seq} {self.mono} {self.utc} 1000 {clock} 1000000 0 {len(self.domains)}\n"
            for domid, (vm, kib) in sorted(self.domains.items()):
                self.text += f"D {domid} {vm} {kib} {kib} 0 r {self.seq}\n"
            self.mono += self.period
            self.utc += self.period

    def jump_to(self, utc):
        """Nothing is measured for a while."""
        self.mono += utc - self.utc
        self.utc = utc


class Product:
    def __init__(self, bindir, store):
        self.program = os.path.join(os.path.abspath(bindir), "pagemeter")
        self.store = store

    def run(self, *words, expect=0):
        done = subprocess.run([self.program, *map(str, words), "--db", self.store], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{' '.join(map(str, words))} exits with {done.returncode}: {done.stdout[-300:]}"
                                 f" {done.stderr[-300:]}")
        return done

    def replay(self, trace):
        with tempfile.NamedTemporaryFile("w", suffix=".trace") as file:
            file.write(trace.text)
            file.flush()
            self.run("replay", file.name)


def sealed_january(product):
    """Up to the seal of January; the trace goes on."""
    trace = Trace()
    trace.head()
    trace.utc = JANUARY_31 + 18 * HOUR
    trace.domains |= {1: (A, 3 * GIB + 4), 2: (B, 2 * GIB + 1234), 3: (C, 7 * GIB)}
    trace.go(JANUARY_31 + 22 * HOUR)
    del trace.domains[2]
    trace.domains[1] = (A, 5 * GIB)
    trace.go(JANUARY_31 + 30 * HOUR)
    product.run("account", "add", "acme", "--name", "Acme Ltd")
    product.run("account", "add", "beta", "--name", "Beta GmbH", "--offset", "2")
    product.run("tariff", "set", "default", "0.0421", "EUR/GiBh", "--from", "2024-01")
    product.run("tariff", "set", "beta", "0.013", "USD/GBh", "--from", "2024-01")
    for vm, account in ((A, "acme"), (B, "acme"), (C, "beta")):
        product.run("account", "assign", vm, account, "--from", "2024-01")
    product.replay(trace)
    product.run("charge")
    product.run("close", "2024-01")
    return trace


def make(product):
    """The whole story."""
    trace = sealed_january(product)
    product.run("tariff", "set", "default", "0.05", "EUR/GiBh", "--from", "2024-01-31T23")
    trace.head()
    trace.jump_to(FEBRUARY_29 + 18 * HOUR)
    trace.domains[4] = (D, 1 * GIB)
    trace.go(FEBRUARY_29 + 19 * HOUR)
    back = trace.utc - (JANUARY_31 + 23 * HOUR + HOUR // 2)
    trace.utc -= back
    trace.go(JANUARY_31 + 23 * HOUR + 50 * 60 * SECOND, clock="u")
    trace.utc += back
    trace.go(FEBRUARY_29 + 36 * HOUR)
    product.run("account", "assign", D, "acme", "--from", "2024-02", "--name", "=build server")
    product.replay(trace)
    product.run("charge")
    product.run("close", "2024-02")
    product.run("account", "assign", A, "beta", "--from", "2024-02-29T20")
    trace.head()
    trace.go(FEBRUARY_29 + 40 * HOUR + 40 * 60 * SECOND)
    product.replay(trace)
    product.run("charge")


@contextlib.contextmanager
def store_of(bindir, story=make):
    """A store that a story made, gone afterwards."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-books.", dir=place) as scratch:
        product = Product(bindir, os.path.join(scratch, "db"))
        story(product)
        yield product


@contextlib.contextmanager
def copy_of(product):
    with tempfile.TemporaryDirectory(prefix="pagemeter-books.", dir=os.path.dirname(product.store)) as scratch:
        copy = Product(os.path.dirname(product.program), os.path.join(scratch, "db"))
        shutil.copytree(product.store, copy.store)
        yield copy


def open_db(path, how="ro"):
    return sqlite3.connect(f"file:{path}?mode={how}", uri=True, isolation_level=None)


def open_both(store):
    """As an auditor opens them: billing.db, with meter.db attached."""
    connection = open_db(os.path.join(store, "billing.db"))
    connection.execute(f"ATTACH 'file:{store}/meter.db?mode=ro' AS meter")
    return connection
