#!/usr/bin/env python3
"""The same measurements and the same commands in a directory and in PostgreSQL say the same, to the byte.

    same.py [--given URI | --citus URI] BINDIR

A story (tests/billing/scene.py) is told to both: traces are replayed into the directory, and shipped
from there to a database of PostgreSQL made for the test; each command is given to both, and must print
the same. Then everything that reads is asked of both: usage in every form, audits, questions, reports;
and exports, after the books of the directory have been copied into another database, so that they bear
the same times. With a URI it is that database, whose measured tables are distributed when it is of
Citus. The last line is "N passed, M failed".
"""

import argparse
import filecmp
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import central
import given
import scene
import server as postgres

ROLE = "host_of_the_story"


class Wrong(AssertionError):
    pass


class Both:
    """Tells a story to a directory and to PostgreSQL; both must answer the same."""

    def __init__(self, bindir, directory, server, database):
        self.file = scene.Product(bindir, directory)
        self.central = scene.Product(bindir, server.uri(database))
        self.key = os.path.join(directory, "ledger.key")
        self.ship_uri = server.uri(database, ROLE)
        self.commands = 0
        self.is_admitted = False

    def run(self, *words, expect=0):
        one = self.file.run(*words, expect=expect)
        if words[0] in ("charge", "close"):
            words += ("--key", self.key)
        other = self.central.run(*words, expect=expect)
        self.commands += 1
        if one.stdout != other.stdout:
            raise Wrong(f"{' '.join(map(str, words))}: {one.stdout[-300:]} and {other.stdout[-300:]}")
        return one

    def replay(self, trace):
        self.file.replay(trace)
        ship(self)


def ship(both):
    if not both.is_admitted:
        both.central.run("db", "host", "add", scene.HOST, ROLE)
        both.is_admitted = True
    done = subprocess.run([both.file.program, "ship", "--once", "--to", both.ship_uri, "--db", both.file.store],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Wrong(f"ship: {done.stderr}")
    both.central.run("db", "keep")


QUESTIONS = [
    *[("usage", "--by", keys, "--format", form) for form in ("table", "csv", "json")
      for keys in ("vm", "vm,hour", "account", "host", "life", "vm,account,host,life,hour")],
    ("usage", "--all"), ("usage", "--vm", scene.A, "--by", "hour", "--format", "csv"),
    ("usage", "--from", "2024-02-01", "--to", "2024-03-01"), ("usage", "--from", "2024-01-31T20", "--to", "2024-02-29T21"),
    ("usage", "--from", "2030-01-01"), ("audit",), ("audit", "--format", "csv"), ("audit", "--format", "json"),
    ("account", "list"), ("tariff", "list"),
    *[("report", name, *values, "--format", form) for form in ("table", "csv", "json") for name, *values in (
        ("accounts",), ("top_charges",), ("vm_owners",), ("gaps",), ("top_vms",), ("top_vms", "period=2024-02"),
        ("vm_history", f"vm={scene.A}"), ("price_change", "nano_pennies=5000000000"), ("one_vm_twice",), ("unsynchronised",),
        ("vms_without_owner",), ("vms_without_tariff",))],
]


def check_question(both, words):
    one = both.file.run(*words, expect=None)
    other = both.central.run(*words, *(("--key", both.key) if words[0] == "audit" else ()), expect=None)
    if (one.stdout, one.returncode) != (other.stdout, other.returncode):
        lines = [pair for pair in zip(one.stdout.splitlines(), other.stdout.splitlines()) if pair[0] != pair[1]]
        raise Wrong(f"{' '.join(words)}: exits {one.returncode} and {other.returncode}: {lines[:2]} {one.stderr[:200]}"
                    f" {other.stderr[:200]}")
    if not one.stdout:
        raise Wrong(f"{' '.join(words)}: says nothing: {one.stderr}")


def copy_books(both, server, database):
    """The rows of billing.db, as they are, without the triggers that allow only what a command does."""
    books = sqlite3.connect(f"file:{both.file.store}/billing.db?mode=ro", uri=True)
    central.copy_books(server, database, books)
    books.close()


def check_exports(both):
    with tempfile.TemporaryDirectory() as scratch:
        for form in ("accountant", "focus", "journal", "json"):
            provider = ("--provider", "Example Hosting") if form == "focus" else ()
            for period in ("2024-01", "2024-02", "2024-03", "2024-02-29", "2024-03-01"):
                outs = []
                for name, product in (("file", both.file), ("central", both.central)):
                    out = os.path.join(scratch, name, form, period)
                    os.makedirs(out)
                    product.run("export", form, "--period", period, "--out", out, *provider)
                    outs.append(out)
                names = sorted(os.listdir(outs[0]))
                _, differ, missing = filecmp.cmpfiles(*outs, names, shallow=False)
                if differ or missing or names != sorted(os.listdir(outs[1])) or not names:
                    raise Wrong(f"export {form} of {period}: {differ} {missing}")
                said = [product.run("audit", "--exports", out, "--key", both.key).stdout
                        for out, product in zip(outs, (both.file, both.central))]
                if said[0] != said[1] or "export_manifest" not in said[0]:
                    raise Wrong(f"audit of the export {form} of {period}: {said}")


def check_nightly(both):
    """Charges, exports and audits there as well, and says the same; the host is gone, so that a month can't be closed."""
    said = []
    for product in (both.file, both.central):
        with tempfile.TemporaryDirectory() as out:
            words = ("nightly", "--out", out, "--key", both.key, "--provider", "Example Hosting")
            done = product.run(*words, expect=3)
            said.append(done.stdout.replace(out, "OUT") + str(sorted(os.listdir(out))))
    if said[0] != said[1] or "export    " not in said[0]:
        raise Wrong(f"nightly: {said}")
    both.central.run("nightly", expect=2)


def check_role(both, server, database):
    """A role that is made for a host has a few connections, and the name that was said."""
    limit = server.ask(f"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{ROLE}'", database)
    if limit != "10":
        raise Wrong(f"a host's role may have {limit} connections")
    both.central.run("db", "host", "add", scene.HOST, "x" * 63)
    both.central.run("db", "host", "add", scene.HOST, "y" * 64, expect=2)
    if server.ask("SELECT count(*) FROM meter.host_role AS r JOIN pg_roles AS p ON p.rolname = r.role", database) != "2":
        raise Wrong("a role is admitted that is not there")


def server_of(options):
    if options.citus or options.given:
        return given.Given(options.citus or options.given, bool(options.citus))
    return postgres.any_server()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--given", help="an empty database, instead of a server of the test's own")
    parser.add_argument("--citus", help="an empty database of a Citus cluster")
    parser.add_argument("bindir")
    options = parser.parse_args()
    failed = passed = 0

    def check(what, function):
        nonlocal failed, passed
        try:
            function()
            passed += 1
        except (AssertionError, postgres.Refused) as wrong:
            failed += 1
            print(f"FAIL {what}: {wrong}")

    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch, server_of(options) as server:
        server.create("same")
        both = Both(options.bindir, os.path.join(scratch, "db"), server, "same")
        both.central.run("db", "init")
        server.distribute("same")
        check("the story", lambda: scene.make(both))
        for words in QUESTIONS:
            check(" ".join(words), lambda words=words: check_question(both, words))
        check("books copied", lambda: copy_books(both, server, "same"))
        check("exports", lambda: check_exports(both))
        check("audit of what was exported", lambda: check_question(both, ("audit",)))
        check("nightly", lambda: check_nightly(both))
        check("the host's role", lambda: check_role(both, server, "same"))
        print(f"{both.commands} commands told to both")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
