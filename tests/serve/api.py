#!/usr/bin/env python3
"""What pagemeter serve answers: figures that equal the bill, customers who see only what is theirs,
and requests that are refused.

    api.py BINDIR

The last line is "N passed, M failed".
"""

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
sys.path.insert(0, os.path.join(HERE, "..", "fleet"))
import openapi
import scene
import watched

NAME = "<img src=x onerror=alert(1)>\"'&"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Server:
    def __init__(self, bindir, db, scratch, *words, listen="http.sock", files=None):
        self.socket = os.path.join(scratch, listen)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = ["prlimit", f"--nofile={files}:{hard}"] if files else []
        self.process = subprocess.Popen([*limit, os.path.join(bindir, "pagemeter"), "serve", "--db", db, "--listen",
                                         self.socket, *words], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        for _ in range(3000):
            if os.path.exists(self.socket):
                return self
            if self.process.poll() is not None:
                raise AssertionError(self.process.stderr.read())
            time.sleep(0.02)
        raise AssertionError("it does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(40)  # shorter than what ends idle connections

    def ask(self, path, method="GET", headers=None, body=None):
        connection = UnixConnection(self.socket)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError):  # what is refused is not read to its end
                connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            said = answer.read()
            if method == "GET" and answer.status in (200, 400, 403, 404):
                openapi.check_answer(path, answer.status, said)
            return answer, said

    def get(self, path, expect=200, cookie=None):
        answer, body = self.ask(path, headers={"Cookie": f"pagemeter={cookie}"} if cookie else {})
        check(answer.status == expect, f"{path}: {answer.status} {body[:200]}")
        return json.loads(body)

    def raw(self, data, wait=True):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.socket)
            with contextlib.suppress(BrokenPipeError):
                s.sendall(data)
            got = b""
            with contextlib.suppress(ConnectionResetError):
                while wait and (more := s.recv(65536)):
                    got += more
            return got


def check(holds, text):
    if not holds:
        raise AssertionError(text)


def usage(product, *words):
    rows = product.run("usage", "--format", "csv", *words).stdout.splitlines()[1:]
    return {row.split(",")[0]: row.split(",")[1:] for row in rows}


RANGES = [("2024-01-31", "2024-02-01"), ("2024-01-31T20", "2024-02-01T02"), ("2024-02-29", "2024-03-02"),
          ("2024-01-31", "2024-03-02"), ("2024-02-10", "2024-02-12")]


def test_series_equals_usage(t):
    for start, end in RANGES:
        bill = usage(t.product, "--from", start, "--to", end)
        for vm in (scene.A, scene.B, scene.C, scene.D):
            series = t.server.get(f"/api/v1/vm/{vm}/series?from={start}&to={end}")
            kib_ns, _, measured, missing, excluded = bill.get(vm, ["0"] * 5)
            check((series["kib_ns"], series["measured_ns"], series["missing_ns"], series["excluded_ns"])
                  == (kib_ns, measured, missing, excluded), f"{vm} {start} {end}: {series['kib_ns']} is not {kib_ns}")


def test_series_keeps_peaks_and_points(t):
    whole = t.server.get(f"/api/v1/vm/{scene.A}/series?from=2024-01-31&to=2024-03-02&points=4000")
    thin = t.server.get(f"/api/v1/vm/{scene.A}/series?from=2024-01-31&to=2024-03-02&points=16")
    check(len(thin["allocated"]["kib"]) <= 16, len(thin["allocated"]["kib"]))
    check(max(k for k in thin["allocated"]["kib"] if k is not None) == whole["peak_kib"] == 5 * scene.GIB, whole["peak_kib"])
    check(None in thin["allocated"]["kib"], "its gap is gone")
    check(any(gap["to_ms"] - gap["from_ms"] > 10**9 for gap in whole["gaps"]), whole["gaps"])


def test_weeks_are_what_is_billed_now(t):
    """A week that is over is kept; what comes later of it is there all the same."""
    path = f"/api/v1/vm/{scene.A}/series?from=2024-01-25&to=2024-02-15&points="
    with tempfile.TemporaryDirectory() as scratch:
        product, trace = scene.Product(t.bindir, os.path.join(scratch, "db")), scene.Trace()
        trace.head()
        trace.utc = scene.JANUARY_31 + 18 * scene.HOUR
        trace.domains |= {1: (scene.A, 3 * scene.GIB)}
        trace.go(scene.JANUARY_31 + 30 * scene.HOUR)
        product.replay(trace)
        with Server(t.bindir, product.store, scratch) as server:
            for points in (100, 101, 102):  # of which none is an answer that was kept
                series = server.get(path + str(points))
                check(series["kib_ns"] == usage(product, "--from", "2024-01-25", "--to", "2024-02-15")[scene.A][0], points)
                check(max(series["allocated"]["ms"]) == (trace.utc - trace.period) // 10**6, "it ends elsewhere")
                if points == 101:
                    trace.head()
                    trace.go(trace.utc + 10 * scene.HOUR)
                    product.replay(trace)


def test_answers_are_as_openapi_says(t):
    """All answers of this test are held against it; here, that it would be seen."""
    path = f"/api/v1/vm/{scene.A}/series?from=2024-01-31&to=2024-02-01"
    answer = t.server.get(path)
    for change in ({"kib_ns": 5}, {"kib_ns": "5.5"}, {"more": 1}, {"gaps": [{"from_ms": 1}]}, {"vm": scene.A.upper()}, {"cost": 1}):
        try:
            openapi.check_answer(path, 200, json.dumps(answer | change))
        except openapi.Wrong:
            continue
        raise AssertionError(f"{change} is not seen")
    for key in answer:
        try:
            openapi.check_answer(path, 200, json.dumps({k: v for k, v in answer.items() if k != key}))
        except openapi.Wrong:
            continue
        raise AssertionError(f"that {key} is missing is not seen")


def test_operator_sees_the_fleet(t):
    fleet = t.server.get("/api/v1/fleet")
    check({vm["vm"] for vm in fleet["vms"]} == {scene.A, scene.C, scene.D}, fleet["vms"])
    check(fleet["hosts"][0]["host"] == scene.HOST and fleet["gaps"], fleet["hosts"])
    check(len(t.server.get("/api/v1/fleet?all=1")["vms"]) == 4, "dom0 is not there")
    check(t.server.get("/api/v1/me")["is_operator"] is True, "who else?")
    check(next(vm["name"] for vm in fleet["vms"] if vm["vm"] == scene.D) == NAME, "a name was changed")


SAME = ("vm", "kib_ns", "gib_h", "measured_ns", "missing_ns", "excluded_ns", "currency", "unit", "quantity", "amount")


def test_account_has_the_bill(t):
    for account, period, count in (("acme", "2024-01", 3), ("acme", "2024-02", 3), ("beta", "2024-02", 1), ("beta", "2024-03", 2)):
        answer = t.server.get(f"/api/v1/account/{account}?period={period}")
        with tempfile.TemporaryDirectory() as out:
            t.product.run("export", "json", "--period", period, "--out", out)
            with open(os.path.join(out, f"bill-{period}.json"), encoding="utf-8") as file:
                lines = [line for line in json.load(file)["lines"] if line["account"] == account]
        wanted = [{key: line[key] for key in SAME} | {
            "peak_kib": int(line["peak_kib"]), "prices": [price["price"] for price in line["prices"]], "pennies": line["posted_pennies"],
            "carried_pennies": line["carry_out"]["pennies"], "adjusted_pennies": line["adjustments"]["pennies"]} for line in lines]
        bill = answer["bill"]
        check([{k: v for k, v in line.items() if k != "name"} for line in bill["lines"]] == wanted, f"{account} {period}: {bill['lines']}")
        check(len(wanted) == count, f"{account} {period} has {len(wanted)} lines")
        check(bill["kib_ns"] == str(sum(int(line["kib_ns"]) for line in lines)), f"{account} {period}: {bill['kib_ns']}")
        check([(int(float(s["amount"]) * 100 + 0.5)) for s in bill["sums"]] == [sum(int(line["posted_pennies"]) for line in lines)],
              f"{account} {period}: {bill['sums']}")
        check(bill["state"] == ("open" if period == "2024-03" else "sealed"), bill["state"])


def link(t, account, *words):
    done = t.product.run("link", account, "--key", t.key, *words).stdout.strip()
    return done.rsplit("/l/", 1)[1]


def test_customer_sees_his_own_only(t):
    acme, beta = link(t, "acme"), link(t, "beta")
    check(t.server.get("/api/v1/me", cookie=acme)["account"] == "acme", "not acme")
    t.server.get("/api/v1/account/beta", 404, acme)
    check(t.server.get("/api/v1/account/beta", 404, acme) == t.server.get("/api/v1/account/nobody", 404, acme), "it tells")
    gone = "eeeeeeee-0000-4000-8000-eeeeeeeeeeee"
    for kind in ("", "/series"):
        check(t.server.get(f"/api/v1/vm/{scene.C}{kind}", 404, acme) == t.server.get(f"/api/v1/vm/{gone}{kind}", 404, acme),
              "it tells")
    check({vm["vm"] for vm in t.server.get("/api/v1/fleet", cookie=acme)["vms"]} == {scene.D}, "the fleet of acme")
    check({vm["vm"] for vm in t.server.get("/api/v1/fleet", cookie=beta)["vms"]} == {scene.A, scene.C}, "the fleet of beta")
    check("hosts" not in t.server.get("/api/v1/fleet", cookie=acme), "hosts")
    check("host" not in json.dumps(t.server.get(f"/api/v1/vm/{scene.A}", cookie=acme)), "its host")
    t.server.get("/metrics", 404, acme)


def test_customer_sees_the_hours_that_were_his(t):
    path = f"/api/v1/vm/{scene.A}/series?from=2024-02-29&to=2024-03-02"
    parts = [t.server.get(path, cookie=link(t, who)) for who in ("acme", "beta")]
    owned = t.product.run("usage", "--by", "vm,account", "--format", "csv", "--from", "2024-02-29", "--to", "2024-03-02")
    for part, who in zip(parts, ("acme", "beta")):
        check(f"{scene.A},{who},{part['kib_ns']}," in owned.stdout, f"{who}: {part['kib_ns']}: {owned.stdout}")
    limit = datetime(2024, 2, 29, 20, tzinfo=timezone.utc).timestamp() * 1000
    check(max(parts[0]["allocated"]["ms"]) <= limit + 50 and min(parts[1]["allocated"]["ms"]) >= limit - 50, "not his hours")


def test_customer_reads_no_name_of_anothers(t):
    """What a VM is called by who has it now, or will have it, is not what its owner of then called it."""
    with scene.copy_of(t.product) as product:
        product.run("account", "assign", scene.A, "beta", "--from", "2024-02-29T20", "--name", "beta-now")
        product.run("account", "assign", scene.D, "beta", "--from", "2099-01", "--name", "beta-later")
        product.run("account", "assign", scene.C, "acme", "--from", "2099-01")
        product.run("account", "assign", scene.C, "beta", "--from", "2024-01", "--name", "beta-own")
        with Server(t.bindir, product.store, t.scratch, "--key", t.key, listen="names.sock") as server:
            paths = ["fleet", *(f"account/acme?period=2024-0{month}" for month in (1, 2, 3)), *(f"vm/{vm}" for vm in (scene.A, scene.D))]
            said = [json.dumps(server.get("/api/v1/" + path, cookie=link(t, "acme"))) for path in paths]
            check("beta" not in "".join(said), f"{said}")
            check(json.dumps(NAME) in said[0] and json.dumps(NAME) in said[3] and "=build server" in said[2], "his own name is gone")
            check("beta-own" in json.dumps(server.get("/api/v1/fleet", cookie=link(t, "beta"))), "the name of beta is gone")


def moved_in_a_gap(product):
    """A has a gap of most of February, in which beta gets it; C is held by beta when its host falls silent, then acme's."""
    trace = scene.sealed_january(product)
    trace.head()
    trace.jump_to(scene.FEBRUARY_29 + 18 * scene.HOUR)
    trace.go(scene.FEBRUARY_29 + 20 * scene.HOUR)
    product.replay(trace)
    product.run("account", "assign", scene.A, "beta", "--from", "2024-02-10")
    product.run("account", "assign", scene.C, "acme", "--from", "2024-03-10")
    product.run("charge")


def test_customer_sees_his_part_of_a_gap(t):
    with (scene.store_of(t.bindir, moved_in_a_gap) as product,
          Server(t.bindir, product.store, t.scratch, "--key", t.key, listen="gap.sock") as server):
        for who, begin, end in (("acme", "2024-02-01T06:00:00Z", "2024-02-10T00:00:00Z"),
                                ("beta", "2024-02-10T00:00:00Z", "2024-02-29T18:00:00Z")):
            answer = server.get(f"/api/v1/account/{who}?period=2024-02", cookie=link(t, who))
            gaps = [gap for gap in answer["gaps"] if gap["vm"] == scene.A]
            missing = [line["missing_ns"] for line in answer["bill"]["lines"] if line["vm"] == scene.A]
            check([(gap["from"], gap["to"]) for gap in gaps] == [(begin, end)], f"{who}: {gaps}")
            check([gap["span_ns"] for gap in gaps] == missing, f"{who}: {gaps} and {missing}")


def test_customer_sees_nothing_held_by_another_before(t):
    with (scene.store_of(t.bindir, moved_in_a_gap) as product,
          Server(t.bindir, product.store, t.scratch, "--key", t.key, listen="held.sock") as server):
        fleet = server.get("/api/v1/fleet", cookie=link(t, "acme"))
        check(fleet["vms"] == [] and fleet["kib"] == 0, f"what beta held is shown to acme: {fleet}")
        check([vm["vm"] for vm in server.get("/api/v1/fleet", cookie=link(t, "beta"))["vms"]] == [scene.A], "the fleet of beta")


def restarted_often(product):
    """A has more lives than are listed, all but the first hour of them beta's; B has none yet."""
    trace = scene.Trace(60 * scene.SECOND)
    trace.head()
    trace.utc = scene.JANUARY_31
    for domid in range(1, 1060):
        trace.domains = {domid: (scene.A, scene.GIB)}
        trace.go(trace.utc + trace.period)
    product.replay(trace)
    for account in ("acme", "beta"):
        product.run("account", "add", account, "--name", account)
    product.run("account", "assign", scene.A, "acme", "--from", "2024-01")
    product.run("account", "assign", scene.A, "beta", "--from", "2024-01-31T01")
    product.run("account", "assign", scene.B, "acme", "--from", "2024-01")


def test_customer_sees_vms_of_many_lives_and_of_none(t):
    with (scene.store_of(t.bindir, restarted_often) as product,
          Server(t.bindir, product.store, t.scratch, "--key", t.key, listen="lives.sock") as server):
        lives = server.get(f"/api/v1/vm/{scene.A}", cookie=link(t, "acme"))["lives"]
        check(len(lives) == 30 and all(life["from"] < "2024-01-31T01" for life in lives), f"{len(lives)}: {lives[:2]}")
        check(len(server.get(f"/api/v1/vm/{scene.A}", cookie=link(t, "beta"))["lives"]) == 500, "more than are listed")
        check(server.get(f"/api/v1/vm/{scene.B}", cookie=link(t, "acme"))["lives"] == [], "it is acme's, and never ran")
        check(server.get(f"/api/v1/vm/{scene.B}")["account"] == "acme", "whose it is")
        server.get(f"/api/v1/vm/{scene.B}", 404, link(t, "beta"))
        server.get(f"/api/v1/vm/{scene.C}", 404)


def test_customer_sees_no_life_of_anothers_hours_when_its_ticks_are_gone(t):
    def story(product):
        trace = scene.Trace(60 * scene.SECOND)
        trace.head()
        trace.utc = scene.JANUARY_31
        for domid, hours in ((1, 2), (2, 4), (3, 6)):
            trace.domains = {domid: (scene.A, scene.GIB)}
            trace.go(scene.JANUARY_31 + hours * scene.HOUR - 1)
        product.replay(trace)
        for account in ("acme", "beta"):
            product.run("account", "add", account, "--name", account)
        product.run("account", "assign", scene.A, "acme", "--from", "2024-01")
        product.run("account", "assign", scene.A, "beta", "--from", "2024-01-31T02")
        with contextlib.closing(scene.open_db(os.path.join(product.store, "meter.db"), "rw")) as con:
            con.execute("INSERT INTO prune VALUES (200, 0, 0, 0, 0, 0, 0, 0, 0, 0)")
            con.execute("DELETE FROM tick WHERE tick < 200")

    with (scene.store_of(t.bindir, story) as product,
          Server(t.bindir, product.store, t.scratch, "--key", t.key, listen="gone.sock") as server):
        for who, count in (("acme", 1), ("beta", 2), (None, 3)):
            lives = server.get(f"/api/v1/vm/{scene.A}", cookie=link(t, who) if who else None)["lives"]
            check(len(lives) == count and any(life["from"] is None for life in lives), f"{who}: {lives}")


def test_links_expire_and_cant_be_made_up(t):
    good = link(t, "acme")
    version, account, expiry, mac = good.split("~")
    for bad in (f"{version}~beta~{expiry}~{mac}", f"{version}~{account}~{int(expiry) + 1}~{mac}", good[:-1], good + "0",
                f"2~{account}~{expiry}~{mac}", "", "~", f"{version}~{account}~{expiry}~{'0' * 64}", good.upper()):
        t.server.get("/api/v1/me", 403, bad or "~")
        if "/" not in bad:
            check(t.server.ask(f"/l/{bad}")[0].status == 403, bad)
    short = link(t, "acme", "--for", "1s")
    time.sleep(2.1)
    t.server.get("/api/v1/me", 403, short)
    answer, _ = t.server.ask(f"/l/{good}")
    cookie = answer.getheader("Set-Cookie")
    check(answer.status == 303 and answer.getheader("Location") == "/", answer.status)
    check("HttpOnly" in cookie and "SameSite=Strict" in cookie and good in cookie, cookie)
    check(t.product.run("link", "nobody", "--key", t.key, expect=3).stdout == "", "a link for nobody")
    check(os.stat(t.key).st_mode & 0o777 == 0o600, "the key is open")
    t.product.run("link", "--make-key", "--key", t.key, expect=3)


def test_without_a_link_only_this_machine(t):
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"},
                    {"X-Forwarded-Host": "a.example"}, {"X-Forwarded-Proto": "https"}, {"X-Real-IP": "192.0.2.1"}, {"Via": "1.1 a"}):
        check(t.server.ask("/api/v1/fleet", headers=headers)[0].status == 403, headers)
    with Server(t.bindir, t.product.store, t.scratch, "--customers-only", "--key", t.key, listen="c.sock") as server:
        server.get("/api/v1/fleet", 403)
        server.get("/metrics", 403)
        check(server.get("/api/v1/me", cookie=link(t, "acme"))["account"] == "acme", "not acme")
    done = subprocess.run([os.path.join(t.bindir, "pagemeter-serve"), "--db", t.product.store, "--listen", "0.0.0.0:0"],
                          capture_output=True, text=True, timeout=20)
    check(done.returncode == 2 and "--public" in done.stderr, done.stderr)


BAD = [(f"/api/v1/vm/{scene.A}/series?{query}", 400) for query in (
    "from=2024-01-01&to=2026-01-01", "from=2024-13-01", "from=2024-02-30", "from=x", "from=2024-01-02&to=2024-01-01",
    "from=2024-01-01&from=2024-01-01", "points=1", "points=100000", "points=-1", "points=1e3", "x=1", "from", "from=",
    "to=" + "2" * 100, "all=1&all=1", "all=0&" * 165 + "from=2024-01-31", "from=2024-01-01T00:30", "from=9999-01-01&to=9999-01-02",
    "from=2262-04-11&to=2262-04-12", "points=16%00")] + [
    ("/api/v1/account/acme?period=2024-99", 400), ("/api/v1/account/acme?period=2262-04", 400), ("/api/v1/account/acme?period=", 400),
    ("/../etc/passwd", 404), ("/..%2f..%2fetc/passwd", 404), ("/%2e%2e/", 404), ("//etc/passwd", 404), ("/index.html", 404),
    ("/api/v1/vm/x", 404), ("/api/v1/vm/" + scene.A.upper(), 404), ("/api/v1/account/..%2f", 404), ("/api/v2/fleet", 404),
    ("/api/v1/fleet/", 404), ("/app.js%00", 404), ("/" + "a" * 3000, 414)]


def test_bad_requests_are_refused(t):
    for path, status in BAD:
        answer, body = t.server.ask(path)
        check(answer.status == status, f"{path[:100]}: {answer.status} {body[:200]}")
        check(json.loads(body)["error"], path)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        check(t.server.ask("/api/v1/fleet", method)[0].status == 405, method)
    check(t.server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n").startswith(b"HTTP/1.1 413"), "a body")
    check(t.server.ask("/", headers={"X": "y" * 9000})[0].status == 431, "9,000 bytes of headers")
    check(re.match(rb"HTTP/1.1 4\d\d|$", t.server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200000)), "200,000")
    check(re.match(rb"HTTP/1.[01] 4\d\d|$", t.server.raw(b"nonsense\r\n\r\n")), "nonsense")
    answer, body = t.server.ask("/api/v1/fleet", "HEAD")
    check(answer.status == 200 and body == b"", "HEAD")


def test_slow_clients_are_ended(t):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(t.server.socket)
        begin = time.monotonic()
        s.settimeout(60)
        s.sendall(b"GET / HTTP/1.1\r\nX: ")
        got = b""
        while time.monotonic() - begin < 50:
            try:
                s.sendall(b"y")
            except OSError:
                break
            s.settimeout(2)
            with contextlib.suppress(TimeoutError):
                got = s.recv(1000)
                break
        check(25 < time.monotonic() - begin < 40 and b" 408 " in got and b'"error"' in got, f"{got[:100]}")


def connect_many(sock, count, stack):
    """As many as the server takes, each taken: it says so by answering."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    taken = []
    for _ in range(count):
        connection = stack.enter_context(contextlib.closing(UnixConnection(sock)))
        connection.request("GET", "/")
        connection.getresponse().read()
        taken.append(connection)
    return taken


def test_idle_connections_leave_room_for_the_databases(t):
    """A shell and systemd give a process 1,024 files."""
    with Server(t.bindir, t.product.store, t.scratch, listen="idle.sock", files=1024) as server, contextlib.ExitStack() as idle:
        connect_many(server.socket, 990, idle)
        connection = idle.enter_context(contextlib.closing(UnixConnection(server.socket)))
        connection.request("GET", "/api/v1/fleet")
        check(connection.getresponse().status == 200, "idle connections took the files of the databases")


def test_all_who_ask_at_once_are_answered(t):
    """Every place is taken, and each of them asks before the server looks again."""
    with Server(t.bindir, t.product.store, t.scratch, listen="once.sock") as server, contextlib.ExitStack() as all_of_them:
        connections = connect_many(server.socket, 1000, all_of_them)
        for _ in range(3):
            server.process.send_signal(signal.SIGSTOP)
            for connection in connections:
                connection.request("GET", "/")
            server.process.send_signal(signal.SIGCONT)
            for connection in connections:
                answer = connection.getresponse()
                check(answer.status == 200 and answer.read() != b"", f"{answer.status}")


def test_it_ends_while_every_connection_is_open(t):
    with contextlib.ExitStack() as idle:
        with Server(t.bindir, t.product.store, t.scratch, listen="end.sock") as server:
            connect_many(server.socket, 1000, idle)
        check(server.process.returncode == 0, f"{server.process.returncode}")


def test_headers_keep_others_out(t):
    for path in ("/", "/api/v1/me", "/nothing"):
        answer, _ = t.server.ask(path)
        policy = answer.getheader("Content-Security-Policy")
        check("default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, policy)
        check(answer.getheader("X-Content-Type-Options") == "nosniff", path)
        check(answer.getheader("Referrer-Policy") == "no-referrer", path)


def test_metrics_are_openmetrics(t):
    answer, body = t.server.ask("/metrics")
    check(answer.status == 200 and "openmetrics-text" in answer.getheader("Content-Type"), answer.status)
    text = body.decode()
    check(text.endswith("# EOF\n") and f'vm="{scene.D}"' in text and "\\\"'&" in text, text[:500])
    total = usage(t.product)[scene.D][0]
    check(re.search(rf'used_kib_seconds_total{{vm="{scene.D}".*}} {total[:-9]}\.{total[-9:]}\n', text), "its usage")


class Given:
    pass


def main():
    t = Given()
    t.bindir = os.path.abspath(sys.argv[1])
    with scene.store_of(t.bindir) as product, tempfile.TemporaryDirectory() as scratch:
        t.product, t.scratch, t.key = product, scratch, os.path.join(scratch, "link.key")
        product.run("account", "assign", scene.D, "acme", "--from", "2024-02", "--name", NAME)
        product.run("link", "--make-key", "--key", t.key)
        with Server(t.bindir, product.store, scratch, "--key", t.key) as t.server:
            return watched.run_tests(sys.modules[__name__], t)


if __name__ == "__main__":
    sys.exit(main())
