#!/usr/bin/env python3
"""pagemeter ship between stores of made-up hosts and a real PostgreSQL: whatever happens on the way,
the tables there are those of the stores in the end, row by row.

    ship.py [--seed N] [--hosts 8] [--only NAME] [--first] BINDIR

Each check is a story of its own; the seed is printed. Some need root: a file system that is full.
The last line is "N passed, M failed".
"""

import argparse
import contextlib
import csv
import io
import json
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import central
import hosts
import proxy
import server as postgres

TABLES = {  # columns, and those of them that are numbers of the store
    "boot": ("boot, boot_uuid, first_tick, tick_base", "boot first_tick tick_base"),
    "restart": ("tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns", "tick"),
    "gap": ("tick, from_tick, span_ns, cause", "tick from_tick"),
    "clock_step": ("tick, step_ns", "tick"),
    "hour_cut": ("tick, hour, first_segment", "tick first_segment"),
    "tick": ("tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib", "tick"),
    "life": ("life, boot, domid, vm, first_tick, ran_tick, counted_tick, last_tick, billed",
             "life boot first_tick ran_tick counted_tick last_tick"),
    "segment": ("segment, life, first_tick, last_tick, kib, counted", "segment life first_tick last_tick"),
}
BEGINNING = {"boot": "first_tick", "life": "first_tick", "segment": "first_tick"}


class Wrong(AssertionError):
    pass


def require(is_so, what):
    if not is_so:
        raise Wrong(what)


# ---- what is where ----

def local_rows(connection, table, after=-1):
    """Behind this tick."""
    columns = TABLES[table][0]
    rows = connection.execute(f"SELECT {columns} FROM {table} WHERE {BEGINNING.get(table, 'tick')} > ?", (after,))
    return sorted(tuple("" if value is None else str(value) for value in row) for row in rows)


def central_rows(story, table, store):
    columns, own = TABLES[table][0].split(", "), TABLES[table][1].split()
    number = int(story.server.ask(f"SELECT store_no FROM meter.store WHERE store = '{store}'", story.database))
    wanted = ", ".join(f"{c} - {number * central.SIZE}" if c in own else c for c in columns)
    return sorted(map(tuple, story.server.rows(f"SELECT {wanted} FROM meter.{table} WHERE store_no = {number}",
                                               story.database)))


def own_store(connection):
    return connection.execute("SELECT store, coalesce(after_tick, -1) FROM store ORDER BY number DESC LIMIT 1").fetchone()


def require_same(story, host, store=None):
    """The host's store, behind what came along with a backup, is there as it is here."""
    connection = host.meter_db(store)
    name, after = own_store(connection)
    for table in TABLES:
        here, there = local_rows(connection, table, after), central_rows(story, table, name)
        if after >= 0 and table in ("boot", "hour_cut"):  # a restored store says again what it goes on in
            there = [row for row in there if row in here]
        require(here == there, f"host {host.number}: {table} differs: {len(here)} rows here, {len(there)} there;"
                               f" {sorted(set(here) ^ set(there))[:3]}")
    connection.close()


def require_no_conflicts(story):
    found = story.server.ask("SELECT * FROM meter.ship_conflict LIMIT 3", story.database)
    require(found == "", f"conflicts: {found}")


def require_same_usage(story, all_hosts):
    """What is billed of all of them together is what each bills alone."""
    def lines(*words):
        text = all_hosts[0].run("usage", "--by", "vm,host,life,hour", "--all", "--format", "csv", "--db", *words).stdout
        return text.splitlines()[1:]

    all_hosts[0].run("db", "keep", "--db", story.server.uri(story.database))
    here = sorted(line for host in all_hosts for line in lines(host.store))
    there = sorted(lines(story.server.uri(story.database)))
    require(here == there, f"usage differs: {sorted(set(here) ^ set(there))[:4]}")
    require(here != [], "there is no usage")


# ---- the scene ----

class Story:
    """A server, a database of its own in it, and a place for hosts."""

    count = 0

    def __init__(self, server, options, pick):
        Story.count += 1
        self.server, self.options, self.pick = server, options, pick
        self.database = f"story_{Story.count}"
        server.create(self.database)
        subprocess.run([os.path.join(options.bindir, "pagemeter"), "db", "init", "--db", server.uri(self.database)],
                       check=True, stdout=subprocess.DEVNULL)
        server.distribute(self.database)
        self.directory = tempfile.TemporaryDirectory(prefix="pagemeter-ship.")
        self.place = self.directory.name
        self.hosts, self.running = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
            process.wait()
        self.directory.cleanup()

    def host(self):
        host = hosts.Host(len(self.hosts), self.pick, self.place, self.options.bindir)
        host.role = f"{self.database}_{host.number}"
        self.hosts.append(host)
        return host

    def admit(self, host, name=None):
        central.add_host(self.server, self.database, name or host.host, host.role)
        return host

    def admitted(self):
        return self.admit(self.host())

    def uri(self, host):
        return self.server.uri(self.database, host.role)

    def start(self, host, uri=None, environment=None, limit=None):
        """ship as a service has it; limit: no file of it grows beyond so many bytes."""
        def bound():
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        log = open(os.path.join(host.directory, "log"), "a", encoding="utf-8")
        process = subprocess.Popen([os.path.join(host.bindir, "pagemeter"), "ship", "--to", uri or self.uri(host), "--db",
                                    host.store, "--state", host.state, "--interval", "1s"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, preexec_fn=bound, env={**os.environ, **(environment or {})})
        log.close()
        self.running.append(process)
        return process

    def log(self, host):
        with open(os.path.join(host.directory, "log"), encoding="utf-8") as file:
            return file.read()


def status(host, store=None):
    text = host.run("ship", "--status", "--format", "csv", "--db", store or host.store, "--state", host.state).stdout
    return list(csv.DictReader(io.StringIO(text)))


def end(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=30)


def wait_for(what, is_so, seconds=30):
    until = time.monotonic() + seconds
    while not is_so():
        require(time.monotonic() < until, f"waited {seconds} s for {what}")
        time.sleep(0.05)


def last_tick(host, store=None):
    connection = host.meter_db(store)
    tick = connection.execute("SELECT max(tick) FROM tick").fetchone()[0]
    connection.close()
    return tick


def measured_s(host):
    """From its first tick to its last, by its wall clock."""
    connection = host.meter_db()
    first, last = (connection.execute(
        "SELECT r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_ns + r.utc_offset_ns + t.utc_diff_ns FROM tick AS t"
        " JOIN restart AS r ON r.tick = (SELECT max(tick) FROM restart WHERE tick <= t.tick)"
        f" WHERE t.tick = (SELECT {which}(tick) FROM tick)").fetchone()[0] for which in ("min", "max"))
    connection.close()
    return (last - first) // hosts.SECOND


def measure_an_hour(host):
    """By its wall clock too, which may have been set back."""
    host.measure(100)
    while measured_s(host) < 3600:
        host.measure(100)


def delivered(story, host):
    """The store's own number of the tick up to which nothing is missing."""
    connection = host.meter_db()
    name, _ = own_store(connection)
    connection.close()
    return int(story.server.ask("SELECT coalesce(max(m.whole_to % 1000000000000), -1) FROM meter.store_mark AS m"
                                f" JOIN meter.store AS s ON s.store_no = m.store_no WHERE s.store = '{name}'",
                                story.database))


# ---- stories ----

def story_calm(story):
    """Some hosts, shipped part by part; once more changes nothing."""
    some = [story.admitted() for _ in range(3)]
    for _ in range(4):
        for host in some:
            host.measure(story.pick.randint(1, 300))
            host.ship(story.uri(host))
    for host in some:
        require_same(story, host)
        host.ship(story.uri(host))
        shutil.rmtree(host.state)
        host.ship(story.uri(host))
        require_same(story, host)
    require_no_conflicts(story)
    require_same_usage(story, some)
    found = status(some[0])
    require(len(found) == 1 and found[0]["behind_ticks"] == "0" and found[0]["conflicts"] == "0" and
            int(found[0]["tick"]) == last_tick(some[0]) and found[0]["error"] == "", f"status says {found}")


def story_storm(story):
    """Connections are cut, PostgreSQL and ships are killed, notes are lost and can't be written, while hosts measure."""
    many = [story.admitted() for _ in range(story.options.hosts)]
    between = proxy.Proxy(story.place, story.server.place, story.pick.getrandbits(32))
    between.is_wild = True
    ships = {}

    def launch(host):
        ships[host] = story.start(host, between.uri(story.database, host.role),
                                  limit=40000 if story.pick.random() < 0.2 else None)

    for turn in range(8):
        for host in many:
            host.measure(story.pick.randint(1, 150))
            if host not in ships or ships[host].poll() is not None:
                launch(host)
            elif story.pick.random() < 0.3:
                ships[host].kill()
                ships[host].wait()
                if story.pick.random() < 0.3:
                    shutil.rmtree(host.state, ignore_errors=True)
                launch(host)
        if turn < 7:
            vm = story.pick.choice(many).leave()
            if vm:
                story.pick.choice(many).born(vm)
        if turn % 3 == 1:
            story.server.stop("immediate")
            time.sleep(0.3)
            story.server.start()
    require(between.cuts > 10, f"only {between.cuts} connections were cut")
    between.is_wild = False
    for host in many:
        wait_for(f"host {host.number}", lambda host=host: delivered(story, host) == last_tick(host), 90)
        require(end(ships[host]) == 0, f"ship of host {host.number} does not end well: {story.log(host)[-400:]}")
        host.ship(story.uri(host))
        require_same(story, host)
    between.close()
    require_no_conflicts(story)
    require_same_usage(story, many)


def story_restore(story):
    """A backup is restored after more was shipped; what came along is the store's before."""
    host = story.admitted()
    host.measure(200)
    host.ship(story.uri(host))
    backup = os.path.join(host.directory, "backup.db")
    host.run("backup", "--db", host.store, backup)
    boot = host.boot
    host.measure(100)
    host.ship(story.uri(host))
    old = os.path.join(host.directory, "old")
    os.rename(host.store, old)
    host.run("restore", backup, "--db", host.store)
    for i in range(3):
        host.measure(120, *(["--new-boot"] if i == 0 and host.boot != boot else []))
        host.ship(story.uri(host))
    require_same(story, host, old)
    require_same(story, host)
    require_no_conflicts(story)
    # once more, of the restored one, before anything was shipped of it: all is shipped, also what came along
    other = Story(story.server, story.options, story.pick)
    with other:
        twin = other.admit(other.host(), host.host)
        twin.ship(other.uri(twin), store=host.store)
        connection = host.meter_db()
        chain = connection.execute("SELECT store, after_tick FROM store ORDER BY number").fetchall()
        connection.close()
        first = len(local_rows(sqlite3.connect(f"file:{backup}?mode=ro", uri=True), "tick"))
        require(len(central_rows(other, "tick", chain[0][0])) == first, "what came along is not all there")
        require_same(other, host)
        require_no_conflicts(other)


def story_restore_meanwhile(story):
    """A ship that runs sees that another meter.db is there."""
    host = story.admitted()
    host.measure(100)
    running = story.start(host)
    wait_for("the first ticks", lambda: delivered(story, host) == last_tick(host))
    backup = os.path.join(host.directory, "backup.db")
    host.run("backup", "--db", host.store, backup)
    old = os.path.join(host.directory, "old")
    os.rename(host.store, old)
    time.sleep(1.5)
    host.run("restore", backup, "--db", host.store)
    host.measure(100)
    wait_for("the restored store", lambda: delivered(story, host) == last_tick(host))
    require(end(running) == 0, "ship does not end well")
    require_same(story, host, old)
    require_same(story, host)
    require_no_conflicts(story)


def story_lost(story):
    """PostgreSQL is restored to what it was before: what it has lost is shipped again, by a ship that runs on."""
    host = story.admitted()
    host.measure(150)
    host.ship(story.uri(host))
    data, copy = f"{story.server.place}/data", f"{story.server.place}/copy"
    story.server.stop()
    shutil.copytree(data, copy)
    for directory, names, files in os.walk(copy):
        for name in [".", *files]:
            shutil.chown(os.path.join(directory, name), *(["postgres", "postgres"] if postgres.USER else [os.getuid()]))
    story.server.start()
    running = story.start(host)
    host.measure(150)
    wait_for("the rest", lambda: delivered(story, host) == last_tick(host))
    story.server.stop("immediate")
    shutil.rmtree(data)
    os.rename(copy, data)
    story.server.start()
    host.measure(20)
    wait_for("what was lost", lambda: delivered(story, host) == last_tick(host), 20)
    require(end(running) == 0, "ship does not end well")
    require_same(story, host)
    require_no_conflicts(story)


def copy_store(store, to):
    """A consistent copy, with the same id: not what pagemeter restore makes."""
    os.makedirs(to, exist_ok=True)
    with contextlib.closing(sqlite3.connect(f"{store}/meter.db")) as one, \
            contextlib.closing(sqlite3.connect(f"{to}/meter.db")) as other:
        one.backup(other)


def replace_store(host, copy):
    shutil.rmtree(host.store)
    os.rename(copy, host.store)
    host.run("db", "rebuild", "--db", host.store)


def story_older_copy(story):
    """An older copy of meter.db is put in its place: told, whether it has measured on or not."""
    host = story.admitted()
    host.measure(100)
    host.ship(story.uri(host))
    copy = os.path.join(host.directory, "copy")
    copy_store(host.store, copy)
    seq, mono, utc = host.seq, host.mono, host.utc
    boot, domid, domains = host.boot, host.domid, {k: list(v) for k, v in host.domains.items()}
    host.measure(5)
    host.ship(story.uri(host))
    replace_store(host, copy)
    done = host.ship(story.uri(host), expect=None)
    require(done.returncode == 3 and "older copy" in done.stderr, f"an older copy is shipped: {done.stderr}")
    host.seq, host.mono, host.utc, host.boot, host.domid, host.domains = seq, mono, utc, boot, domid, domains
    host.measure(40)  # and beyond what is there, however many of them a clock or a boot takes
    done = host.ship(story.uri(host), expect=None)
    require(done.returncode == 1 and "otherwise" in done.stderr, f"{done.returncode}: {done.stderr}")
    require(status(host)[0]["conflicts"] != "0", "status says nothing of it")
    require(story.server.ask("SELECT count(*) > 0 FROM meter.ship_conflict", story.database) == "t", "none is kept")


def story_conflict(story):
    """What was shipped is changed here: it stays as it is there, and a person is told."""
    host = story.admitted()
    host.measure(60)
    host.ship(story.uri(host))
    connection = host.meter_db()
    name, _ = own_store(connection)
    before = local_rows(connection, "segment")
    connection.close()
    with contextlib.closing(sqlite3.connect(f"{host.store}/meter.db")) as spoilt:
        spoilt.execute("DROP TRIGGER segment_kept")
        spoilt.execute("UPDATE segment SET kib = kib + 4 WHERE segment = (SELECT max(segment) FROM segment)")
        spoilt.commit()
    host.run("db", "rebuild", "--db", host.store)
    done = host.ship(story.uri(host), expect=1)
    require("otherwise" in done.stderr, f"it says {done.stderr}")
    require(central_rows(story, "segment", name) == before, "the row was changed there")
    require(status(host)[0]["conflicts"] == "1", f"status says {status(host)}")
    require(story.server.ask("SELECT count(*) FROM meter.ship_conflict", story.database) == "1", "it is not kept")


class Manager:
    """As systemd, it is told how it goes."""

    def __init__(self, story):
        place = os.path.join(story.place, "notify")
        self.environment = {"NOTIFY_SOCKET": place}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listener.bind(place)
        self.listener.settimeout(20)

    def heard(self, text):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            said = self.listener.recv(4096).decode()
            if text in said:
                return said
        raise Wrong(f"it never said {text}")

    def close(self):
        self.listener.close()


def story_away(story):
    """PostgreSQL is away, and comes back; the service manager is told how far behind it is."""
    host = story.admitted()
    measure_an_hour(host)
    manager = Manager(story)
    heard = manager.heard
    story.server.stop()
    running = story.start(host, environment=manager.environment)
    heard("READY=1")
    said = heard("behind; trying again")
    require(f"STATUS={last_tick(host) + 1} ticks, {measured_s(host)} s behind" in said, f"it says {said}")
    found = status(host)
    require(len(found) == 1 and "can't reach PostgreSQL" in found[0]["error"], f"status says {found}")
    story.server.start()
    heard(f"STATUS=0 ticks, 0 s behind; shipped up to tick {last_tick(host)}")
    story.server.stop("immediate")
    host.measure(50)
    said = heard("behind; trying again")
    story.server.start()
    heard(f"STATUS=0 ticks, 0 s behind; shipped up to tick {last_tick(host)}")
    begun = time.monotonic()
    require(end(running) == 0, "it does not end well")
    require(time.monotonic() - begun < 20, "it takes long to end")
    manager.close()
    log = story.log(host)
    require("can't reach PostgreSQL" in log and "shipping goes on" in log, f"the log says {log}")
    found = status(host)[0]
    require(found["error_ended"] != "" and found["behind_ticks"] == "0", f"status says {found}")
    require_same(story, host)


def told_to_prune(host):
    """The ticks that the cursor names."""
    with contextlib.suppress(FileNotFoundError), open(f"{host.state}/cursor", encoding="utf-8") as file:
        return [int(line.split()[-1]) for line in file.read().splitlines()[1:]]
    return []


def story_never_committed(story):
    """The server says that a batch is done, and ends before it commits: nothing of it is confirmed."""
    host = story.admitted()
    host.measure(400)
    while host.meter_db().execute("SELECT count(*) FROM hour_cut").fetchone()[0] < 3:  # a batch is of one hour
        host.measure(100)

    def end_session():
        story.server.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{host.role}'")

    late = proxy.Late(story.place, story.server.place, b"ship(", end_session)
    for skips in (1, 2):  # the first call asks what is there, and those after it are batches
        late.skips, late.cuts = skips, 0
        done = host.ship(late.uri(story.database, host.role), expect=None)
        require(late.cuts == 1, f"the session did not end at call {skips}: {done.stderr}")
        require(done.returncode == 3, f"exits with {done.returncode}, and batch {skips} was rolled back: {done.stderr}")
        found = status(host)[0]
        there = delivered(story, host)
        require(int(found["tick"] or -1) <= there, f"{found['tick']} is confirmed, and {there} is there")
        require(max(told_to_prune(host), default=-1) <= there, f"{told_to_prune(host)} may be pruned, and {there} is there")
    require(0 <= delivered(story, host) < last_tick(host), "the batches were not cut where they should be")
    late.close()
    host.ship(story.uri(host))
    require_same(story, host)
    require_no_conflicts(story)


REFUSE_LATE = """
CREATE FUNCTION meter.refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not at the commit'; END$$;
GRANT EXECUTE ON FUNCTION meter.refuse_late() TO PUBLIC;
CREATE CONSTRAINT TRIGGER refuse_late AFTER INSERT OR UPDATE OR DELETE ON meter.{table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION meter.refuse_late();
"""


def story_refused_at_commit(story):
    """A commit fails when all rows have been given: the statement has failed, of however few rows it is."""
    host = story.admitted()
    measure_an_hour(host)
    story.server.ask(REFUSE_LATE.format(table="delivered"), story.database)
    done = host.ship(story.uri(host), expect=3)
    require("not at the commit" in done.stderr, f"it says {done.stderr}")
    found = status(host)[0]
    require((found["tick"], found["behind_ticks"], found["behind_s"]) ==
            ("", str(last_tick(host) + 1), str(measured_s(host))), f"status says {found}")
    require(told_to_prune(host) == [], f"{told_to_prune(host)} may be pruned")
    story.server.ask("DROP FUNCTION meter.refuse_late CASCADE", story.database)
    host.ship(story.uri(host))
    require_same(story, host)
    backup = os.path.join(host.directory, "backup.db")
    host.run("backup", "--db", host.store, backup)
    shutil.rmtree(host.store)
    host.run("restore", backup, "--db", host.store)
    host.measure(20)
    host.ship(story.uri(host))
    # the store before is ended by one statement of one row
    story.server.ask(REFUSE_LATE.format(table="retired"), story.database)
    done = host.run("db", "keep", "--db", story.server.uri(story.database), expect=None)
    require(done.returncode == 3 and "not at the commit" in done.stderr, f"exits with {done.returncode}: {done.stderr}")


HOLD_UP = """
CREATE FUNCTION meter.hold_up() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(60); RETURN NULL; END$$;
GRANT EXECUTE ON FUNCTION meter.hold_up() TO PUBLIC;
CREATE TRIGGER hold_up AFTER INSERT ON meter.delivered FOR EACH STATEMENT EXECUTE FUNCTION meter.hold_up();
"""


def story_canceled(story):
    """Batches take longer than the server lets a statement: that is said, and they are sent ever less often."""
    host = story.admitted()
    host.measure(30)
    story.server.ask(f"ALTER ROLE {host.role} SET statement_timeout = '300ms';" + HOLD_UP, story.database)
    manager = Manager(story)
    running = story.start(host, environment=manager.environment)
    waits = [int(manager.heard("trying again in ").split("trying again in ")[1].split()[0]) for _ in range(3)]
    require(waits[0] < 1 and waits[2] >= 2, f"it waits {waits} s")
    log = story.log(host)
    require("statement_timeout" in log and "the server was stopped" not in log, f"the log says {log}")
    story.server.ask("DROP FUNCTION meter.hold_up CASCADE", story.database)
    wait_for("what is there", lambda: delivered(story, host) == last_tick(host))
    require(end(running) == 0, "it does not end well")
    manager.close()
    require_same(story, host)


def story_refused(story):
    """Passwords in arguments, roles of nobody, PostgreSQL away, a second ship: what is wrong is said."""
    host = story.admitted()
    host.measure(10)
    for words, code, said in (
            (["--to", "postgresql://u:secret@db/meter"], 2, ".pgpass"),
            (["--to", "postgresql://db/meter?password=secret"], 2, ".pgpass"),
            (["--to", story.place], 2, "postgresql://"),
            ([], 2, "where to?"),
            (["--to", story.server.uri(story.database)], 3, "delivers for no host"),
            (["--to", f"postgresql:///x?host={story.place}"], 3, "can't reach PostgreSQL"),
            (["--to", story.uri(host), "--interval", "0s"], 2, "--interval")):
        done = host.run("ship", "--once", "--db", host.store, "--state", host.state, *words, expect=code)
        require(said in done.stderr and "secret" not in done.stderr, f"{words}: {done.stderr}")
    done = host.run("ship", "--once", "--to", story.uri(host), "--db", f"{host.store}/none", "--state", host.state, expect=3)
    require("can't open" in done.stderr, done.stderr)
    running = story.start(host)
    wait_for("the first ticks", lambda: delivered(story, host) == last_tick(host))
    require("another process" in host.ship(story.uri(host), expect=3).stderr, "two ships from one state")
    require(end(running) == 0, "it does not end well")
    ahead = story.admitted()
    ahead.measure(5)
    ahead.utc = time.time_ns() + 80 * hosts.HOUR
    ahead.measure(5)
    done = ahead.ship(story.uri(ahead), expect=3)
    require("the batch is of hour" in done.stderr, done.stderr)
    require(0 <= delivered(story, ahead) < last_tick(ahead), "what is of the future is taken")


class Plain(threading.Thread):
    """A server that has no TLS: does anybody go on without?"""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.has_heard = False
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
                with client:
                    client.settimeout(5)
                    said = client.recv(8)
                    if said == bytes([0, 0, 0, 8, 4, 210, 22, 47]):  # may I use TLS?
                        client.sendall(b"N")
                        said = client.recv(8)
                    self.has_heard = self.has_heard or said != b""
            except OSError:
                return

    def is_trusted(self, host, *words, environment=None):
        self.has_heard = False
        done = subprocess.run([os.path.join(host.bindir, "pagemeter"), "ship", "--once", "--db", host.store, "--state",
                               host.state, *words], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(environment or {})})
        require(done.returncode == 3, f"it exits with {done.returncode}: {done.stderr}")
        require(self.has_heard or "SSL" in done.stderr, done.stderr)
        return self.has_heard


def story_encrypted(story):
    """Elsewhere than on this machine nothing is sent without TLS, unless that is said."""
    host = story.host()
    host.measure(3)
    plain = Plain()
    far = f"postgresql://u@db.example.com:{plain.port}/meter?hostaddr=127.0.0.1"
    services = {"PGSERVICEFILE": os.path.join(story.place, "services")}
    with open(services["PGSERVICEFILE"], "w", encoding="utf-8") as file:
        file.write(f"[far]\nhost=db.example.com\nhostaddr=127.0.0.1\nport={plain.port}\n"
                   f"[plain]\nhost=127.0.0.1\nport={plain.port}\nsslmode=disable\n")
    require(plain.is_trusted(host, "--to", f"postgresql://u@127.0.0.1:{plain.port}/meter"), "this machine is not trusted")
    require(not plain.is_trusted(host, "--to", far), "another machine is")
    require(plain.is_trusted(host, "--to", f"{far}&sslmode=disable"), "what the URI says does not count")
    require(plain.is_trusted(host, "--to", far, environment={"PGSSLMODE": "disable"}), "the environment does not count")
    require(not plain.is_trusted(host, "--to", "postgresql://u@/meter?service=far", environment=services),
            "another machine is, by a service file")
    require(not plain.is_trusted(host, "--to", "postgresql:///meter", environment={**services, "PGSERVICE": "far"}),
            "another machine is, by a service of the environment")
    require(plain.is_trusted(host, "--to", "postgresql://u@/meter?service=plain", environment=services),
            "what the service file says does not count")
    plain.listener.close()


def story_full_disk(story):
    """ship.db can't be written: shipping goes on, and is noted when there is room."""
    host = story.admitted()
    host.measure(30)
    os.makedirs(host.state)
    require(subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "pagemeter-test", host.state]).returncode == 0,
            "a tmpfs can't be mounted: run it as root")
    try:
        filler = os.path.join(host.state, "filler")
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        running = story.start(host)
        wait_for("what is there", lambda: delivered(story, host) == last_tick(host))
        host.measure(30)
        wait_for("what came then", lambda: delivered(story, host) == last_tick(host))
        require("the disk is full" in story.log(host), f"the log says {story.log(host)}")
        require(not os.path.exists(f"{host.state}/cursor"), "a cursor is there")
        os.remove(filler)
        wait_for("the cursor", lambda: os.path.exists(f"{host.state}/cursor"))
        require(end(running) == 0, "it does not end well")
        require("is noted again" in story.log(host), f"the log says {story.log(host)}")
        require(int(status(host)[0]["tick"]) == last_tick(host), "status is not up to date")
    finally:
        subprocess.run(["umount", "-l", host.state], check=False)
    require_same(story, host)


SYNCHRONISED = """
#include <sys/timex.h>
int adjtimex(struct timex *t) { t->status = 0; return 0; }
"""


def meter(story, host, *words):
    """pagemeterd on a clock that counts as synchronised: it prunes by no other."""
    library = os.path.join(story.place, "synchronised.so")
    if not os.path.exists(library):
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"], input=SYNCHRONISED, text=True, check=True)
    done = subprocess.run([os.path.join(host.bindir, "pagemeterd"), *words], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, env={**os.environ, "LD_PRELOAD": library})
    require(done.returncode == 0, f"pagemeterd: {done.stderr[-300:]}")
    return done.stderr


def configured(story, host):
    path = os.path.join(host.directory, "pagemeter.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"[store]\nretention = 48h\ndb = {host.store}\n[stream]\nsocket = none\n"
                   f"[ship]\nto = {story.uri(host)}\nstate = {host.state}\n")
    return path


def measured_by_daemon(story, host, trace, ticks):
    """The trace goes on, and pagemeterd with it; what it says."""
    with open(trace, "a", encoding="utf-8") as file:
        file.write(host.live(ticks))
    return meter(story, host, "-c", configured(story, host), "--source", f"replay:{trace}", "--speed", "max")


def oldest(host):
    connection = host.meter_db()
    found = connection.execute("SELECT (SELECT min(tick) FROM tick), (SELECT count(*) FROM prune)").fetchone()
    connection.close()
    return found


def story_prune(story):
    """Nothing goes that was not shipped, and what was goes; PostgreSQL has all of it."""
    host = story.admitted()
    trace = os.path.join(host.directory, "trace")
    said = measured_by_daemon(story, host, trace, 900)
    require(oldest(host)[1] == 0, "it prunes what was never shipped")
    require("nothing is pruned" in said, f"it says {said}")
    copy = os.path.join(host.directory, "copy")
    host.ship(story.uri(host))
    shipped = last_tick(host)
    measured_by_daemon(story, host, trace, 900)
    first, prunes = oldest(host)
    require(0 < prunes and first <= shipped, f"pruned up to {first} of {shipped}, in {prunes} hours")
    copy_store(host.store, copy)
    # a cursor of nobody, and one that claims too much, let nothing go
    for text in ("nonsense\n", f"pagemeter-ship 1 {story.uri(host)}\n{own_store(host.meter_db())[0]} {10**15}\n"):
        with open(f"{host.state}/cursor", "w", encoding="utf-8") as file:
            file.write(text)
        measured_by_daemon(story, host, trace, 200)
        require(oldest(host)[1] == prunes, f"it prunes by {text!r}")
    host.ship(story.uri(host))
    connection = host.meter_db()
    name, _ = own_store(connection)
    here = local_rows(connection, "tick")
    there = central_rows(story, "tick", name)
    require(set(here) <= set(there) and len(there) == len(set(there)), "ticks are missing there")
    counted = connection.execute("SELECT (SELECT sum(ticks) FROM prune) + (SELECT count(*) FROM tick)").fetchone()[0]
    require(counted == len(there), f"{counted} ticks were measured, and {len(there)} are there")
    for table in ("life", "gap", "restart", "boot", "clock_step"):
        require(local_rows(connection, table) == central_rows(story, table, name), f"{table} differs")
    connection.close()
    require_no_conflicts(story)


def story_pruned_before(story):
    """Shipping begins when the first hours are gone: it says so, and begins behind them."""
    host = story.admitted()
    trace = os.path.join(host.directory, "trace")
    with open(trace, "w", encoding="utf-8") as file:
        file.write(host.live(900))
    meter(story, host, "-c", configured(story, host), "--source", f"replay:{trace}", "--speed", "max",
          "--db", host.store)
    measured = last_tick(host)
    os.makedirs(host.state)
    with open(f"{host.state}/cursor", "w", encoding="utf-8") as file:
        file.write(f"pagemeter-ship 1 {story.uri(host)}\n{own_store(host.meter_db())[0]} {measured}\n")
    measured_by_daemon(story, host, trace, 400)
    first, prunes = oldest(host)
    require(prunes > 0, "nothing is pruned")
    said = host.ship(story.uri(host)).stderr
    require(f"before tick {first} was pruned before it was shipped" in said, f"it says {said}")
    require(status(host)[0]["pruned_to"] == str(first), f"status says {status(host)}")
    require("pruned" not in host.ship(story.uri(host)).stderr, "it says so again")
    connection = host.meter_db()
    name, _ = own_store(connection)
    for table in ("tick", "segment", "hour_cut"):
        require(local_rows(connection, table) == central_rows(story, table, name), f"{table} differs")
    connection.close()
    require_no_conflicts(story)


def story_daemon(story):
    """pagemeterd measures, is killed and started again, while its store is shipped."""
    host = story.host()
    sim = os.path.join(host.directory, "host.sim")
    with open(sim, "w", encoding="utf-8") as file:
        file.write(f"[sim]\nseed = {story.pick.randint(1, 10**6)}\nticks = 4000\ndomains = 20\nchange_every = 60\n"
                   "birth_every = 40\ndestroy_every = 50\nstart_s = 1753999200\n")
    words = [os.path.join(host.bindir, "pagemeterd"), "--source", f"sim:{sim}", "--db", host.store, "--stream", "none",
             "--speed", "1000"]
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    wait_for("a store", lambda: os.path.exists(f"{host.store}/meter.db-wal"))
    time.sleep(0.3)
    with contextlib.closing(host.meter_db()) as connection:
        story.admit(host, connection.execute("SELECT host FROM host").fetchone()[0])
    running = story.start(host)
    for _ in range(4):
        time.sleep(story.pick.uniform(0.2, 0.8))
        daemon.kill()
        daemon.wait()
        daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    require(daemon.wait(timeout=60) == 0, "pagemeterd does not end well")
    wait_for("the end", lambda: delivered(story, host) == last_tick(host))
    require(end(running) == 0, "ship does not end well")
    require_same(story, host)
    require_no_conflicts(story)


STORIES = [value for name, value in list(globals().items()) if name.startswith("story_")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bindir")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PAGEMETER_TEST_SEED", 0)))
    parser.add_argument("--hosts", type=int, default=8)
    parser.add_argument("--only", default="")
    parser.add_argument("--first", action="store_true", help="end with the first failure")
    options = parser.parse_args()
    seed = options.seed or random.SystemRandom().randrange(1, 2**32)
    passed = failed = 0
    print(f"PAGEMETER_TEST_SEED={seed}", flush=True)
    with postgres.any_server() as server:
        for tell in STORIES:
            name = tell.__name__.removeprefix("story_")
            if options.only not in ("", name):
                continue
            begun = time.monotonic()
            try:
                with Story(server, options, random.Random(f"{seed} {name}")) as story:
                    tell(story)
                passed += 1
                print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
            except (AssertionError, subprocess.TimeoutExpired, sqlite3.Error, OSError) as wrong:
                if "triggers are not supported on distributed tables" in str(wrong):
                    print(f"{name}: not told to a cluster, since it needs a trigger", flush=True)
                    continue
                failed += 1
                print(f"FAIL {name}: {type(wrong).__name__}: {wrong}", flush=True)
                if options.first:
                    break
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
