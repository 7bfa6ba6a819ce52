#!/usr/bin/env python3
"""The audits of money run in PostgreSQL as they are, and find there what they find in SQLite.

    postgres.py BINDIR

A server is made for the test in a directory of its own, where PostgreSQL is installed. Tables of
sound and of spoilt books (audit.py) are copied into the schemas meter and billing, and each file of
sql/audit/billing is given to psql, but for books_whole, which asks SQLite about its file. The last
line is "N passed, M failed".
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import audit
import scene

OTHER_ENGINE = {"books_whole"}
SPOILT = 6  # of those of audit.py
USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []


def run(*words, text=None):
    return subprocess.run([*USER, *words], input=text, capture_output=True, text=True, timeout=120)


class Server:
    def __init__(self, programs):
        self.programs = programs
        self.directory = tempfile.TemporaryDirectory(prefix="pagemeter-postgres.")
        self.place = self.directory.name

    def __enter__(self):
        if USER:
            subprocess.run(["chown", "postgres", self.place], check=True)
        for words in (["initdb", "-U", "postgres", "-D", f"{self.place}/data"],
                      ["pg_ctl", "-D", f"{self.place}/data", "-l", f"{self.place}/log", "-w", "-o",
                       f"-k {self.place} -c listen_addresses='' -c fsync=off", "start"]):
            done = run(os.path.join(self.programs, words[0]), *words[1:])
            if done.returncode:
                raise AssertionError(f"{words[0]}: {done.stderr}")
        return self

    def __exit__(self, *_):
        run(os.path.join(self.programs, "pg_ctl"), "-D", f"{self.place}/data", "-m", "immediate", "stop")
        self.directory.cleanup()

    def ask(self, text):
        done = run("psql", "-h", self.place, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt", text=text)
        if done.returncode:
            raise AssertionError(done.stderr[:500])
        return done.stdout.strip()


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def tables_of(store):
    """Both databases as PostgreSQL has them; foreign keys are left out, since some are broken on purpose."""
    for name in ("meter", "billing"):
        connection = scene.open_db(os.path.join(store, f"{name}.db"))
        yield f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; SET search_path = {name};"
        for table, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"
                                             " AND name NOT LIKE 'sqlite%'").fetchall():
            sql = re.sub(r"--[^\n]*", "", sql).replace("INTEGER", "bigint")
            sql = re.sub(r"\)[\s,]*(STRICT|WITHOUT ROWID)[\s,A-Z]*$", ")", sql)
            yield re.sub(r"REFERENCES\s+\w+\s*\(\w+\)", "", sql) + ";"
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield f"INSERT INTO {table} VALUES ({', '.join(map(literal, row))});"
        for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'tick_time'"):
            yield re.sub(r"--[^\n]*", "", sql) + ";"
        connection.close()


def findings(server, store):
    server.ask("BEGIN;\n" + "\n".join(tables_of(store)) + "\nCOMMIT;")
    found = set()
    for name, path in zip(audit.NAMES, audit.FILES):
        with open(path, encoding="utf-8") as file:
            if name not in OTHER_ENGINE and server.ask("SET search_path = meter, billing;\n" + file.read()):
                found.add(name)
    return found


def check_sound(server, sound):
    found = findings(server, sound.store)
    if found:
        raise AssertionError(f"sound books: {found}")


def check_spoilt(server, sound, sql):
    with scene.copy_of(sound) as copy:
        connection = audit.spoil(copy, sql)
        try:
            wanted, got = audit.shell(copy) - OTHER_ENGINE, findings(server, copy.store)
        finally:
            connection.close()
    if wanted != got:
        raise AssertionError(f"SQLite finds it by {wanted}, PostgreSQL by {got}")


def main():
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres") + glob.glob("/usr/bin/postgres"))
    if not programs:
        print("no PostgreSQL is installed here\n0 passed, 0 failed")
        return 0
    passed = failed = 0
    with scene.store_of(sys.argv[1]) as sound, Server(os.path.dirname(programs[-1])) as server:
        jobs = [("sound", lambda: check_sound(server, sound))]
        jobs += [(what, lambda sql=sql: check_spoilt(server, sound, sql))
                 for what, sql, _ in audit.SPOILT[::max(1, len(audit.SPOILT) // SPOILT)]]
        for what, check in jobs:
            try:
                check()
                passed += 1
            except AssertionError as error:
                failed += 1
                print(f"FAIL {what}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
