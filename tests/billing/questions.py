#!/usr/bin/env python3
"""Each file of sql/reports and sql/questions runs, and answers what it should.

    questions.py [--write] BINDIR

Each is asked in the sqlite3 shell, parameters set by `.parameter set`, as docs/store.md says, and by
`pagemeter report`: both must give the rows of tests/billing/questions/NAME.csv (--write writes what
they give). What has money in it is computed again here, with Python's integers, and so is the
account of each hour in `pagemeter usage`. The last line is "N passed, M failed".
"""

import argparse
import collections
import csv
import datetime
import glob
import io
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import scene
from scene import A, B, C, D, GIB, HOUR

HERE = os.path.dirname(os.path.abspath(__file__))
SQL = os.path.join(HERE, "..", "..", "sql")
GOLDEN = os.path.join(HERE, "questions")
EPOCH = datetime.datetime(1970, 1, 1)
KIB_NS = {"GiBh": 2**20 * HOUR, "GBh": 10**9 * HOUR // 1024}

# name of the golden answer, file, parameters, store
ASKED = [
    ("one_vm_twice", "one_vm_twice", {}, "untidy"),
    ("one_vm_twice-none", "one_vm_twice", {}, "tidy"),
    ("unsynchronised", "unsynchronised", {}, "tidy"),
    ("vms_without_owner", "vms_without_owner", {}, "untidy"),
    ("vms_without_owner-none", "vms_without_owner", {}, "tidy"),
    ("vms_without_tariff", "vms_without_tariff", {}, "untidy"),
    ("vms_without_tariff-none", "vms_without_tariff", {}, "tidy"),
    ("top_vms", "top_vms", {}, "tidy"),
    ("top_vms-month", "top_vms", {"period": "2024-02"}, "tidy"),
    ("top_vms-day", "top_vms", {"period": "2024-01-31"}, "tidy"),
    ("gaps", "gaps", {}, "tidy"),
    ("gaps-month", "gaps", {"period": "2024-02"}, "tidy"),
    ("gaps-year-without", "gaps", {"period": "2023"}, "tidy"),
    ("vm_history", "vm_history", {"vm": A}, "tidy"),
    ("vm_history-ended", "vm_history", {"vm": B}, "tidy"),
    ("vm_history-twice", "vm_history", {"vm": D}, "untidy"),
    ("vm_owners", "vm_owners", {"vm": A}, "tidy"),
    ("accounts", "accounts", {}, "tidy"),
    ("accounts-month", "accounts", {"period": "2024-01"}, "tidy"),
    ("top_charges", "top_charges", {}, "tidy"),
    ("top_charges-month", "top_charges", {"period": "2024-02"}, "tidy"),
    ("price_change", "price_change", {"nano_pennies": "5000000000"}, "tidy"),
    ("price_change-month", "price_change", {"nano_pennies": "1", "period": "2024-02"}, "tidy"),
    ("price_change-account", "price_change", {"nano_pennies": "100000000000", "account": "beta"}, "tidy"),
]


def untidy(product):
    """Nobody owns D, whose uuid two domains have at one time, and acme has no price."""
    trace = scene.Trace()
    trace.head()
    trace.utc = scene.JANUARY_31 + 10 * HOUR
    trace.domains |= {1: (A, 3 * GIB), 2: (D, 2 * GIB), 3: (B, GIB)}
    trace.go(trace.utc + 2 * HOUR, clock="u")
    trace.domains[7] = (D, 2 * GIB)
    trace.go(trace.utc + 2 * HOUR)
    del trace.domains[7]
    trace.domains[2] = (D, GIB)
    trace.go(trace.utc + 2 * HOUR)
    product.replay(trace)
    product.run("account", "add", "acme", "--name", "Acme Ltd")
    product.run("account", "add", "beta", "--name", "Beta GmbH")
    product.run("account", "assign", A, "acme", "--from", "2024-01")
    product.run("account", "assign", B, "beta", "--from", "2024-01")
    product.run("tariff", "set", "beta", "0.01", "EUR/GiBh", "--from", "2024-01-31T12")
    product.run("charge")


def file_of(name):
    found = [path for pattern in ("*/{}.sql", "*/billing/{}.sql") for path in glob.glob(os.path.join(SQL, pattern.format(name)))
             if "/reports/" in path or "/questions/" in path]
    if len(found) != 1:
        raise AssertionError(f"{name}: {found}")
    return found[0]


def in_shell(product, name, parameters):
    path = file_of(name)
    words = ["sqlite3", "-readonly", "-csv", "-header"]
    if "/billing/" in path:
        words += [f"{product.store}/billing.db", f"ATTACH 'file:{product.store}/meter.db?mode=ro' AS meter"]
    else:
        words += [f"{product.store}/meter.db"]
    words += [f".parameter set :{key} \"'{value}'\"" for key, value in parameters.items()]
    done = subprocess.run(words + [f".read {path}"], capture_output=True, text=True, timeout=60)
    if done.returncode or done.stderr:
        raise AssertionError(f"in the shell: {done.stderr}")
    return done.stdout


def rows_of(text):
    """Without who runs the test, and when. A shell prints no head when there are no rows."""
    rows = [row for row in csv.reader(io.StringIO(text))]
    for row in rows[1:]:
        if rows[0][0] == "owned_from":
            row[2:4] = ["somebody", "now"]
    return rows


def as_cell(field):
    """What a spreadsheet would compute has an apostrophe in front."""
    return field if re.fullmatch(r"-?[0-9.]+", field) or field[:1] not in tuple("=+-@") else "'" + field


def check_asked(product, golden, name, parameters, must_write):
    words = [f"{key}={value}" for key, value in parameters.items()]
    said = rows_of(product.run("report", name, *words, "--format", "csv").stdout)
    shell = rows_of(in_shell(product, name, parameters))
    if [[as_cell(field) for field in row] for row in shell] != (said if len(said) > 1 else []):
        raise AssertionError(f"the shell says {shell}, and pagemeter report {said}")
    path = os.path.join(GOLDEN, f"{golden}.csv")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(said)
    if must_write:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.getvalue())
    with open(path, encoding="utf-8") as file:
        wanted = file.read()
    if text.getvalue() != wanted:
        raise AssertionError(f"says {text.getvalue()!r}, and should say {wanted!r}")
    as_json = json.loads(product.run("report", name, *words, "--format", "json").stdout)
    if len(as_json) != len(said) - 1 or any(list(row) != said[0] for row in as_json):
        raise AssertionError(f"as JSON it is {as_json}")
    product.run("report", name, *words)


# ---- again, with Python's integers ----

PRICES = {"acme": ("EUR", "GiBh"), "beta": ("USD", "GBh")}


def rates(hour, vm):
    """Who owned it, and the nano-pennies of the hour, by what scene.py says."""
    owner = {A: "acme", B: "acme", C: "beta", D: "acme"}[vm]
    if vm == A and hour * HOUR >= scene.FEBRUARY_29 + 20 * HOUR:
        owner = "beta"
    default = 4210000000 if hour * HOUR < scene.JANUARY_31 + 23 * HOUR else 5000000000
    return owner, 1300000000 if owner == "beta" else default


def usage_of(product):
    connection = scene.open_both(product.store)
    try:
        return connection.execute("SELECT vm, hour, kib_s, kib_s_frac FROM usage_hour JOIN life USING (life)"
                                  " WHERE billed = 1").fetchall()
    finally:
        connection.close()


def check_price_change(product):
    then, other = collections.Counter(), collections.Counter()
    for vm, hour, kib_s, frac in usage_of(product):
        account, nano = rates(hour, vm)
        then[account] += (kib_s * 10**9 + frac) * nano
        other[account] += (kib_s * 10**9 + frac) * 5000000000
    text = product.run("report", "price_change", "nano_pennies=5000000000", "--format", "csv").stdout
    for row in csv.DictReader(io.StringIO(text)):
        penny = KIB_NS[row["unit"]] * 10**9
        wanted = (then[row["account"]] // penny, other[row["account"]] // penny)
        if (int(row["pennies"]), int(row["other_pennies"])) != wanted or PRICES[row["account"]] != (
                row["currency"], row["unit"]):
            raise AssertionError(f"{row} should have {wanted}")


def check_accounts(product):
    connection = scene.open_both(product.store)
    posted = connection.execute("SELECT account, sum(pennies) FROM ledger JOIN line USING (line)"
                                " GROUP BY account").fetchall()
    connection.close()
    for name in ("accounts", "top_charges"):
        total = collections.Counter()
        for row in csv.DictReader(io.StringIO(product.run("report", name, "--format", "csv").stdout)):
            total[row["account"]] += int(row["pennies"])
        if total != dict(posted):
            raise AssertionError(f"{name} adds up to {total}, the ledger to {posted}")


def check_usage_by_account(product):
    """Up to the last cut, since usage_hour ends there."""
    wanted = collections.Counter()
    rows = usage_of(product)
    end = max(hour for _, hour, _, _ in rows) + 1
    for vm, hour, kib_s, frac in rows:
        wanted[vm, rates(hour, vm)[0], hour] += kib_s * 10**9 + frac
    until = (EPOCH + datetime.timedelta(hours=end - 1)).strftime("%Y-%m-%dT%H")
    text = product.run("usage", "--by", "account,vm,hour", "--to", until, "--format", "csv").stdout
    lines = text.splitlines()
    if lines[0] != "vm,account,hour,kib_ns,gib_h,measured_ns,missing_ns,excluded_ns" or lines[1:] != sorted(lines[1:]):
        raise AssertionError(f"head or order: {lines[:3]}")
    got = collections.Counter()
    for row in csv.DictReader(io.StringIO(text)):
        hour = datetime.datetime.strptime(row["hour"], "%Y-%m-%dT%H:%M:%SZ") - EPOCH
        got[row["vm"], row["account"], hour // datetime.timedelta(hours=1)] += int(row["kib_ns"])
    wanted = {key: value for key, value in wanted.items() if key[2] < end - 1}
    if got != wanted:
        raise AssertionError(f"{sorted(set(got.items()) ^ set(wanted.items()))[:3]}")
    by_account = collections.Counter()
    for (_, account, _), value in wanted.items():
        by_account[account] += value
    text = product.run("usage", "--by", "account", "--to", until, "--format", "csv").stdout
    if {row["account"]: int(row["kib_ns"]) for row in csv.DictReader(io.StringIO(text))} != by_account:
        raise AssertionError(f"by account {text}, should be {by_account}")


def check_unowned(product):
    """Nobody's hours are `unassigned`; without billing.db all are."""
    text = product.run("usage", "--by", "account", "--format", "csv").stdout
    if [line.split(",")[0] for line in text.splitlines()] != ["account", "acme", "beta", "unassigned"]:
        raise AssertionError(text)
    os.rename(os.path.join(product.store, "billing.db"), os.path.join(product.store, "away.db"))
    try:
        text = product.run("usage", "--by", "account", "--format", "csv").stdout
        if [line.split(",")[0] for line in text.splitlines()] != ["account", "unassigned"]:
            raise AssertionError(text)
        done = product.run("report", "accounts", expect=3)
        if "needs billing.db" not in done.stderr:
            raise AssertionError(done.stderr)
        product.run("report", "gaps")
    finally:
        os.rename(os.path.join(product.store, "away.db"), os.path.join(product.store, "billing.db"))


def check_wrong_words(product):
    for words, said in ((["nothing"], "there is no report 'nothing'"), (["gaps", "month=1"], "has no parameter 'month'"),
                        (["gaps", "period"], "is no PARAMETER=VALUE"), (["gaps", "=1"], "is no PARAMETER=VALUE")):
        done = product.run("report", *words, expect=2)
        if said not in done.stderr:
            raise AssertionError(done.stderr)
    own = os.path.join(product.store, "own.sql")
    with open(own, "w", encoding="ascii") as file:
        file.write("-- own: a file of my own\nSELECT count(*) AS lines, :what AS what FROM line;\n")
    if product.run("report", own, "what=x", "--format", "csv").stdout != "lines,what\n13,x\n":
        raise AssertionError("a file of the user's own")
    with open(own, "w", encoding="ascii") as file:
        file.write("DELETE FROM line;\n")
    if "does not only read" not in product.run("report", own, expect=2).stderr:
        raise AssertionError("a file that writes is not refused")
    os.unlink(own)
    listed = product.run("report").stdout
    for pattern in ("reports/*.sql", "reports/billing/*.sql", "questions/*.sql", "questions/billing/*.sql"):
        for path in glob.glob(os.path.join(SQL, pattern)):
            name = os.path.basename(path)[:-4]
            if f"  {name} " not in listed or not any(name == asked[1] for asked in ASKED):
                raise AssertionError(f"{name} is not listed, or not asked here")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("bindir")
    options = parser.parse_args()
    passed = failed = 0

    def attempt(what, check, *values):
        nonlocal passed, failed
        try:
            check(*values)
            passed += 1
        except AssertionError as error:
            failed += 1
            print(f"FAIL {what}: {error}")

    with scene.store_of(options.bindir) as tidy, scene.store_of(options.bindir, untidy) as other:
        for golden, name, parameters, store in ASKED:
            attempt(golden, check_asked, tidy if store == "tidy" else other, golden, name, parameters, options.write)
        attempt("price_change again", check_price_change, tidy)
        attempt("accounts again", check_accounts, tidy)
        attempt("usage by account", check_usage_by_account, tidy)
        attempt("usage of nobody", check_unowned, other)
        attempt("words", check_wrong_words, tidy)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
