#!/usr/bin/env python3
"""pagemeter chart: figures that are the bill's, pictures that are whole, names that do no harm.

    run.py [--seed N] [--traces N] BINDIR

  integral   of random histories (gaps, steps of the clock, restarts, boots): of each VM and range of whole hours
             the sum of KiB*ns over the billed pieces of the JSON is `usage`'s, and so are the totals; ranges that
             follow each other add up; the pieces lie in the range, in order, and leave no time untold
  money      what the hours cost by the tariff of each, against fractions; owners, prices, what is not charged yet
  owners     an account sees the hours in which it owned a VM, and no other
  guest      what an agent said, as it came and by five minutes
  names      of any length, with markup, controls, emoji and turned direction: in no file anything but text
  fill       what is under a line is filled without seams
  same       the same bytes again, alone and among hundreds
  many       hundreds of VMs in one run
  refused    what is wrong is said, and leaves no file behind

The last line is "N passed, M failed".
"""

import argparse
import base64
import csv
import fractions
import hashlib
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "property"))
import generate
import oracle
import picture

HOUR = 3600 * 10**9
BEGIN_S = 1795359600  # 2026-11-22T15:00:00Z
SCHEMA = os.path.join(HERE, "..", "..", "schema", "sqlite")


class Product:
    def __init__(self, bindir, scratch):
        self.program = os.path.join(os.path.abspath(bindir), "pagemeter")
        self.scratch = scratch

    def run(self, *words, status=0):
        done = subprocess.run([self.program, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
        if done.returncode != status:
            raise AssertionError(f"{' '.join(map(str, words))[:300]} exits with {done.returncode}: {said(done)}")
        return done

    def store(self, name, trace):
        db = os.path.join(self.scratch, name)
        shutil.rmtree(db, ignore_errors=True)
        path = os.path.join(self.scratch, "trace")
        with open(path, "wb") as out:
            out.write(trace)
        self.run("replay", path, "--db", db)
        return db

    def usage(self, db, *words):
        return list(csv.DictReader(io.StringIO(self.run("usage", "--db", db, "--format", "csv", *words).stdout.decode())))

    def chart(self, db, vm, *words):
        return json.loads(self.run("chart", vm, "--db", db, "--format", "json", "-o", "-", *words).stdout)

    def draw(self, db, vm, ending, *words):
        path = os.path.join(self.scratch, f"picture.{ending}")
        self.run("chart", vm, "--db", db, "-o", path, *words)
        with open(path, "rb") as file:
            return file.read()


def said(done):
    return done.stderr.decode(errors="replace").strip()[-300:]


def expect(is_true, what):
    if not is_true:
        raise AssertionError(what)


def equal(got, wanted, what):
    expect(got == wanted, f"{what}: {got!r} instead of {wanted!r}")


def at(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def vm_of(number):
    """Not one that ends like a toolstack's temporary handle."""
    return f"aaaaaaaa-0000-4000-8000-{0xabc000000000 + number:012x}"


def trace_of(samples, max_gap_s=5):
    """samples: {second: {vm number: (KiB, flags)}}; seconds that are not there are not measured."""
    lines = ["P 1 0a0a0a0a-0000-4000-8000-00000000000a 0c0c0c0c-0000-4000-8000-00000000000c "
             f"0b0b0b0b-0000-4000-8000-00000000000b 1000000000 {max_gap_s * 10**9}"]
    for second in sorted(samples):
        domains = samples[second]
        lines.append(f"T {second + 1} {(second + 1) * 10**9} {(BEGIN_S + second) * 10**9} 1000 s 1000000 0 {len(domains)}")
        for number in sorted(domains):
            kib, flags = domains[number]
            lines.append(f"D {number} {vm_of(number)} {kib} {kib} 0 {flags} 1000")
    return ("\n".join(lines) + "\n").encode()


# --- The integral ----------------------------------------------------------------

def integral(chart):
    return sum(piece["kib"] * int(piece["ns"]) for piece in chart["pieces"] if piece["kind"] == "billed")


def check_pieces(chart):
    """In order, and no time of the range is left out."""
    reach = int(chart["from_utc_ns"])
    before = -1
    for piece in chart["pieces"]:
        start, end = int(piece["from_utc_ns"]), int(piece["to_utc_ns"])
        expect(start >= before, "pieces are out of order")
        expect(start <= end, "a piece ends before it begins")
        expect(start <= reach, f"nothing is said of {reach} to {start}")
        before, reach = start, max(reach, end)
    expect(reach >= int(chart["to_utc_ns"]), "the end of the range is left out")


def check_range(product, db, vm, start, end, rows):
    """Whole hours [start, end) of one VM: the chart and the usage."""
    wanted = {"kib_ns": 0, "measured_ns": 0, "missing_ns": 0, "excluded_ns": 0}
    for row in rows:
        if row["vm"] == vm and start <= row["hour_number"] < end:
            for key in wanted:
                wanted[key] += int(row[key])
    chart = product.chart(db, vm, "--from", at(start * 3600), "--to", at(end * 3600))
    equal(integral(chart), wanted["kib_ns"], f"{vm}, hours {start} to {end}")
    equal({key: int(chart[key]) for key in wanted}, wanted, f"{vm}, the totals of hours {start} to {end}")
    check_pieces(chart)


def check_parts(product, db, vm, pick, hours):
    """Instants inside of hours: what follows each other adds up."""
    first, last = min(hours) * 3600, (max(hours) + 1) * 3600
    a, b, c = sorted(pick.sample(range(first, last + 1), 3))
    parts = [product.chart(db, vm, "--from", at(x), "--to", at(y)) for x, y in ((a, b), (b, c), (a, c))]
    equal(int(parts[0]["kib_ns"]) + int(parts[1]["kib_ns"]), int(parts[2]["kib_ns"]), f"{vm}, {a} to {b} to {c}")
    for chart in parts:
        equal(integral(chart), int(chart["kib_ns"]), f"{vm}, its own sum")
        check_pieces(chart)


def check_trace(product, seed, number):
    pick = random.Random(f"{seed}/{number}/charts")
    records, tail = generate.random_trace(f"{seed}/{number}", pick.choice([20, 60, 150]))
    db = product.store("random", generate.text(records, tail))
    rows = product.usage(db, "--by", "vm,hour")
    for row in rows:
        row["hour_number"] = oracle_hour(row["hour"])
    by_vm = {}
    for row in rows:
        by_vm.setdefault(row["vm"], set()).add(row["hour_number"])
    for vm in pick.sample(sorted(by_vm), min(len(by_vm), 6)):
        hours = {h for h in by_vm[vm] if h < 2_000_000}
        if not hours or max(hours) - min(hours) > 3000:
            continue
        check_range(product, db, vm, min(hours), max(hours) + 1, rows)
        start = max(pick.randint(min(hours) - 1, max(hours)), 0)
        check_range(product, db, vm, start, start + pick.randint(1, 4), rows)
        check_parts(product, db, vm, pick, hours)


def oracle_hour(text):
    import calendar
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) // 3600


def test_integral(product, options):
    begun = time.monotonic()
    for number in range(options.traces):
        try:
            check_trace(product, options.seed, number)
        except AssertionError as wrong:
            raise AssertionError(f"trace {number} of seed {options.seed}: {wrong}")
    print(f"     {options.traces} random histories, {time.monotonic() - begun:.0f} s")


def test_long_intervals(product, options):
    """What a trace's max_gap lets pass reaches over hours in which nothing begins."""
    for max_gap_s in (3600, 3601, 7200, 12000):
        samples = {second: {1: (1048576 + second, "r")} for second in range(0, 20 * max_gap_s, max_gap_s)}
        db = product.store("long", trace_of(samples, max_gap_s))
        rows = product.usage(db, "--by", "vm,hour")
        for row in rows:
            row["hour_number"] = oracle_hour(row["hour"])
        hours = [row["hour_number"] for row in rows]
        for start in range(min(hours), max(hours) + 1):
            for length in (1, 2, 5):
                check_range(product, db, vm_of(1), start, start + length, rows)


# --- Money and owners --------------------------------------------------------------

def steady(seconds, domains):
    return {second: {n: (kib, "r") for n, kib in domains.items()} for second in range(seconds)}


def test_money(product, options):
    db = product.store("money", trace_of(steady(3 * 3600 + 60, {1: 1048576, 2: 2097152, 3: 524288})))
    for words in (["account", "add", "acme", "--name", "Acme"], ["account", "add", "free", "--name", "Free"],
                  ["tariff", "set", "acme", "0.0042", "EUR/GiBh", "--from", "2026-11-22T15"],
                  ["tariff", "set", "acme", "0.0084", "EUR/GiBh", "--from", "2026-11-22T17"],
                  ["account", "assign", vm_of(1), "acme", "--from", "2026-11-22T15", "--exact"],
                  ["account", "assign", vm_of(2), "free", "--from", "2026-11-22T15", "--exact"]):
        product.run(*words, "--db", db)
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T18"]
    usage = {(row["vm"], row["hour"]): int(row["kib_ns"]) for row in product.usage(db, "--by", "vm,hour", *words)}
    chart = product.chart(db, vm_of(1), *words)
    exact = sum(usage[vm_of(1), f"2026-11-22T{hour}:00:00Z"] * price
                for hour, price in ((15, 420000000), (16, 420000000), (17, 840000000)))
    (amount,) = chart["cost"]["amounts"]
    equal(int(amount["exact"]), exact, "what it costs")
    pennies = fractions.Fraction(exact, 3774873600000000000 * 10**9)
    equal(amount["amount"], f"{int(pennies * 100) / 10000:.4f} EUR", "the amount, rounded down")
    equal(chart["cost"]["uncharged_kib_ns"], chart["kib_ns"], "what is not charged yet")
    equal(product.chart(db, vm_of(2), *words)["cost"]["unpriced_kib_ns"], product.chart(db, vm_of(2), *words)["kib_ns"],
          "usage of an owner without a tariff")
    equal(product.chart(db, vm_of(3), *words)["cost"]["unassigned_kib_ns"], product.chart(db, vm_of(3), *words)["kib_ns"],
          "usage that nobody owns")
    for vm, words_of in ((1, "not charged yet"), (2, "without a price"), (3, "without an owner")):
        text = picture.Page(product.draw(db, vm_of(vm), "html", *words).decode()).check().text()
        expect(words_of in text, f"the page of {vm} does not say '{words_of}': {text[:400]}")
    product.run("charge", "--db", db)
    chart = product.chart(db, vm_of(1), *words)
    equal(chart["cost"]["uncharged_kib_ns"], "0", "what is not charged after a charge")
    equal(int(product.chart(db, vm_of(1), "--from", "2026-11-22T18", "--to", "2026-11-22T19")["cost"]["uncharged_kib_ns"]) > 0,
          True, "the hour that is not over is not charged")


def test_owners(product, options):
    db = product.store("owners", trace_of(steady(3 * 3600 + 60, {1: 1048576, 2: 2097152})))
    for words in (["account", "add", "acme", "--name", "Acme"], ["account", "add", "other", "--name", "Other"],
                  ["account", "assign", vm_of(1), "acme", "--from", "2026-11-22T15", "--exact", "--name", "of acme"],
                  ["account", "assign", vm_of(1), "other", "--from", "2026-11-22T16", "--name", "of other"],
                  ["account", "assign", vm_of(1), "acme", "--from", "2026-11-22T17"],
                  ["account", "assign", vm_of(2), "other", "--from", "2026-11-22T15", "--exact"]):
        product.run(*words, "--db", db)
    add_figures(db, [(BEGIN_S + s, 1, 1000) for s in range(0, 3 * 3600, 10)])
    out = os.path.join(product.scratch, "owned")
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T18", "--format", "json"]
    product.run("chart", "--account", "acme", "--db", db, "--out", out, *words)
    equal(os.listdir(out), [f"{vm_of(1)}.json"], "the charts of acme")
    with open(os.path.join(out, f"{vm_of(1)}.json"), encoding="utf-8") as file:
        chart = json.load(file)
    equal(chart["name"], "of acme", "what acme called it")
    usage = {(row["account"], row["hour"]): int(row["kib_ns"])
             for row in product.usage(db, "--by", "vm,account,hour") if row["vm"] == vm_of(1)}
    equal(int(chart["kib_ns"]), usage["acme", "2026-11-22T15:00:00Z"] + usage["acme", "2026-11-22T17:00:00Z"], "acme's usage")
    foreign = range((BEGIN_S + 3600) * 1000, (BEGIN_S + 7200) * 1000)
    for piece in chart["pieces"]:
        if piece["kind"] != "nothing":
            expect(int(piece["from_utc_ns"]) // 10**6 not in foreign, "acme sees an hour of other's")
    blank = False
    for point in chart["lines"]["used"]:
        expect(point[0] not in foreign or len(point) == 1, "acme sees what the guest said to other")
        blank = blank or point == [(BEGIN_S + 3600) * 1000]
    expect(blank, "the guest's line is not blank while other owned it")
    equal(chart["cost"]["unassigned_kib_ns"], "0", "what is not acme's is not shown as nobody's")


# --- What an agent said --------------------------------------------------------------

def add_figures(db, figures):
    con = sqlite3.connect(os.path.join(db, "balloon.db"))
    for file in sorted(os.listdir(os.path.join(SCHEMA, "balloon"))):
        with open(os.path.join(SCHEMA, "balloon", file), encoding="utf-8") as sql:
            con.executescript(sql.read())
    con.execute(f"PRAGMA user_version = {len(os.listdir(os.path.join(SCHEMA, 'balloon')))}")
    con.execute(f"PRAGMA application_id = {0x50674d74}")
    con.execute("PRAGMA journal_mode = WAL")
    con.executemany(
        "INSERT INTO figure (utc_ns, vm, domid, fallback, seq, up_ms, tot_kib, target_kib, cap_kib, need_kib,"
        " headroom_kib, current_kib, total_kib, free_kib, available_kib, cached_kib, swap_kib, swap_free_kib,"
        " committed_kib, swap_in, swap_out, refaults, major_faults, oom_kills, stall_some_us, stall_full_us, flags,"
        " floor_kib, ceiling_kib) VALUES (?1, ?2, 1, 0, 1, 1, 0, ?3 * 8, 0, ?3 + 1, 0, 0, ?3 * 4, ?3 * 2, ?3 * 3, ?3 * 5,"
        " ?3 * 9, ?3 * 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 100, 1048576)",
        ((second * 10**9, vm_of(vm), kib) for second, vm, kib in figures))
    con.commit()
    con.close()


def test_guest(product, options):
    db = product.store("guest", trace_of(steady(3600, {1: 1048576})))
    add_figures(db, [(BEGIN_S + s, 1, 1000 + s) for s in range(100, 200, 10)] + [(BEGIN_S + s, 1, 5000) for s in range(300, 320, 10)])
    chart = product.chart(db, vm_of(1), "--from", "2026-11-22T15", "--to", "2026-11-22T16")
    lines = chart["lines"]
    equal(lines["used"][0], [(BEGIN_S + 100) * 1000, 1100], "used is total less available")
    equal(lines["free"][0][1], 2200, "free")
    equal(lines["cache"][0][1], 5500, "cache")
    equal(lines["swap"][0][1], 7700, "swap in use")
    equal(lines["target"][0][1], 8800, "target")
    equal(lines["ceiling"][0][1], 1048576, "ceiling")
    equal([p for p in lines["used"] if len(p) == 1], [[(BEGIN_S + 250) * 1000], [(BEGIN_S + 370) * 1000]],
          "a line ends a minute after the guest fell silent")
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T16"]
    text = picture.Page(product.draw(db, vm_of(1), "html", *words).decode()).check().text()
    expect("used, average" in text, "the table has no average of what was used")
    picture.read_svg(product.draw(db, vm_of(1), "svg", *words))
    # a database of another version says so, and what is billed is drawn all the same
    con = sqlite3.connect(os.path.join(db, "balloon.db"))
    con.execute("PRAGMA user_version = 1")
    con.close()
    done = product.run("chart", vm_of(1), "--db", db, "--format", "json", "-o", "-", *words)
    expect(b"left out" in done.stderr, "nothing is said of a balloon.db that can't be read")
    expect("used" not in json.loads(done.stdout)["lines"], "it was read all the same")


# --- Names ----------------------------------------------------------------------------

HOSTILE = [
    "x" * 65536,
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "'; DROP TABLE figure; --",
    "&lt;b&gt; &#60;b&#62; ]]> <!-- <![CDATA[",
    "\u202egnp.live\u202c \u2066\u2069\u200f",
    "e\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 50,
    "\U0001f4a9\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea",
    "\x01\x02\x1b[31mred\x07\x7f\u0085\u009b",
    "two\nlines\r\nand\ttabs\u2028more",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u4f60\u597d",
    "%s%n%x{{7*7}}${jndi:ldap://x}",
    "\u200b\u200b\u200b",
    "../../etc/passwd",
    "=HYPERLINK(\"http://evil\")",
]


def name_vm(db, vm, name):
    con = sqlite3.connect(os.path.join(db, "billing.db"))
    con.execute("PRAGMA ignore_check_constraints = ON")
    (change,) = con.execute("SELECT max(change) FROM change_log").fetchone()
    con.execute("INSERT OR REPLACE INTO vm_name (vm, change, name) VALUES (?, ?, ?)", (vm, change, name))
    con.commit()
    con.close()


def test_names(product, options):
    db = product.store("names", trace_of(steady(700, {n + 1: 1048576 for n in range(len(HOSTILE) + 1)})))
    product.run("account", "add", "acme", "--name", "Acme", "--db", db)
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T16"]
    for n, name in enumerate(HOSTILE):
        name_vm(db, vm_of(n + 1), name)
    for n, name in enumerate(HOSTILE):
        page = product.draw(db, vm_of(n + 1), "html", *words).decode()
        title = re.search("<h1><bdi>(.*?)</bdi></h1>", page, re.S).group(1)
        picture.Page(page).check()
        expect("<" not in title and "\n" not in title and len(title) < 400, f"the title of {name[:40]!r}: {title[:200]!r}")
        expect(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", title),
               f"the title of {name[:40]!r} has what can't be seen")
        svg = product.draw(db, vm_of(n + 1), "svg", *words)
        picture.read_svg(svg)
        expect(b"alert" not in svg and b"<text" not in svg, "a name is in the SVG as text")
        picture.read_png(product.draw(db, vm_of(n + 1), "png", *words))
        chart = product.chart(db, vm_of(n + 1), *words)
        expect(chart["name"] is None or len(chart["name"]) <= 3 * 48 + 1, f"the name of {name[:40]!r} is long")
    # by its name; of two that are called alike neither
    equal(product.chart(db, "../../etc/passwd", *words)["vm"], vm_of(HOSTILE.index("../../etc/passwd") + 1), "a VM by its name")
    name_vm(db, vm_of(len(HOSTILE) + 1), "../../etc/passwd")
    done = product.run("chart", "../../etc/passwd", "--db", db, "-o", "/dev/null/x.svg", status=2)
    expect(b"more than one" in done.stderr, "two VMs with one name")
    out = os.path.join(product.scratch, "named")
    product.run("chart", "--all", "--db", db, "--out", out, *words)
    equal(sorted(os.listdir(out)), [f"{vm_of(n + 1)}.svg" for n in range(len(HOSTILE) + 1)], "files are called after uuids")


# --- Pictures --------------------------------------------------------------------------

def gappy():
    samples = {s: {1: (1048576 if s % 100 < 50 else 524288, "r")} for s in range(3600)}
    for s in range(1000, 1300):
        del samples[s]
    return samples


def test_pictures(product, options):
    db = product.store("pictures", trace_of(gappy()))
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T16"]
    for size in ("320x320", "960x480", "1600x400"):
        width, height = map(int, size.split("x"))
        for theme in ("--light", "--dark"):
            got = picture.read_png(product.draw(db, vm_of(1), "png", "--size", size, theme, *words))
            equal(got[:2], (width, height), "the size of a PNG")
            expect(set(got[2]) <= {"IHDR", "IDAT", "IEND", "sRGB", "gAMA", "pHYs", "bKGD", "sBIT"},
                   f"chunks {got[2]}: a PNG has a date or a text in it")
            equal(got[3][0][:3], b"\xff\xff\xff" if theme == "--light" else b"\x16\x19\x1d", "the background")
            equal(picture.read_svg(product.draw(db, vm_of(1), "svg", "--size", size, theme, *words)),
                  (f"{width}px", f"{height}px"), "the size of an SVG")
    # the gap is blank and shaded: no pixel of the line's colour in its columns, and some of another colour
    width, height, _, rows = picture.read_png(product.draw(db, vm_of(1), "png", "--light", *words))
    left, right = 75, width - 20
    column = left + int((right - left) * 1150 / 3600)
    colours = {row[3 * column:3 * column + 3] for row in rows[60:height - 60]}
    expect(b"\x00\x72\xb2" not in colours and len(colours) > 2, f"the gap is not shaded: {colours}")
    page = product.draw(db, vm_of(1), "html", *words).decode()
    text = picture.Page(page).check().text()
    expect("not measured 0:05:01 in 1 gap" in text, f"the gap is not told: {text[:300]}")
    expect("prefers-color-scheme" in page, "a page does not follow the reader's screen")
    expect("prefers-color-scheme" not in product.draw(db, vm_of(1), "html", "--dark", *words).decode(), "--dark follows the screen")
    styles = re.findall("<style>(.*?)</style>", page)
    allowed = re.findall("'sha256-([^']*)'", page)
    equal([base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in styles], allowed, "the policy and its styles")


def test_fill(product, options):
    """What is under the line has no seam where a value ends and the next one begins."""
    samples = {s: {1: (1048576 - s // 7 % 5 * 65536, "r")} for s in range(1200)}
    db = product.store("fill", trace_of(samples))
    for width in range(400, 1400, 13):
        got = picture.read_png(product.draw(db, vm_of(1), "png", "--size", f"{width}x480", "--from", "2026-11-22T15:01",
                                            "--to", "2026-11-22T15:19"))
        row = got[3][480 - 70][3 * 90:3 * (width - 30)]  # a little above the axis
        white = [x // 3 for x in range(0, len(row), 3) if row[x:x + 3] == b"\xff\xff\xff"]
        equal(white, [], f"seams in a picture {width} wide")


def test_same(product, options):
    db = product.store("same", trace_of(steady(900, {n: 1048576 + n for n in range(1, 6)})))
    words = ["--from", "2026-11-22T15", "--to", "2026-11-22T16"]
    for ending in ("svg", "png", "html", "json"):
        once = product.draw(db, vm_of(3), ending, *words)
        equal(product.draw(db, vm_of(3), ending, *words) == once, True, f"a second {ending} has the same bytes")
        out = os.path.join(product.scratch, f"same-{ending}")
        product.run("chart", "--all", "--db", db, "--out", out, "--format", ending, *words)
        with open(os.path.join(out, f"{vm_of(3)}.{ending}"), "rb") as file:
            equal(file.read() == once, True, f"a {ending} among others has the same bytes")


def test_many(product, options):
    vms = 300
    samples = {}
    for s in range(0, 4000, 4):
        samples[s] = {n: (1048576 + 4 * ((s // 40 + n) % 50), "r") for n in range(1, vms + 1)}
    db = product.store("many", trace_of(samples))
    out = os.path.join(product.scratch, "many-charts")
    begun = time.monotonic()
    done = product.run("chart", "--all", "--db", db, "--out", out, "--from", "2026-11-22T15", "--to", "2026-11-22T17",
                       "--format", "json")
    equal(done.stdout.decode(), f"{vms} charts in {out}\n", "what is said")
    took = time.monotonic() - begun
    equal(len(os.listdir(out)), vms, "charts")
    usage = {row["vm"]: row["kib_ns"] for row in product.usage(db, "--by", "vm")}
    for file in os.listdir(out):
        with open(os.path.join(out, file), encoding="utf-8") as text:
            chart = json.load(text)
        equal(chart["kib_ns"], usage[chart["vm"]], "one of many")
        equal(integral(chart), int(usage[chart["vm"]]), "one of many, its pieces")
    shutil.rmtree(out)
    begun = time.monotonic()
    product.run("chart", "--all", "--db", db, "--out", out, "--from", "2026-11-22T15", "--to", "2026-11-22T17")
    print(f"     {vms} VMs in one run: {took:.1f} s as JSON, {time.monotonic() - begun:.1f} s as SVG")


def test_refused(product, options):
    db = product.store("refused", trace_of(steady(60, {1: 1048576})))
    path = os.path.join(product.scratch, "refused.svg")
    one = ["chart", vm_of(1), "--db", db]
    for words, status, text in (
            ([*one, "-o", path, "--size", "10x10"], 2, b"not a size"),
            ([*one, "-o", path, "--size", "960x480x2"], 2, b"not a size"),
            ([*one, "-o", path, "--size", "99999x480"], 2, b"not a size"),
            ([*one, "-o", path, "--light", "--dark"], 2, b"exclude"),
            ([*one, "-o", path, "--from", "2026-11-23", "--to", "2026-11-22"], 2, b"empty"),
            ([*one, "-o", path, "--from", "2026-02-30"], 2, b"not a time"),
            ([*one, "-o", os.path.join(product.scratch, "picture.gif")], 2, b"format"),
            ([*one, "-o", path, "--account", "nobody"], 2, b"no account"),
            ([*one], 2, b"-o FILE"),
            (["chart", "--db", db, "-o", path], 2, b"say a VM"),
            (["chart", "--all", "--db", db, "-o", path], 2, b"--out DIR"),
            (["chart", vm_of(9), "--db", db, "-o", path], 3, b"never measured"),
            (["chart", "web", "--db", db, "-o", path], 2, b"no VM is called"),
            ([*one, "-o", "/nowhere/x.svg"], 3, b"can't be written"),
            (["chart", vm_of(1), "--db", "/nowhere", "-o", path], 3, b""),
    ):
        done = product.run(*words, status=status)
        expect(text in done.stderr, f"{words} says {said(done)}")
        expect(not os.path.exists(path), f"{words} leaves a file")
    # a disk that is full: what was there stays
    with open(path, "w", encoding="utf-8") as file:
        file.write("before")
    done = subprocess.run(["sh", "-c", 'ulimit -f 4; trap "" XFSZ; exec "$@"', "sh", product.program, *one, "-o", path],
                          capture_output=True, timeout=60)
    expect(done.returncode == 3, f"a full disk: {done.returncode} {said(done)}")
    with open(path, encoding="utf-8") as file:
        equal(file.read(), "before", "a file that could not be replaced")
    equal([f for f in os.listdir(product.scratch) if f.endswith(".new")], [], "what is left behind")
    # known, but not in this time
    chart = product.chart(db, vm_of(1), "--from", "2026-11-25", "--to", "2026-11-26")
    equal([piece["kind"] for piece in chart["pieces"]], ["nothing"], "a range in which nothing is")
    picture.read_svg(product.draw(db, vm_of(1), "svg", "--from", "2026-11-25", "--to", "2026-11-26"))


TESTS = [test_integral, test_long_intervals, test_money, test_owners, test_guest, test_names, test_pictures, test_fill, test_same, test_many, test_refused]


def main():
    parser = argparse.ArgumentParser(description="Charts against the bill.")
    parser.add_argument("--seed", type=int, default=None, help="printed by each run; the same seed makes the same traces")
    parser.add_argument("--traces", type=int, default=40, help="how many random histories")
    parser.add_argument("--only", help="only the test with this in its name")
    parser.add_argument("bindir")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(os.environ.get("PAGEMETER_TEST_SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {options.seed}", flush=True)
    passed = failed = 0
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagemeter-chart.", dir=place) as scratch:
        product = Product(options.bindir, scratch)
        for test in TESTS:
            if options.only and options.only not in test.__name__:
                continue
            try:
                test(product, options)
                passed += 1
            except Exception as wrong:  # each test says what is wrong in its own way
                failed += 1
                print(f"FAIL {test.__name__[5:]}: {wrong}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
