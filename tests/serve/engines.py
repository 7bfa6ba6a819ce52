#!/usr/bin/env python3
"""pagemeter serve says the same of a directory and of PostgreSQL, and what memory on demand kept as it was kept.

    engines.py BINDIR

The story of tests/billing/scene.py is told to a directory and, shipped from there, to a database of PostgreSQL made for
the test; then one pagemeter-serve reads either, and each question, of the operator and of customers, good or bad, gets
the same answer from both, to the byte. Then figures of a guest and decisions are put into a balloon.db, and the lines
must be those. The last line is "N passed, M failed".
"""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from api import BAD, RANGES, Server, check, link  # puts tests/billing and tests/fleet on the path

import same
import scene
import server as postgres

sys.path.insert(0, os.path.join(HERE, "..", "chart"))
import run as charts


def told(bindir, scratch, server):
    """The story, to both; books of one are copied into the other, so that they bear the same times."""
    server.create("serve")
    both = same.Both(bindir, os.path.join(scratch, "db"), server, "serve")
    both.central.run("db", "init")
    server.distribute("serve")
    scene.make(both)
    same.copy_books(both, server, "serve")
    return both


QUESTIONS = ["fleet", "fleet?all=1", "period?period=2024-01", "period?period=2024-03", "period",
             *[f"account/{account}?period={month}" for account in ("acme", "beta", "nobody")
               for month in ("2024-01", "2024-02", "2024-03", "2023-01")],
             *[f"vm/{vm}" for vm in (scene.A, scene.B, scene.C, scene.D, scene.DOM0, "eeeeeeee-0000-4000-8000-eeeeeeeeeeee")],
             *[f"vm/{vm}/series?from={start}&to={end}&points={points}" for vm in (scene.A, scene.B, scene.C, scene.D)
               for start, end in RANGES for points in (16, 1000)],
             f"vm/{scene.DOM0}/series?from=2024-01-31&to=2024-02-02&all=1"]


def test_both_say_the_same(t):
    asked = 0
    for cookie in (None, *t.links):
        headers = {"Cookie": f"pagemeter={cookie}"} if cookie else {}
        for path in [f"/api/v1/{question}" for question in QUESTIONS] + [path for path, _ in BAD]:
            answers = [server.ask(path, headers=headers) for server in t.servers]
            one, other = [(answer.status, body) for answer, body in answers]
            if "/fleet" in path and one[0] == 200:  # it says what time it is
                one, other = [(status, json.loads(body) | {"now": 0}) for status, body in (one, other)]
            check(one == other, f"{path} of {cookie}: {str(one)[:300]} and {str(other)[:300]}")
            asked += 1
    print(f"{asked} questions")


def test_postgres_that_goes_is_an_error_and_comes_back(t):
    path = f"/api/v1/vm/{scene.A}/series?from=2024-01-31&to=2024-02-02&points="
    good = t.servers[1].get(path + "100")
    t.postgres.stop("immediate")
    answer, body = t.servers[1].ask(path + "101")
    check(answer.status in (500, 503) and b"error" in body, f"{answer.status} {body}")
    check(b"postgres" not in body.lower() and b"/dev/shm" not in body, f"it says too much: {body}")
    t.postgres.start()
    for points in range(102, 110):  # each reader finds out by itself
        answer, body = t.servers[1].ask(path + str(points))
        if answer.status == 200:
            break
    check(answer.status == 200 and json.loads(body)["kib_ns"] == good["kib_ns"], f"{answer.status} {body[:100]}")


FIGURE_VM = charts.vm_of(1)


def with_figures(t, scratch):
    """An hour of a VM, whose guest speaks for some of it, and what was decided."""
    product = charts.Product(t.bindir, scratch)
    db = product.store("guest", charts.trace_of(charts.steady(3600, {1: 1048576})))
    charts.add_figures(db, [(charts.BEGIN_S + s, 1, 1000 + s) for s in range(100, 200, 10)])
    return db


def test_guests_are_shown(t):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        db = with_figures(t, scratch)
        with Server(t.bindir, db, scratch) as server:
            series = server.get(f"/api/v1/vm/{FIGURE_VM}/series?from=2026-11-22T15&to=2026-11-22T16")
    lines = {line["name"]: line for line in series["guest"]}
    check(set(lines) == {"used", "free", "cache", "swap", "need", "target", "floor", "ceiling"}, lines.keys())
    # total 4 n, free 2 n, available 3 n, cached 5 n, swap 9 n, of it free 2 n, need n + 1, target 8 n: charts.add_figures
    for name, value in (("used", lambda n: n), ("free", lambda n: 2 * n), ("cache", lambda n: 5 * n),
                        ("swap", lambda n: 7 * n), ("need", lambda n: n + 1), ("target", lambda n: 8 * n)):
        wanted = [((charts.BEGIN_S + s) * 1000, value(1000 + s)) for s in range(100, 200, 10)]
        wanted.append(((charts.BEGIN_S + 250) * 1000, None))  # a minute after it fell silent
        check(list(zip(lines[name]["ms"], lines[name]["kib"])) == wanted, f"{name}: {lines[name]}")
    check(lines["floor"]["kib"] == [100, None] and "least" not in lines["used"], lines["floor"])


def test_customers_see_guests_in_their_own_hours(t):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        db = with_figures(t, scratch)
        product = scene.Product(t.bindir, db)
        for account in ("acme", "beta"):
            product.run("account", "add", account, "--name", account)
        product.run("account", "assign", FIGURE_VM, "acme", "--from", "2026-11-01")
        product.run("account", "assign", FIGURE_VM, "beta", "--from", "2026-11-22T16")
        key = os.path.join(scratch, "link.key")
        product.run("link", "--make-key", "--key", key)
        t.product, t.key = product, key
        path = f"/api/v1/vm/{FIGURE_VM}/series?from=2026-11-22T15&to=2026-11-22T17"
        with Server(t.bindir, db, scratch, "--key", key) as server:
            check(len(server.get(path, cookie=link(t, "acme"))["guest"]) == 8, "acme does not see its own")
            check(server.get(path, cookie=link(t, "beta"))["guest"] == [], "beta sees what the guest said to acme")


class Given:
    pass


def main():
    t = Given()
    t.bindir = os.path.abspath(sys.argv[1])
    only = sys.argv[2:]
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch, postgres.any_server() as t.postgres:
        t.both = told(t.bindir, scratch, t.postgres)
        key = os.path.join(scratch, "link.key")
        t.both.file.run("link", "--make-key", "--key", key)
        t.product, t.key = t.both.file, key
        t.links = [link(t, account) for account in ("acme", "beta")]
        with (Server(t.bindir, t.both.file.store, scratch, "--key", key, listen="file.sock") as one,
              Server(t.bindir, t.both.central.store, scratch, "--key", key, listen="central.sock") as other):
            t.servers = (one, other)
            for name, test in list(globals().items()):
                if not name.startswith("test_") or (only and name not in only):
                    continue
                try:
                    test(t)
                    passed += 1
                except (AssertionError, OSError, postgres.Refused, subprocess.SubprocessError) as wrong:
                    failed += 1
                    print(f"{name}: {type(wrong).__name__}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
