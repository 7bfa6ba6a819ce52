#!/usr/bin/env python3
"""A host's role that somebody stole: what that made of it is gone when the host is added once more.

    roles.py BINDIR

PostgreSQL lets every role give itself settings, in one database or in all, and they outlive its password:
with a timeout of a millisecond its host ships no more. The last line is "N passed, M failed".
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "billing"))
import batches
import hostile
import scene
import server as postgres
from hostile import must

STOLEN = ("ALTER ROLE xen17 SET statement_timeout = '1ms'; ALTER ROLE xen17 SET default_transaction_read_only = on;"
          "ALTER ROLE xen17 IN DATABASE roles SET search_path = pg_temp; ALTER ROLE xen17 IN DATABASE postgres SET jit = on")


class Test:
    def __init__(self, bindir, server):
        self.bindir, self.server = bindir, server
        server.ask("CREATE DATABASE roles")
        scene.Product(bindir, server.uri("roles")).run("db", "init")
        server.ask("CREATE ROLE adder LOGIN CREATEROLE IN ROLE pagemeter_keeper; GRANT pagemeter_host TO adder WITH ADMIN OPTION;"
                   "CREATE ROLE only_grants LOGIN IN ROLE pagemeter_keeper; GRANT pagemeter_host TO only_grants WITH ADMIN OPTION;"
                   "GRANT CONNECT ON DATABASE roles TO adder, only_grants")

    def add(self, by, host=hostile.HOST, role="xen17", expect=0):
        return scene.Product(self.bindir, self.server.uri("roles", by)).run("db", "host", "add", host, role, expect=expect)

    def settings(self):
        return self.server.ask("SELECT rolname, setconfig FROM pg_db_role_setting JOIN pg_roles AS r ON r.oid = setrole ORDER BY 1, 2")

    def ship(self, batch):
        self.server.ask(batches.call(batch), "roles", "xen17")


def check_settings(test):
    """Of this role, in every database, by who may make roles; others keep theirs."""
    said = test.add("adder").stdout
    must("had settings" not in said and "may ship for" in said, f"a new role: {said}")
    test.add("adder", hostile.OTHER_HOST, "xen18")
    test.server.ask("ALTER ROLE xen18 SET statement_timeout = '1h'", "roles", "xen18")
    others = test.settings()
    for by in ("adder", "postgres"):
        test.server.ask(STOLEN, "roles", "xen17")
        hostile.must_refuse(test.ship, hostile.BATCH)
        said = test.add(by).stdout
        must(said.startswith("xen17 had settings of its own") and test.settings() == others, f"{by}: {said} {test.settings()}")
        test.ship(hostile.BATCH)


def check_may_not(test):
    """Who may not take them from it, does not add it as if they were gone."""
    must("may ship for" in test.add("only_grants").stdout, "a role without settings, by who may only grant")
    test.server.ask(STOLEN, "roles", "xen17")
    before = test.settings()
    said = test.add("only_grants", expect=3).stderr
    must("can't take the role's own settings from it: this role may not" in said and test.settings() == before, said)


def main():
    passed = failed = 0
    with postgres.Server() as server:
        test = Test(sys.argv[1], server)
        for check in (check_settings, check_may_not):
            try:
                check(test)
                passed += 1
            except AssertionError as error:
                failed += 1
                print(f"FAIL {check.__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
