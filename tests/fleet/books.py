#!/usr/bin/env python3
"""Random histories of hosts and customers with the books in PostgreSQL.

    books.py [the options of tests/billing/run.py] BINDIR

What tests/billing/run.py lives through in a directory, with the same independent computation behind
it: here measurements are shipped into a database of PostgreSQL after each replay, every command that
keeps books is given that database, and what it wrote is copied into a billing.db for the oracle to
read. The last line is "N passed, M failed".
"""

import csv
import fcntl
import io
import itertools
import os
import sqlite3
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import batches
import books as oracle
import central
import run
import server as postgres
from history import HOST

ROLE = "host_of_histories"
LOCAL = {"replay", "backup", "restore"}
# what a case does to the files of a directory has no meaning here
NOT_HERE = {"a_command_waits_for_the_one_before", "what_was_not_measured_is_not_sealed", "a_lost_key_is_not_made_anew",
            "measurements_that_were_restored_are_charged_anew", "measurements_that_were_restored_are_shorter",
            "another_key_is_refused", "a_host_that_is_gone_is_retired",
            "a_host_whose_end_is_noticed_later_is_retired",
            "a_month_that_has_not_ended_is_not_closed"}  # that one measures days ahead, which ship() refuses
numbers = itertools.count(1)
server = None


class Product(run.Product):
    def __init__(self, bindir, scratch):
        super().__init__(bindir, scratch)
        self.database = f"history_{os.getpid()}_{next(numbers)}"
        with open(os.path.join(server.place, "template.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time may copy a template
            server.ask(f"CREATE DATABASE {self.database} TEMPLATE made")
        os.makedirs(self.store, exist_ok=True)
        self.key = os.path.join(self.store, "ledger.key")
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(os.urandom(32).hex() + "\n")

    def words(self, *words):
        if words[0] in LOCAL:
            return super().words(*words)
        key = ["--key", self.key] if words[0] in ("charge", "close", "audit") else []
        words = [self.program, *map(str, words), *key, "--db", server.uri(self.database)]
        self.script.append(" ".join(words))
        return words

    def ended(self, status, out, said, words, expect):
        if words[0] == "replay" and status == 0:
            self.ship()
        elif words[0] not in LOCAL and words[0] != "usage":
            self.mirror()
        return super().ended(status, out, said, words, expect)

    def ship(self):
        local = batches.Local(os.path.join(self.store, "meter.db"))
        central.add_host(server, self.database, HOST, ROLE)
        try:
            central.ship_all(server, self.database, ROLE, local, 3600)
        except postgres.Refused as refused:
            raise oracle.Wrong("ship", str(refused)) from refused
        local.db.close()
        super().run("db", "keep")

    def mirror(self):
        """The books as they are there, in a file that the oracle reads."""
        text = server.ask("\n".join(f"COPY (SELECT * FROM billing.{table}) TO STDOUT WITH (FORMAT csv, HEADER);"
                                    f"\\echo @end" for table in oracle.TABLES), self.database)
        path = os.path.join(self.store, "billing.db")
        if os.path.exists(path):
            os.unlink(path)
        books = sqlite3.connect(path)
        for table, part in zip(oracle.TABLES, text.split("@end")):
            rows = list(csv.reader(io.StringIO(part.strip("\n"))))
            books.execute(f"CREATE TABLE {table} ({', '.join(rows[0])})")
            books.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})",
                              [[value_of(table, name, value) for name, value in zip(rows[0], row)] for row in rows[1:]])
        books.commit()
        books.close()


TEXTS = {"who", "what", "account", "name", "vm", "currency", "unit", "store", "host", "cause", "missing_hosts", "kind",
         "hash", "format", "watermark", "manifest"}


def value_of(table, name, value):
    if name in TEXTS:
        return value
    return None if value == "" else int(value)


def main():
    global server
    with postgres.Server("-c synchronous_commit=off") as server:
        server.ask("CREATE DATABASE made")
        run.subprocess.run([os.path.join(os.path.abspath(sys.argv[-1]), "pagemeter"), "db", "init", "--db",
                            server.uri("made")], check=True, stdout=run.subprocess.DEVNULL)
        server.ask("SELECT meter.make_month(h) FROM generate_series(0, 520000, 700) AS h", "made")
        server.ask("CREATE ROLE host_of_histories LOGIN IN ROLE pagemeter_host")
        run.Product = Product
        run.cases.CASES[:] = [case for case in run.cases.CASES if case.__name__ not in NOT_HERE]
        return run.main()


if __name__ == "__main__":
    sys.exit(main())
