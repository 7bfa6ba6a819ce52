#!/usr/bin/env python3
"""Each audit of money finds what it is for, and none finds anything in sound books.

    audit.py [--only WORD] BINDIR

A store with books is made (scene.py). `pagemeter audit` and each file of sql/audit/billing, in the
sqlite3 shell as it is, must find nothing in it, after each step of its story too. Then, in copies,
something is spoilt behind the back of the triggers, one thing at a time; the audit that is for it
must find it, `pagemeter audit` must exit with 1, and the file must say the same in the shell. Each
file must have a spoiling of its own. The last line is "N passed, M failed".
"""

import argparse
import csv
import glob
import io
import os
import random
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
import scene
from scene import A, B, D, HOST

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = sorted(glob.glob(os.path.join(HERE, "..", "..", "sql", "audit", "billing", "*.sql")))
NAMES = [os.path.basename(file)[:-4] for file in FILES]
OTHER_HASH = "hash = CASE substr(hash, 1, 1) WHEN 'e' THEN 'f' ELSE 'e' END || substr(hash, 2)"
OTHER = "0f0f0f0f-0000-4000-8000-00000000000f"

# What is spoilt, in SQL, and the audits that must find it. Lines are named as in scene.py: 1, 2, 3 are
# of January, 4, 5, 8 of February, 9 to 13 of March, which is open; 6, 7 and 12 are acme's pools.
SPOILT = [
    ("a penny more is posted than entered", "UPDATE line SET posted = posted + 1 WHERE line = 10", "ledger_whole"),
    ("a penny less, in a sealed line", "UPDATE line SET posted = posted - 1 WHERE line = 4", "ledger_whole line_sums"),
    ("a penny was posted that is not due, in both places",
     "UPDATE line SET posted = posted + 1 WHERE line = 1; UPDATE ledger SET pennies = pennies + 1 WHERE entry = 1",
     "line_sums carry_handed_on money_conserved chain"),
    ("a penny that is due was not posted, in neither place",
     "UPDATE line SET posted = posted - 1 WHERE line = 8; UPDATE ledger SET pennies = pennies - 1 WHERE entry = 9",
     "line_sums carry_handed_on money_conserved chain"),
    ("much was posted in an open line",
     "UPDATE line SET posted = posted + 40 WHERE line = 10; UPDATE ledger SET pennies = pennies + 40 WHERE entry = 15",
     "line_sums chain"),
    ("little was posted in an open line",
     "UPDATE line SET posted = posted - 40 WHERE line = 10; UPDATE ledger SET pennies = pennies - 40 WHERE entry = 15",
     "line_sums chain"),
    ("n of an open line is the least too much", "UPDATE line SET n_low = n_low + 1 WHERE line = 11", "usage_priced"),
    ("n of an open line is much too little", "UPDATE line SET n_high = n_high - 1 WHERE line = 13",
     "usage_priced money_conserved"),
    ("what one line lacks another has, in open lines",
     "UPDATE line SET n_high = n_high + CASE line WHEN 9 THEN 5 ELSE -5 END WHERE line IN (9, 10)", "usage_priced"),
    ("an open line was forgotten", "DELETE FROM ledger WHERE line = 13; DELETE FROM adjustment WHERE line = 13;"
     "DELETE FROM line WHERE line = 13", "usage_priced money_conserved ledger_whole"),
    ("n of a sealed line", "UPDATE line SET n_low = n_low + 1 WHERE line = 5", "rated_priced carry_handed_on"),
    ("what an open line carries in", "UPDATE line SET carry_in_middle = carry_in_middle + 1 WHERE line = 9",
     "carry_handed_on money_conserved"),
    ("what a sealed line carries in", "UPDATE line SET carry_in_low = carry_in_low + 1 WHERE line = 5", "carry_handed_on"),
    ("an hour was rated higher", "UPDATE rated SET kib_s_frac = kib_s_frac + 1 WHERE line = 1 AND hour = 474090",
     "rated_priced usage_billed"),
    ("two hours were rated as each other", "UPDATE rated SET kib_s = kib_s + CASE hour WHEN 474092 THEN 7 ELSE -7 END"
     " WHERE line = 3 AND hour IN (474091, 474092)", "usage_billed"),
    ("an hour was not rated", "DELETE FROM rated WHERE line = 4 AND hour = 474100", "rated_priced usage_billed"),
    ("an hour was rated at another price", "UPDATE rated SET nano_pennies = nano_pennies + 1 WHERE line = 4 AND hour = 474790",
     "rated_priced usage_billed"),
    ("an hour of another month was rated", "UPDATE rated SET hour = 474900 WHERE line = 5 AND hour = 474788",
     "periods_whole usage_billed"),
    ("a month that is open was rated", "INSERT INTO rated VALUES (10, 474800, 5000000000, 0, 0, 0, 0, 0)", "periods_whole"),
    ("an hour shows more missing time", "UPDATE rated SET missing_ns = missing_ns + 1 WHERE line = 4 AND hour = 474100",
     "rated_times"),
    ("a VM that ended shows an hour more", "UPDATE rated SET measured_ns = 3600000000001 WHERE line = 2 AND hour = 474091",
     "rated_times"),
    ("an adjustment is gone", "DELETE FROM adjustment WHERE adjustment = 3", "rated_priced usage_billed"),
    ("an adjustment of an open line is gone", "DELETE FROM adjustment WHERE adjustment = 4", "usage_priced usage_billed"),
    ("an adjustment of an hour that is open", "UPDATE adjustment SET hour = 474900 WHERE adjustment = 5", "adjustments_late"),
    ("an adjustment in the first month of all", "UPDATE adjustment SET line = 1 WHERE adjustment = 1", "adjustments_late"),
    ("an adjustment of a pool", "UPDATE adjustment SET line = 12 WHERE adjustment = 9", "books_orphans"),
    ("an entry was changed", "UPDATE ledger SET utc_ns = utc_ns + 1 WHERE entry = 5", "chain"),
    ("an entry's hash was changed", f"UPDATE ledger SET {OTHER_HASH} WHERE entry = 5", "chain"),
    ("an entry's hash is none", "UPDATE ledger SET hash = replace(hash, substr(hash, 1, 1), 'g') WHERE entry = 5", "chain"),
    ("an entry was taken out", "DELETE FROM ledger WHERE entry = 3; UPDATE line SET posted = 0 WHERE line = 3",
     "ledger_whole chain"),
    ("an entry was taken out, and the others moved up",
     "DELETE FROM ledger WHERE entry = 3; UPDATE line SET posted = 0 WHERE line = 3;"
     "UPDATE ledger SET entry = -entry WHERE entry > 3; UPDATE ledger SET entry = -entry - 1 WHERE entry < 0;"
     "UPDATE period SET entry = entry - 1", "line_sums carry_handed_on money_conserved chain"),
    ("the ledger's tail was cut", "UPDATE line SET posted = posted - 47 WHERE line = 11; DELETE FROM ledger WHERE entry = 17",
     "line_sums exports_match"),
    ("an entry came behind a seal", "UPDATE ledger SET line = 2 WHERE entry = 17; UPDATE line SET posted = posted + 47"
     " WHERE line = 2; UPDATE line SET posted = posted - 47 WHERE line = 11", "ledger_whole line_sums chain"),
    ("a seal names an entry that is not there", "UPDATE period SET entry = 99 WHERE month = 649", "ledger_whole"),
    ("a transfer moves more than comes", "UPDATE ledger SET middle = middle + 1 WHERE entry = 7",
     "transfers_balance carry_handed_on chain"),
    ("a transfer in an open month", "UPDATE ledger SET line = 12 WHERE entry = 7", "ledger_whole transfers_balance chain"),
    ("a month between two that are sealed is open", "UPDATE period SET month = 647 WHERE month = 648", "periods_whole"),
    ("the last seal was broken", "DELETE FROM period WHERE month = 649", "periods_whole"),
    ("the first seal was broken", "DELETE FROM period WHERE month = 648", "periods_whole"),
    ("usage was changed", "UPDATE meter.usage_hour SET kib_s = kib_s + 1 WHERE hour = 474100",
     "usage_hour usage_billed money_conserved"),
    ("usage of an open month was changed", "UPDATE meter.usage_hour SET kib_s = kib_s - 1 WHERE hour = 474796",
     "usage_hour usage_priced money_conserved"),
    ("an owner was forgotten", f"DELETE FROM vm_owner WHERE vm = '{D}'", "usage_billed usage_priced money_conserved"),
    ("an owner was said behind the back", f"INSERT INTO vm_owner VALUES ('{D}', 474800, 1, 'beta')",
     "usage_priced money_conserved"),
    ("an owner of sealed hours was said behind the back", f"INSERT INTO vm_owner VALUES ('{B}', 473352, 9, 'beta')",
     "usage_billed money_conserved"),
    ("a price was said behind the back", "INSERT INTO tariff VALUES ('acme', 474780, 1, 1, 'EUR', 'GiBh')",
     "usage_billed usage_priced money_conserved"),
    ("a price was changed", "UPDATE tariff SET nano_pennies = nano_pennies + 1 WHERE account = 'beta'",
     "usage_billed usage_priced money_conserved"),
    ("it was charged up to a tick that is no cut", "UPDATE charged SET tick = tick - 1", "charged_cut"),
    ("it was charged beyond what is derived", "UPDATE charged SET tick = tick + 2", "charged_cut"),
    ("nobody says how far it was charged", "DELETE FROM charged", "books_orphans"),
    ("another host was charged", f"INSERT INTO charged SELECT '{OTHER}', store, tick, NULL, 0, 0, 0, 0 FROM charged",
     "books_orphans"),
    ("another store was charged", f"UPDATE charged SET store = '{OTHER}'", "stores_apart"),
    ("an entry is of another host", f"UPDATE ledger SET host = '{OTHER}' WHERE entry = 16", "stores_apart chain"),
    ("an entry is of another store's tick", "UPDATE ledger SET tick = 100000 WHERE entry = 17", "stores_apart chain"),
    ("a line of a VM that never was", f"UPDATE line SET vm = '{OTHER}' WHERE line = 10", "books_orphans usage_priced chain"),
    ("a price of an account that is not there", "INSERT INTO tariff VALUES ('gone', 0, 1, 1, 'EUR', 'GiBh')", "books_orphans"),
    ("a pool was rated", "INSERT INTO rated VALUES (6, 474090, 0, 0, 0, 0, 0, 0)", "books_orphans"),
    ("a row belongs to a line that is not there", "UPDATE rated SET line = 99 WHERE line = 2", "books_whole"),
    ("an export named another hash", f"UPDATE export_run SET {OTHER_HASH} WHERE entry = 17", "exports_match"),
    ("an export named a hash before there was an entry", f"UPDATE export_run SET {OTHER_HASH} WHERE entry = 0", "exports_match"),
    ("a trigger is gone", "DROP TRIGGER ledger_kept", "books_schema"),
]

# As exports note them: the head of the ledger, and that of an empty one.
EXPORTS = ("INSERT INTO export_run SELECT NULL, 0, 'accountant', 474000, 474024, 'x', entry, hash, 1, 'y'"
           " FROM ledger WHERE entry = 17;"
           "INSERT INTO export_run VALUES (NULL, 0, 'json', 474000, 474024, 'x', 0, '" + "0" * 64 + "', 1, 'y')")


def behind_the_back(connection, sql):
    """With no trigger and no foreign key in the way; they are there again afterwards."""
    connection.execute("PRAGMA foreign_keys = OFF")
    triggers = [(schema, row[0], row[1]) for schema in ("main", "meter") for row in connection.execute(
        f"SELECT name, sql FROM {schema}.sqlite_master WHERE type = 'trigger'")]
    dropped = sql.partition("DROP TRIGGER ")[2]
    for schema, name, _ in triggers:
        connection.execute(f"DROP TRIGGER {schema}.{name}")
    if not dropped:
        connection.executescript(sql)
    for schema, name, text in triggers:
        if name != dropped:
            connection.execute(text.replace(f"TRIGGER {name}", f"TRIGGER {schema}.{name}", 1))


def spoil(product, sql):
    """The connection is the caller's to close: while it is open the log stays where readers need it."""
    connection = scene.open_db(os.path.join(product.store, "billing.db"), "rw")
    connection.execute(f"ATTACH 'file:{product.store}/meter.db?mode=rw' AS meter")
    behind_the_back(connection, sql)
    return connection


def audit(product):
    """The names of those that find something."""
    done = product.run("audit", "--format", "csv", expect=None)
    if done.returncode not in (0, 1):
        raise AssertionError(f"audit exits with {done.returncode}: {done.stderr}")
    found = {row["audit"] for row in csv.DictReader(io.StringIO(done.stdout))}
    if (done.returncode == 1) != bool(found):
        raise AssertionError(f"audit exits with {done.returncode}, and finds {found}")
    return found


def shell(product):
    """The same of the files alone, each in the sqlite3 shell as docs/store.md says."""
    found = set()
    for name, file in zip(NAMES, FILES):
        done = subprocess.run(["sqlite3", "-readonly", f"{product.store}/billing.db",
                               f"ATTACH 'file:{product.store}/meter.db?mode=ro' AS meter", f".read {file}"],
                              capture_output=True, text=True, timeout=60)
        if done.returncode or done.stderr:
            raise AssertionError(f"{name} fails in the shell: {done.stderr}")
        if done.stdout:
            found.add(name)
    return found


def must_be_sound(product, what):
    found = audit(product)
    if found or shell(product):
        raise AssertionError(f"{what}: {found or shell(product)}")


class Steps(scene.Product):
    """Audits after each step of a story."""

    def run(self, *words, expect=0):
        done = super().run(*words, expect=expect)
        if words[0] not in ("audit", "replay") and os.path.exists(os.path.join(self.store, "meter.db")):
            found = audit(self)
            if found:
                raise AssertionError(f"after {' '.join(map(str, words))}: {found}")
        return done


def check_story(product):
    place = os.path.join(product.store, "..", "steps")
    scene.make(Steps(os.path.dirname(product.program), place))


def check_key(product):
    """Without its key the chain is not checked, and that is said; with another it does not hold."""
    key = os.path.join(product.store, "ledger.key")
    elsewhere = key + ".away"
    os.rename(key, elsewhere)
    done = product.run("audit")
    assert "chain                        NOT CHECKED" in done.stdout, done.stdout
    assert "was not checked" in product.run("audit", "--format", "json").stderr
    assert "chain                        holds" in product.run("audit", "--key", elsewhere).stdout
    with open(key, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write("0" * 64 + "\n")
    done = product.run("audit", expect=1)
    assert "entry=1 finding=does not follow from the entry before it, by this key" in done.stdout, done.stdout
    product.run("audit", "--key", os.path.join(product.store, "none"), expect=3)


def check_without_books(product):
    os.unlink(os.path.join(product.store, "billing.db"))
    assert "books_schema" not in product.run("audit").stdout


def check_not_yet_charged(product):
    """Usage behind the last charge, and what was said since, are no findings; too much charged is one."""
    trace = scene.Trace()
    trace.seq, trace.mono, trace.utc = 500, 10**16, scene.FEBRUARY_29 + 45 * scene.HOUR
    trace.domains[4] = (D, 6 * scene.GIB)
    trace.head()
    trace.go(trace.utc + 3 * scene.HOUR)
    product.replay(trace)
    must_be_sound(product, "more was measured")
    product.run("account", "assign", D, "beta", "--from", "2024-01")
    must_be_sound(product, "an owner was said")
    product.run("charge")
    must_be_sound(product, "all was charged")
    spoil(product, "UPDATE charged SET tick = (SELECT min(tick) FROM hour_cut WHERE hour = 474796)").close()
    product.run("charge", expect=None)
    found = audit(product)
    assert "usage_priced" in found, found


def check_restored(product):
    """After a restore the next charge makes all anew."""
    backup = product.store + ".backup"
    product.run("backup", backup)
    trace = scene.Trace()
    trace.seq, trace.mono, trace.utc = 500, 10**16, scene.FEBRUARY_29 + 45 * scene.HOUR
    trace.domains[4] = (D, 6 * scene.GIB)
    trace.head()
    trace.go(trace.utc + 3 * scene.HOUR)
    product.replay(trace)
    product.run("charge")
    for name in ("meter.db", "meter.db-wal", "meter.db-shm"):
        if os.path.exists(os.path.join(product.store, name)):
            os.rename(os.path.join(product.store, name), os.path.join(product.store, name + ".lost"))
    product.run("restore", backup)
    must_be_sound(product, "restored, and not charged yet")
    product.run("charge")
    must_be_sound(product, "restored and charged")


def in_exports(product, status=1):
    """What audit --exports finds in them."""
    done = product.run("audit", "--exports", os.path.join(product.store, "out"), "--format", "csv", expect=None)
    if done.returncode != status:
        raise AssertionError(f"audit --exports exits with {done.returncode}: {done.stdout} {done.stderr}")
    return [row["finding"] for row in csv.DictReader(io.StringIO(done.stdout)) if row["audit"] == "export_manifest"]


def expect_in_exports(product, *wanted):
    got = in_exports(product)
    if len(got) != len(wanted) or not all(part in text for part, text in zip(wanted, got)):
        raise AssertionError(f"exports: {got}, and not {wanted}")


def check_exports(product):
    """Files, manifests and the ledger say the same; who kept a manifest finds a ledger that was cut."""
    out = os.path.join(product.store, "out")
    for name, period in (("accountant", "2024-01"), ("json", "2024-02"), ("journal", "2024-03"), ("json", "2024-02-29")):
        product.run("export", name, "--period", period, "--out", out)
    assert in_exports(product, 0) == []
    bill, kept = os.path.join(out, "bill-2024-02.json"), os.path.join(out, "kept")
    os.rename(bill, kept)
    expect_in_exports(product, "file=bill-2024-02.json finding=is not there")
    with open(kept, encoding="utf-8") as file:
        text = file.read()
    with open(bill, "w", encoding="utf-8") as file:
        file.write(text.replace("3.04", "3.05"))
    expect_in_exports(product, "file=bill-2024-02.json finding=is not what its manifest says")
    os.rename(kept, bill)
    manifest = os.path.join(out, "manifest-json-2024-02.json")
    with open(manifest, encoding="utf-8") as file:
        text = file.read()
    with open(manifest, "w", encoding="utf-8") as file:
        file.write(text.replace('"posted_pennies": "333"', '"posted_pennies": "334"'))
    expect_in_exports(product, "13 is not noted in billing.db", "334 pennies EUR per GiBh does it name, and the ledger has 333")
    with open(manifest, "w", encoding="utf-8") as file:
        file.write("[]")
    expect_in_exports(product, "file=manifest-json-2024-02.json finding=is no manifest")
    with open(manifest, "w", encoding="utf-8") as file:
        file.write(text)
    assert in_exports(product, 0) == []
    connection = spoil(product, "DELETE FROM ledger WHERE entry = 17; DELETE FROM export_run WHERE entry = 17;"
                       "UPDATE line SET posted = posted - 47 WHERE line = 11;"
                       f"UPDATE ledger SET {OTHER_HASH} WHERE entry = 7")
    expect_in_exports(product, "file=manifest-accountant-2024-01.json finding=7 names another hash",
                      "finding=17 is not noted", "finding=17 names an entry that the ledger does not have",
                      "finding=327 pennies USD per GBh does it name, and the ledger has 280")
    connection.close()
    product.run("audit", "--exports", os.path.join(out, "none"), expect=3)


def limbs(value):
    high, rest = divmod(value, 10**24)
    return high, rest // 10**12, rest % 10**12


def check_limbs(_):
    """The arithmetic of the audits against Python's integers, up to the limits: exact, and not 1 off."""
    pick = random.Random(4)
    with open(FILES[NAMES.index("rated_priced")], encoding="utf-8") as file:
        rated_priced = file.read()
    db = sqlite3.connect(":memory:")
    db.executescript("CREATE TABLE line (line, account, vm, currency, unit, month, n_high, n_middle, n_low);"
                     "CREATE TABLE rated (line, hour, nano_pennies, kib_s, kib_s_frac);"
                     "CREATE TABLE adjustment (line, hour, nano_pennies, kib_s, kib_s_frac);"
                     "CREATE TABLE period (month); INSERT INTO period VALUES (1)")
    wrong = []
    for line in range(1, 400):
        rows = []
        for _ in range(pick.choice([1, 1, 2, 5])):
            size = pick.choice([1, 2, 10**9, 2**31, 2**61 // 5, 2**63 // 5 - 1])
            kib_s, frac = pick.choice([size, -size, pick.randrange(-size, size + 1)]), pick.choice([0, 1, 10**9 - 1])
            rows.append((line, pick.choice([0, 1, 999999, 10**6, 10**11, 10**11 - 1, pick.randrange(10**11)]), kib_s, frac))
        n = sum((kib_s * 10**9 + frac) * nano for _, nano, kib_s, frac in rows)
        off = pick.choice([0, 0, 1, -1, 10**12, -10**24])
        wrong += [line] if off else []
        db.executemany("INSERT INTO adjustment VALUES (?, 0, ?, ?, ?)", rows)
        db.execute("INSERT INTO line VALUES (?, 'a', 'v', 'EUR', 'GiBh', 1, ?, ?, ?)", (line, *limbs(n - off)))
        found = [row for row in db.execute(rated_priced) if row[0] == line]
        got = found[0][7] * 10**24 + found[0][8] * 10**12 + found[0][9] if found else 0
        if got != off:
            raise AssertionError(f"{rows}: found {got}, and it is {off}")
    assert [row[0] for row in db.execute(rated_priced)] == wrong
    db.close()


CHECKS = [("steps", check_story), ("limbs", check_limbs), ("exports", check_exports), ("key", check_key), ("without books", check_without_books),
          ("not yet charged", check_not_yet_charged), ("restored", check_restored)]


def check_spoilt(product, sql, wanted):
    spoil(product, EXPORTS).close()
    connection = spoil(product, sql)
    try:
        found = audit(product)
        if not wanted <= found:
            raise AssertionError(f"not found by {wanted - found}, but by {found or 'none'}")
        in_shell = shell(product)
        if in_shell != found & set(NAMES):
            raise AssertionError(f"in the shell it is found by {in_shell}, else by {found}")
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("bindir")
    options = parser.parse_args()
    passed = failed = 0

    def attempt(what, check):
        nonlocal passed, failed
        if options.only not in what:
            return
        try:
            check()
            passed += 1
        except AssertionError as error:
            failed += 1
            print(f"FAIL {what}: {error}")

    with scene.store_of(options.bindir) as sound:
        attempt("sound", lambda: must_be_sound(sound, "sound books"))
        for what, check in CHECKS:
            with scene.copy_of(sound) as copy:
                attempt(what, lambda: check(copy))
        for what, sql, wanted in SPOILT:
            with scene.copy_of(sound) as copy:
                attempt(what, lambda: check_spoilt(copy, sql, set(wanted.split())))
    for name in NAMES:
        if not any(name in wanted.split() for _, _, wanted in SPOILT):
            failed += 1
            print(f"FAIL {name}: nothing is spoilt for it")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
