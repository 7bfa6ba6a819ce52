#!/usr/bin/env python3
"""The audits find in PostgreSQL what they find in SQLite, and questions are answered with the same text.

    postgres.py BINDIR

A server is made for the test, with the tables of schema/postgres. The measurements of a store
(scene.py) are delivered to it by ship(), and its books are copied: sound, and spoilt as audit.py spoils
them. Each file of sql/audit and sql/audit/billing is given to psql; where it asks the database about
itself, that of the folder postgres beside it. Questions and reports must
print what the sqlite3 shell prints. The last line is "N passed, M failed".
"""

import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fleet"))
import audit
import batches
import central
import questions
import scene
import server as fleet

SQL = os.path.join(HERE, "..", "..", "sql")
OTHER_ENGINE = {"books_whole"}  # asks SQLite about its file, and PostgreSQL about its triggers
ROLE = "scene_host"


def audit_files():
    """name -> path of the text that PostgreSQL is given."""
    found = {}
    for folder in ("audit", "audit/billing"):
        for path in glob.glob(os.path.join(SQL, folder, "*.sql")):
            name = os.path.basename(path)
            other = os.path.join(SQL, folder, "postgres", name)
            found[name[:-4]] = other if os.path.exists(other) else path
    return found


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def own_numbers(text):
    """Numbers of store 1 as the host has them."""
    return re.sub(r"\b1(\d{12})\b", lambda match: str(int(match.group(1))), text)


def sections(text):
    """name -> what was printed behind it, where that is something."""
    parts = (part.partition("\n") for part in own_numbers(text).split("@")[1:])
    return {name.strip(): rows.strip() for name, _, rows in parts if rows.strip()}


class Central:
    """The measurements of the sound store, and books that come and go."""

    def __init__(self, server, product, name):
        self.server, self.name = server, server.database(name)
        local = batches.Local(f"{product.store}/meter.db")
        central.add_host(server, name, local.host, ROLE)
        central.ship_all(server, name, ROLE, local)
        central.copy_derived(server, name, local, 1)
        self.take_books(product)

    def take_books(self, product):
        connection = scene.open_db(os.path.join(product.store, "billing.db"))
        central.copy_books(self.server, self.name, connection)
        connection.close()

    def take_usage(self, product):
        local = batches.Local(f"{product.store}/meter.db")
        self.server.ask("DELETE FROM meter.usage_hour; DELETE FROM meter.usage_day; DELETE FROM meter.derived", self.name)
        central.copy_derived(self.server, self.name, local, 1)

    def findings(self):
        """name -> what it prints."""
        text = "".join(f"\\echo @{name}\n{read(path)}\n" for name, path in sorted(audit_files().items()))
        return sections(self.server.ask(text, self.name))


def in_sqlite(store):
    """The same of the sqlite3 shell."""
    found = {}
    for folder in ("audit", "audit/billing"):
        for path in glob.glob(os.path.join(SQL, folder, "*.sql")):
            found[os.path.basename(path)[:-4]] = path
    words = [word for name, path in sorted(found.items()) for word in (f".print @{name}", f".read {path}")]
    done = subprocess.run(["sqlite3", "-readonly", f"{store}/billing.db", f"ATTACH 'file:{store}/meter.db?mode=ro' AS meter",
                           *words], capture_output=True, text=True, timeout=60)
    if done.stderr:
        raise AssertionError(done.stderr)
    return sections(done.stdout)


def compare(wanted, got):
    wanted.pop("database_whole", None)  # in SQLite it looks at the books that are attached, too
    if set(wanted) != set(got):
        raise AssertionError(f"SQLite finds it by {set(wanted)}, PostgreSQL by {set(got)}")
    for name in wanted.keys() - OTHER_ENGINE:
        if wanted[name] != got[name]:
            raise AssertionError(f"{name}: SQLite says {wanted[name][:300]!r}, PostgreSQL {got[name][:300]!r}")


def check_sound(at):
    found = at.findings()
    if found:
        raise AssertionError(f"sound books: {found}")


def check_spoilt(at, sound, sql):
    if sql.startswith("DROP TRIGGER"):
        table = sql.rpartition("_")[0].rpartition(" ")[2]
        at.take_books(sound)
        at.server.ask(f"ALTER TABLE billing.{table} DISABLE TRIGGER {sql.rpartition(' ')[2]}", at.name)
        found = set(at.findings())
        at.server.ask(f"ALTER TABLE billing.{table} ENABLE TRIGGER {sql.rpartition(' ')[2]}", at.name)
        if found != {"books_whole"}:
            raise AssertionError(f"found by {found}")
        return
    with scene.copy_of(sound) as copy:
        audit.spoil(copy, audit.EXPORTS).close()
        connection = audit.spoil(copy, sql)
        try:
            wanted = in_sqlite(copy.store)
            at.take_books(copy)
            if "meter." in sql:
                at.take_usage(copy)
            compare(wanted, at.findings())
        finally:
            connection.close()
            if "meter." in sql:
                at.take_usage(sound)


def check_asked(at, product, name, parameters):
    text = "".join(f"\\set {key} '''{value}'''\n" for key, value in parameters.items())
    text += "".join(f"\\set {key} NULL\n" for key in ("period", "vm", "account", "nano_pennies") if key not in parameters)
    wanted = questions.rows_of(questions.in_shell(product, name, parameters))
    with open(questions.file_of(name), encoding="utf-8") as file:
        done = fleet.run("psql", "-h", at.server.place, "-U", "postgres", "-d", at.name, "-v", "ON_ERROR_STOP=1", "-qX", "--csv",
                         text=text + file.read())
    if done.returncode:
        raise AssertionError(done.stderr)
    got = questions.rows_of(own_numbers(done.stdout))
    if (got if len(got) > 1 else []) != wanted:
        raise AssertionError(f"SQLite says {wanted}, PostgreSQL {got}")


def main():
    passed = failed = 0

    def attempt(what, check, *values):
        nonlocal passed, failed
        try:
            check(*values)
            passed += 1
        except AssertionError as error:
            failed += 1
            print(f"FAIL {what}: {error}")

    with scene.store_of(sys.argv[1]) as tidy, scene.store_of(sys.argv[1], questions.untidy) as untidy, \
            fleet.Server() as server:
        at = Central(server, tidy, "tidy")
        attempt("sound", check_sound, at)
        for what, sql, _ in audit.SPOILT:
            attempt(what, check_spoilt, at, tidy, sql)
        at.take_books(tidy)
        other = Central(server, untidy, "untidy")
        for golden, name, parameters, store in questions.ASKED:
            attempt(golden, check_asked, at if store == "tidy" else other, tidy if store == "tidy" else untidy, name, parameters)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
