#!/usr/bin/env python3
"""A database of an older version, with what it has: after `pagemeter db migrate` it is as a new one, and goes on.

    upgrade.py BINDIR

Databases are made by the first migrations of schema/postgres only, as the programs of that time made
them. 0007 brought functions that main had for a day under the numbers 1 and 3: such databases, where
they are there already, are tried too. The last line is "N passed, M failed".
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import batches
import central
import hostile
import same
import scene
import server as postgres
import stores
from same import Wrong

NEWEST = len(postgres.MIGRATIONS)
FIRST_FLEET = 5  # the first that programs shipped to


def make_old(server, name, version, is_of_the_day=False):
    server.ask(f"CREATE DATABASE {name}")
    server.ask(postgres.schema(None, version), name)
    if is_of_the_day:
        with open(next(path for path in postgres.MIGRATIONS if "0007_" in path), encoding="utf-8") as file:
            server.ask(f"BEGIN;\n{file.read()}\nCOMMIT;", name)
    server.ask(f"ALTER DATABASE {name} SET search_path = meter, billing", name)


def all_made(server, name):
    """Every table, function, view, index, trigger and right; but no partitions, nor the key that some pg_dumps make up."""
    done = postgres.run("pg_dump", "-h", server.place, "-U", "postgres", "-d", name, "--schema-only",
                        "-T", "meter.*_????_??", "-T", "meter.*_before_2015")
    if done.returncode:
        raise Wrong(done.stderr)
    return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


class Held:
    """A migration that a host's session is in the way of, from the beginning of the test until it gives up."""

    def __init__(self, test, name="held"):
        self.ask = lambda text, role="postgres": test.server.ask(text, name, role)
        make_old(test.server, name, FIRST_FLEET)
        central.add_host(test.server, name, hostile.HOST, "hostile")
        central.add_host(test.server, name, hostile.OTHER_HOST, "other_host")
        self.ask(batches.call(hostile.BATCH), "hostile")  # a new store waits for another; one that is there does not
        self.ship(hostile.BATCH)
        self.before = self.ask("SELECT * FROM pagemeter.migration; TABLE pagemeter.made; SELECT * FROM meter.host_role")
        self.session = postgres.Session(test.server, name, "SELECT pg_backend_pid(); BEGIN; " + batches.call(hostile.NEXT), "hostile")
        program = os.path.join(test.bindir, "pagemeter")
        self.migration = subprocess.Popen([program, "db", "migrate", "--db", test.server.uri(name)], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def until_it_waits(self):
        hostile.until(lambda: self.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                       " AND application_name = 'pagemeter' AND wait_event_type = 'Lock'") == "1")

    def ship(self, batch):
        """As the other host. Nobody waits longer for the migration than that waits for a table."""
        self.ask("SET statement_timeout = '5s';" + batches.call(dict(batch, store=hostile.OTHER_STORE)), "other_host")


class Test:
    def __init__(self, bindir, scratch, server, pick):
        self.bindir, self.scratch, self.server, self.pick = bindir, scratch, server, pick
        self.maker = stores.Maker(bindir, scratch)
        server.ask("CREATE DATABASE fresh")
        self.product("fresh").run("db", "init")
        self.fresh = all_made(server, "fresh")
        self.held = Held(self)

    def product(self, name):
        return scene.Product(self.bindir, self.server.uri(name))

    def migrate(self, name, version):
        said = self.product(name).run("db", "migrate").stdout
        if f"version {NEWEST} now" not in said:
            raise Wrong(f"migrate from {version} says: {said}")
        made = all_made(self.server, name)
        if made != self.fresh:
            differ = sorted(set(made) ^ set(self.fresh))
            raise Wrong(f"from version {version} it is not as a new one: {len(differ)} lines, {differ[:3]}")


def check_as_new(test):
    """From each version, and where the functions of 0007 are there already."""
    for version in range(1, NEWEST):
        name = f"from_{version}"
        make_old(test.server, name, version)
        if all_made(test.server, name) == test.fresh:
            raise Wrong(f"version {version} is as the newest before it is migrated")
        test.migrate(name, version)
    make_old(test.server, "of_the_day", 6, True)
    test.migrate("of_the_day", 6)


DIE = "CREATE FUNCTION pagemeter.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;"
AUDITED = """SET search_path = meter, billing, pg_temp;
SELECT max(version) || ' ' || (SELECT count(*) > 50 FROM pagemeter.made) FROM pagemeter.migration;
(TABLE pagemeter.made EXCEPT TABLE pagemeter.catalog) UNION ALL (TABLE pagemeter.catalog EXCEPT TABLE pagemeter.made)"""


def check_noted(test):
    """Wherever a run of migrations ends, what was made is noted with the version: audits find nothing."""
    ask, product = lambda text: test.server.ask(text, "noted"), test.product("noted")
    make_old(test.server, "noted", 1)
    ask(DIE)
    for version in range(2, NEWEST + 1):
        ask(f"CREATE TRIGGER stop BEFORE INSERT ON pagemeter.migration FOR EACH ROW WHEN (NEW.version > {version})"
            " EXECUTE FUNCTION pagemeter.die()")
        product.run("db", "migrate", expect=0 if version == NEWEST else 3)
        ask("DROP TRIGGER stop ON pagemeter.migration")
        if ask(AUDITED) != f"{version} true":
            raise Wrong(f"killed behind version {version}: {ask(AUDITED)[:300]}")


def check_note_fails(test):
    """Killed where that is noted, there is neither the note nor the version, and it can be run again."""
    make_old(test.server, "unnoted", NEWEST - 1)
    test.server.ask(f"{DIE} CREATE TRIGGER stop BEFORE DELETE ON pagemeter.made EXECUTE FUNCTION pagemeter.die()", "unnoted")
    test.product("unnoted").run("db", "migrate", expect=3)
    test.server.ask("DROP TRIGGER stop ON pagemeter.made; DROP FUNCTION pagemeter.die", "unnoted")
    test.migrate("unnoted", NEWEST - 1)
    if test.server.ask(AUDITED, "unnoted") != f"{NEWEST} true":
        raise Wrong(test.server.ask(AUDITED, "unnoted")[:300])


def check_patience(test):
    """While a session is in the way, all others ship; when it ends, the migration is done, with what was written meanwhile."""
    held = Held(test, "patient")
    held.until_it_waits()
    held.ship(hostile.NEXT)
    adding = postgres.Session(test.server, "patient", f"BEGIN; SELECT meter.admit_host('late', '{hostile.STORE}')")
    held.session.end()
    held.until_it_waits()
    held.ship(hostile.LATE)
    if held.migration.poll() is not None:
        raise Wrong(f"it did not wait: {held.migration.communicate()}")
    held.until_it_waits()
    adding.tell("COMMIT")
    said = held.migration.communicate(timeout=60)
    if held.migration.returncode or f"version {NEWEST} now" not in said[0]:
        raise Wrong(f"when no session is in the way: {said}")
    if held.ask("SELECT role FROM meter.host_role WHERE admitted_ns = 0"):
        raise Wrong("a host that was added while a migration waited is not in it")
    adding.end()


def check_gives_up(test):
    """It does so after a minute, says who is in the way, and nothing has changed; afterwards it can be run again."""
    held = test.held
    said = held.migration.communicate(timeout=90)[1]
    after = held.ask("SELECT * FROM pagemeter.migration; TABLE pagemeter.made; SELECT * FROM meter.host_role")
    if held.migration.returncode != 3 or after != held.before:
        raise Wrong(f"it exits with {held.migration.returncode}, and there is {after}")
    session = f"session {held.session.said.split()[0]} of hostile"
    if f"has version {FIRST_FLEET} still" not in said or session not in said:
        raise Wrong(f"it is {session}, and it says: {said}")
    held.session.end()
    test.migrate("held", FIRST_FLEET)


def check_owner(test):
    """Who did not make it does not migrate it, whatever else that role may: a superuser can do it as who made it."""
    server, host = test.server, "hostile"
    server.ask("CREATE ROLE maker LOGIN CREATEROLE; CREATE ROLE stranger LOGIN; CREATE DATABASE owned OWNER maker;"
               "GRANT pagemeter_host TO maker WITH ADMIN OPTION")
    server.ask(postgres.schema(None, FIRST_FLEET), "owned", "maker")
    server.ask("GRANT CONNECT ON DATABASE owned TO stranger")
    central.add_host(server, "owned", hostile.HOST, host)
    server.ask(batches.call(hostile.BATCH), "owned", host)
    before = all_made(server, "owned")
    for role in ("postgres", "stranger", host):
        product = scene.Product(test.bindir, server.uri("owned", role))
        for command in ("migrate", "init"):
            said = product.run("db", command, expect=3).stderr
            if "the role maker" not in said or f"not {role}:" not in said or all_made(server, "owned") != before:
                raise Wrong(f"{command} as {role}: {said}")
    server.ask(batches.call(hostile.NEXT), "owned", host)
    said = scene.Product(test.bindir, f"{server.uri('owned')}&options=-crole%3Dmaker").run("db", "migrate").stdout
    others = server.ask("SELECT count(*) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN"
                        " ('meter', 'billing', 'pagemeter') AND p.proowner <> 'maker'::regrole", "owned")
    if f"version {NEWEST} now" not in said or others != "0":
        raise Wrong(f"a superuser as who made it: {said}, {others} functions are another's")
    server.ask(batches.call(hostile.LATE), "owned", host)
    said = scene.Product(test.bindir, server.uri("owned", "maker")).run("db", "migrate").stdout
    if f"version {NEWEST} already" not in said:
        raise Wrong(f"who made it, once more: {said}")


def check_holes(test, version, is_of_the_day):
    """Half of the batches before, in any order, and all of them after: what is shown is the store of the host."""
    name = f"holes_{version}"
    make_old(test.server, name, version, is_of_the_day)
    locals_ = [stores.local(test.maker.replay(test.maker.random(f"{test.pick.random()}", 60))) for _ in range(3)]
    calls = []
    for local in locals_:
        role = f"host_{local.host[:8]}"
        central.add_host(test.server, name, local.host, role)
        calls.append((role, local, [batches.call(local.batch(*cut)) for cut in local.cut_into(test.pick.choice([3, 60]), test.pick)]))
        central.deliver(test.server, name, role, test.pick.sample(calls[-1][2], (len(calls[-1][2]) + 1) // 2))
    test.migrate(name, version)
    for role, local, all_ in calls:
        central.deliver(test.server, name, role, central.shuffled(all_, test.pick))
        stores.must_be_same(test.server, name, local, central.number_of(test.server, name, local.store))
    if test.server.ask("SELECT count(*) FROM meter.ship_conflict", name) != "0":
        raise Wrong("batches that came before and after contradict each other")


class Story(same.Both):
    """Told to a directory alone until January is sealed. That is brought into an old database, and from there to both."""

    def __init__(self, test, name, version, is_of_the_day):
        super().__init__(test.bindir, os.path.join(test.scratch, name), test.server, name)
        self.test, self.name, self.version = test, name, version
        self.is_migrated = False
        make_old(test.server, name, version, is_of_the_day)

    def run(self, *words, expect=0):
        if self.is_migrated:
            return super().run(*words, expect=expect)
        done = self.file.run(*words, expect=expect)
        if words[:2] == ("close", "2024-01"):
            self.bring()
        return done

    def replay(self, trace):
        self.file.replay(trace)
        if self.is_migrated:
            same.ship(self)

    def bring(self):
        server, local = self.test.server, stores.local(self.file.store)
        central.add_host(server, self.name, scene.HOST, same.ROLE)
        ship = (self.file.program, "ship", "--once", "--to", self.ship_uri, "--db", self.file.store)
        done = subprocess.run(ship, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode:  # who migrates first, hosts or the database, does not matter
            raise Wrong(f"this version's ship into a database of version {self.version}: {done.stderr}")
        central.copy_derived(server, self.name, local, 1)
        same.copy_books(self, server, self.name)
        for words in (("db", "keep"), ("usage",), ("charge",)):
            said = self.central.run(*words, expect=None)
            if said.returncode == 0 or "run pagemeter db migrate" not in said.stderr:
                raise Wrong(f"{words} in a database of version {self.version}: {said.stdout} {said.stderr}")
        self.test.migrate(self.name, self.version)
        self.is_migrated = self.is_admitted = True


def check_goes_on(test, version, is_of_the_day):
    """January is in it, sealed, and February comes: measured, derived, charged and closed as in a directory."""
    story = Story(test, f"story_{version}", version, is_of_the_day)
    scene.make(story)
    if story.commands < 5:
        raise Wrong(f"only {story.commands} commands were given to both")
    for words in same.QUESTIONS:
        if "table" not in words:
            same.check_question(story, words)


CHECKS = [(check_as_new,), (check_noted,), (check_note_fails,), (check_owner,), *[(check, *of) for check in (check_holes, check_goes_on) for of in ((FIRST_FLEET, False), (6, True))],
          (check_patience,), (check_gives_up,)]


def main():
    pick = central.seed()
    passed = failed = 0
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-upgrade.", dir=place) as scratch, postgres.Server() as server:
        test = Test(sys.argv[1], scratch, server, pick)
        for check, *of in CHECKS:
            try:
                check(test, *of)
                passed += 1
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAIL {check.__name__} {of}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
