"""What the tests of /metrics and of the dashboards share: a store with everything that there is a metric
of, a server on loopback, a Prometheus that scrapes it, and the text of OpenMetrics, read by its own rules.

Everything is gone afterwards. Prometheus and promtool must be installed: scripts/deps.sh check sees to it.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
sys.path.insert(0, os.path.join(HERE, "..", "fleet"))
import scene
import server as postgres

SECOND = 10**9
MIB = 1024
ROLE = "host_of_the_story"
NOT_THERE = "postgresql://nobody@/nothing?host=/nowhere"
NAME = "<img src=x onerror=alert(1)>\"'&\\n{vm=\"\u2028\u202e"
PATIENCE_S = 120  # nothing is timed: this is when a test gives up


def check(holds, text):
    if not holds:
        raise AssertionError(text)


def wait_for(what, text):
    """What it gives, as soon as that is true."""
    end = time.monotonic() + PATIENCE_S
    while not (found := what()):
        check(time.monotonic() < end, text)
        time.sleep(0.1)
    return found


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


# ---- the scene ----

DECISIONS = [  # how many, vm, action, reason, failure
    (5, scene.A, "grow", "short", "-"), (2, scene.A, "shrink", "slack", "-"), (3, scene.A, "grow", "short", "claim"),
    (1, scene.C, "grow", "predicted", "-"), (4, scene.C, "cap", "cap", "-"), (2, scene.B, "grow", "short", "-")]
ALERTS = [(2, scene.A, "at-ceiling"), (1, scene.C, "stale"), (1, scene.B, "stuck")]
COUNTED = [(7, scene.A, "refusal", "no-surplus"), (2, scene.C, "refusal", "spent"), (9, scene.C, "hostile", "-"),
           (6, scene.A, "reversal", "-"), (1, scene.B, "reversal", "-"),
           (1, "", "alert", "no-surplus")]
AWAITED = "0e0e0e0e-0000-4000-8000-00000000000e"
REACTIONS = [(50, 30, 900 * 10**6), (250, 5, 10**9), (30000, 2, 41 * 10**9), (0, 1, 65 * 10**9 + 1)]
FIGURES = [(scene.A, 5120 * MIB, 3000 * MIB), (scene.C, 7168 * MIB, 7000 * MIB)]


def make_balloon(store):
    """balloon.db as pageballoond makes it, by its own schema."""
    folder = os.path.join(ROOT, "schema", "sqlite", "balloon")
    files = sorted(os.listdir(folder))
    db = sqlite3.connect(os.path.join(store, "balloon.db"))
    for name in files:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            db.executescript(file.read())
    db.execute(f"PRAGMA user_version = {len(files)}")
    db.execute(f"PRAGMA application_id = {0x50674d74}")
    db.execute("PRAGMA journal_mode = WAL")
    decide(db, DECISIONS)
    for count, vm, reason in ALERTS:
        db.executemany("INSERT INTO alert (utc_ns, vm, domid, reason) VALUES (?, ?, 1, ?)", [(now_ns(), vm, reason)] * count)
    for total, vm, what, reason in COUNTED:
        db.execute("INSERT INTO tally VALUES (?, ?, '-', ?, '-', ?, ?)", (vm, what, reason, total, now_ns()))
    db.executemany("INSERT INTO reaction VALUES (?, ?, ?)", REACTIONS)
    db.execute("INSERT INTO lost (utc_ns, entries) VALUES (?, 11)", (now_ns(),))
    db.commit()
    return db


def now_ns():
    return time.time_ns()


def decide(db, decisions):
    row = ("INSERT INTO decision (utc_ns, at_ns, vm, domid, action, reason, failure, cause, cause_number, cause_domid, before_kib,"
           " target_kib, cap_kib, claim_kib, need_kib, available_kib, headroom_kib, tot_kib, rate_kib_s, surplus_kib)"
           " VALUES (?, 1, ?, 1, ?, ?, ?, 'tick', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)")
    for count, vm, action, reason, failure in decisions:
        db.executemany(row, [(now_ns(), vm, action, reason, failure)] * count)
    db.commit()


def say_figures(db):
    """What guests say now: it is of use for a minute."""
    kept = ("domid fallback seq up_ms tot_kib cap_kib headroom_kib current_kib total_kib free_kib available_kib cached_kib swap_kib"
            " swap_free_kib committed_kib swap_in swap_out refaults major_faults oom_kills stall_some_us stall_full_us flags").split()
    for vm, target, need in FIGURES:
        db.execute(f"INSERT INTO figure (utc_ns, vm, target_kib, need_kib, {', '.join(kept)})"
                   f" VALUES (?, ?, ?, ?{', 0' * len(kept)})", (now_ns(), vm, target, need))
    db.commit()


class Watched:
    """A store of the story, shipped to PostgreSQL, with memory on demand beside it."""

    def __init__(self, bindir, scratch, server):
        self.bindir, self.scratch, self.server = os.path.abspath(bindir), scratch, server
        self.product = scene.Product(bindir, os.path.join(scratch, "db"))
        self.ship_dir = os.path.join(scratch, "ship")
        self.key = os.path.join(scratch, "db", "ledger.key")
        scene.make(self.product)
        self.product.run("account", "assign", scene.D, "acme", "--from", "2024-02", "--name", NAME)
        self.balloon = make_balloon(self.product.store)
        server.ask("CREATE DATABASE watched")
        self.uri = server.uri("watched")
        self.central = scene.Product(bindir, self.uri)
        self.central.run("db", "init")
        self.central.run("db", "host", "add", scene.HOST, ROLE)
        self.central.run("db", "host", "add", AWAITED, "host_that_never_came")
        self.ship(NOT_THERE, is_ok=False)
        self.ship(server.uri("watched", ROLE))
        server.ask("CREATE ROLE grafana LOGIN IN ROLE pagemeter_reader")
        self.reader_uri = server.uri("watched", "grafana")

    def ship(self, to, is_ok=True):
        conf = os.path.join(self.scratch, "ship.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(f"[ship]\nstate = {self.ship_dir}\n")
        done = subprocess.run([self.product.program, "ship", "--once", "-c", conf, "--to", to, "--db", self.product.store],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        check((done.returncode == 0) == is_ok, f"ship: {done.stderr}")
        if is_ok:
            self.central.run("db", "keep")

    def go_on(self, hours):
        """The host is measured on, and shipped."""
        last = sqlite3.connect(f"file:{self.product.store}/meter.db?mode=ro", uri=True)
        seq, mono, utc = last.execute("SELECT tick, mono_ns, utc_ns FROM tick_time ORDER BY tick DESC LIMIT 1").fetchone()
        last.close()
        trace = scene.Trace()
        trace.head()
        trace.seq, trace.mono, trace.utc = seq, mono + scene.PERIOD, utc + scene.PERIOD
        trace.domains |= {1: (scene.A, 5 * scene.GIB), 3: (scene.C, 7 * scene.GIB), 4: (scene.D, 1 * scene.GIB)}
        trace.go(trace.utc + hours * scene.HOUR)
        self.product.replay(trace)
        self.ship(self.server.uri("watched", ROLE))


@contextlib.contextmanager
def watched(bindir):
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-watched.", dir=place) as scratch, postgres.Server() as server:
        yield Watched(bindir, scratch, server)


# ---- who serves, and who scrapes ----

class Serving:
    """pagemeter serve on loopback."""

    def __init__(self, bindir, db, *words):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([os.path.join(bindir, "pagemeter"), "serve", "--db", db, "--listen",
                                         f"127.0.0.1:{self.port}", *words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        def answers():
            check(self.process.poll() is None, "pagemeter serve has ended")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
                return True
            return False
        wait_for(answers, "pagemeter serve does not listen")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def metrics(self):
        return fetch(self.url + "/metrics")


class Prometheus:
    """Scrapes some ports each second."""

    def __init__(self, scratch, ports):
        if shutil.which("prometheus") is None:
            raise SystemExit("Prometheus is not installed: run scripts/deps.sh check\n0 passed, 1 failed")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ports = ports
        place = os.path.join(scratch, "prometheus")
        os.makedirs(place)
        conf = os.path.join(place, "prometheus.yml")
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        with open(conf, "w", encoding="utf-8") as file:
            file.write("global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                       "scrape_configs:\n  - job_name: pagemeter\n    static_configs:\n      - targets: [" + targets + "]\n")
        self.log = open(os.path.join(place, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(["prometheus", f"--config.file={conf}", f"--storage.tsdb.path={place}/data",
                                         f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def __enter__(self):
        wait_for(self.is_ready, "Prometheus does not begin")
        wait_for(lambda: len(self.ask("up == 1")) == len(self.ports),
                 "it does not scrape: " + (self.ask_targets() if self.process.poll() is None else "it has ended"))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()

    def is_ready(self):
        check(self.process.poll() is None, "Prometheus has ended")
        with contextlib.suppress(OSError):
            return "is Ready" in fetch(self.url + "/-/ready")
        return False

    def ask_targets(self):
        return fetch(self.url + "/api/v1/targets")[:1000]

    def ask(self, query, **words):
        """[(labels, value)], as Prometheus has it now, or over a range with start, end and step."""
        kind = "query_range" if "step" in words else "query"
        text = urllib.parse.urlencode({"query": query, **words}).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{kind}", text, timeout=60) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{query}: {refused.read().decode()[:300]}") from None
        found = said["data"]["result"]
        return [(one["metric"], one["values"] if "values" in one else float(one["value"][1])) for one in found]


# ---- OpenMetrics ----

SUFFIXES = {"gauge": ("",), "counter": ("_total",), "info": ("_info",), "histogram": ("_bucket", "_count", "_sum")}
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:" + LABEL + r"(?:,(?=[a-zA-Z_])|(?=\})))*)\})? (-?[0-9]+(?:\.[0-9]+)?)")
UNESCAPED = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class Family:
    def __init__(self, name, kind):
        self.name, self.kind, self.unit, self.help = name, kind, "", None
        self.samples = {}  # by labels; of a histogram its buckets
        self.sums = {}  # of a histogram: _count and _sum


def parse(text):
    """Families by name; by the rules of OpenMetrics 1.0, or it is an AssertionError."""
    families, family = {}, None
    check(text.endswith("\n# EOF\n") and text.count("# EOF") == 1, "it does not end with # EOF")
    for line in text.split("\n")[:-2]:
        if match := re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-z][a-z0-9_]*) (.+)", line):
            family = take_metadata(families, family, *match.groups())
            continue
        match = SAMPLE.fullmatch(line)
        check(match is not None, f"no sample: {line[:200]}")
        check(family is not None and match[1] in [family.name + end for end in SUFFIXES[family.kind]],
              f"{match[1]} stands among the samples of {family.name if family else 'nothing'}")
        labels = tuple(sorted((name, re.sub(r"\\.", lambda m: UNESCAPED[m[0]], value))
                              for name, value in re.findall(LABEL, match[2] or "")))
        check(len({name for name, _ in labels}) == len(labels), f"a label twice: {line[:200]}")
        if family.kind == "histogram" and not match[1].endswith("_bucket"):
            check(not labels and match[1] not in family.sums, f"twice: {line[:200]}")
            family.sums[match[1]] = match[5]
            continue
        check(labels not in family.samples, f"twice: {line[:200]}")
        check(family.kind != "counter" or not match[5].startswith("-"), f"a negative counter: {line[:200]}")
        check(family.kind != "info" or match[5] == "1", f"an info that is not 1: {line[:200]}")
        family.samples[labels] = match[5]
    for one in families.values():
        check(one.help, f"{one.name} has no help")
        if one.kind == "histogram":
            check_histogram(one)
    return families


def check_histogram(family):
    """Without labels of its own: bounds ascend, counts never fall, and the last is the count."""
    bounds = [key[0][1] for key in family.samples]
    counts = [int(text) for text in family.samples.values()]
    check(all(len(key) == 1 and key[0][0] == "le" for key in family.samples) and bounds[-1] == "+Inf", bounds)
    check(all(str(float(bound)) == bound for bound in bounds[:-1]), f"{bounds} are not written as OpenMetrics writes them")
    check([float(b) for b in bounds] == sorted(map(float, bounds)) and counts == sorted(counts), f"{bounds} {counts}")
    check(family.sums.keys() == {family.name + "_count", family.name + "_sum"}, sorted(family.sums))
    check(int(family.sums[family.name + "_count"]) == counts[-1], f"{counts[-1]} are not the count")


def take_metadata(families, family, what, name, value):
    if what == "TYPE":
        check(name not in families, f"{name} is there twice")
        check(value in SUFFIXES, f"{name} is a {value}")
        check(not re.search(r"_(total|created|count|sum|bucket|info)$", name), f"{name} ends as a sample would")
        family = families[name] = Family(name, value)
        return family
    check(family is not None and family.name == name and not family.samples, f"{what} of {name} is not where its TYPE is")
    if what == "UNIT":
        check(not family.unit and name.endswith("_" + value) and family.kind != "info", f"the unit of {name} is {value}")
        family.unit = value
    else:
        check(family.help is None, f"two helps of {name}")
        family.help = value
    return family


def sample_name(family):
    return family.name + SUFFIXES[family.kind][0]


def value(families, name, **labels):
    """Of the one sample that has these labels, as text."""
    found = [text for key, text in families[name].samples.items() if labels.items() <= dict(key).items()]
    check(len(found) == 1, f"{len(found)} samples {name}{labels}")
    return found[0]


def run_tests(module, given):
    """Each test_ function of it; the exit status."""
    only = sys.argv[2:]
    passed = failed = 0
    for name, test in sorted(vars(module).items()):
        if not name.startswith("test_") or (only and name not in only):
            continue
        try:
            test(given)
            passed += 1
        except Exception as wrong:
            failed += 1
            print(f"{name}: {type(wrong).__name__}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
