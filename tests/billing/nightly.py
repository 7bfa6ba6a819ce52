#!/usr/bin/env python3
"""pagemeter nightly: what is due is done, once; what fails is seen, and made up for the next night.

    nightly.py [--only WORD] BINDIR

Stores are metered up to the present, from the end of the month before the last one on. The last line
is "N passed, M failed".
"""

import argparse
import datetime
import fcntl
import json
import os
import re
import sys

sys.dont_write_bytecode = True
import audit
import scene
from scene import A, B, C, D, GIB, HOUR

UTC = datetime.timezone.utc
FORMATS = ["accountant", "focus", "journal", "json"]
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(UTC)


def first_of_month(moment, months):
    index = moment.year * 12 + moment.month - 1 + months
    return datetime.datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


BEFORE_LAST, LAST, THIS = (first_of_month(NOW, -2), first_of_month(NOW, -1), first_of_month(NOW, 0))


def ns(moment):
    return int(moment.timestamp()) * 10**9


def month(moment):
    return moment.strftime("%Y-%m")


def due(offset_h=0):
    """Months that are over for an hour; BEFORE_LAST always is."""
    over = datetime.timedelta(hours=1 - offset_h)
    return [month(BEFORE_LAST)] + ([month(LAST)] if NOW - THIS >= over else [])


def last_day(offset_h=0):
    return (NOW + datetime.timedelta(hours=min(offset_h, 0)) - DAY).strftime("%Y-%m-%d")


def metered(product, unowned=False, offset_h=0):
    trace = scene.Trace(1800 * scene.SECOND)
    trace.head()
    trace.utc = ns(LAST) - 48 * HOUR
    trace.domains |= {1: (A, 3 * GIB), 2: (B, 2 * GIB + 12), 3: (C, 9 * GIB)}
    trace.go(ns(LAST) - 10 * HOUR)
    del trace.domains[2]
    trace.go(ns(THIS) - 50 * HOUR)
    if unowned:
        trace.domains[4] = (D, GIB)
    trace.go(ns(NOW))
    product.replay(trace)
    product.run("account", "add", "acme", "--name", "Acme Ltd")
    product.run("account", "add", "beta", "--name", "Beta GmbH", "--offset", str(offset_h))
    product.run("tariff", "set", "default", "0.0421", "EUR/GiBh", "--from", "2020-01")
    for vm, account in ((A, "acme"), (B, "acme"), (C, "beta")):
        product.run("account", "assign", vm, account, "--from", "2020-01")


def night(product, *words, expect=0, provider=True):
    words = ["nightly", "--out", os.path.join(product.store, "out"), *words]
    done = product.run(*words, *(["--provider", "Host Ltd"] if provider else []), expect=expect)
    if (done.returncode == 3) != bool(done.stderr):
        raise AssertionError(f"exits with {done.returncode} and says {done.stderr!r}")
    return done


def table(product, sql):
    connection = scene.open_both(product.store)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def sealed(product):
    return [f"{1970 + row[0] // 12}-{row[0] % 12 + 1:02}" for row in table(product, "SELECT month FROM period ORDER BY 1")]


def made(done):
    """What it says that it exported, as format and period."""
    return sorted(re.findall(r"^(\w+) of ([\d-]+), \d+ lines", done.stdout, re.M))


def all_of(periods, formats=None):
    return sorted((name, period) for name in formats or FORMATS for period in periods)


def expect_made(done, wanted):
    if made(done) != wanted:
        raise AssertionError(f"made {made(done)}, and should have made {wanted}\n{done.stdout}")


def check_first_nights(product):
    """All that is due, then nothing any more."""
    metered(product)
    done = night(product)
    if sealed(product) != due():
        raise AssertionError(f"sealed are {sealed(product)}, due were {due()}")
    expect_made(done, all_of(due() + [last_day()]))
    names = set(os.listdir(os.path.join(product.store, "out")))
    for period in due() + [last_day()]:
        wanted = {f"manifest-{name}-{period}.json" for name in FORMATS}
        wanted |= {f"accountant-{period}.csv", f"bill-{period}.json", f"journal-{period}.journal", f"focus-{period}.csv"}
        if not wanted <= names:
            raise AssertionError(f"{wanted - names} are not there")
    if " 0 findings" not in done.stdout or "nothing more is due" not in done.stdout:
        raise AssertionError(done.stdout)
    night(product)  # posts what the seal handed on to lines that had less than a penny
    counts = "SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM period), (SELECT count(*) FROM export_run)"
    before = table(product, counts)
    done = night(product)
    expect_made(done, [])
    if table(product, counts) != before:
        raise AssertionError(f"another night changed {before} to {table(product, counts)}")
    with open(os.path.join(product.store, "out", f"manifest-json-{due()[0]}.json"), encoding="utf-8") as file:
        json.load(file)


def check_missed_nights(product):
    """Three nights did not happen: their days are made up for, once; the one that was made is not again."""
    metered(product)
    night(product)
    audit.spoil(product, "UPDATE export_run SET from_hour = from_hour - 72, to_hour = to_hour - 72,"
                " utc_ns = utc_ns - 72 * 3600000000000 WHERE to_hour - from_hour = 24;"
                "UPDATE change_log SET utc_ns = utc_ns - 72 * 3600000000000 WHERE what = 'nightly begins'").close()
    days = [(NOW - DAY * n).strftime("%Y-%m-%d") for n in (1, 2, 3)]
    expect_made(night(product), all_of(days))
    expect_made(night(product), [])


def check_late_host(product):
    """Half of yesterday is there at night: its files are of that half, and once more when the rest has come."""
    trace = scene.Trace(1800 * scene.SECOND)
    today = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    trace.head()
    trace.utc = ns(today) - 30 * HOUR
    trace.domains[1] = (A, 4 * GIB)
    trace.go(ns(today) - 12 * HOUR)
    product.replay(trace)
    product.run("account", "add", "acme", "--name", "Acme Ltd")
    product.run("tariff", "set", "default", "0.0421", "EUR/GiBh", "--from", "2020-01")
    product.run("account", "assign", A, "acme", "--from", "2020-01")

    def of_day(rest):
        with open(os.path.join(product.store, "out", f"bill-{last_day()}.json"), encoding="utf-8") as file:
            hours = sum(int(line["measured_ns"]) for line in json.load(file)["lines"]) // HOUR
        if hours != rest:
            raise AssertionError(f"{last_day()} has {hours} hours, and {rest} were measured")

    done = night(product, expect=None)  # a month that ended yesterday is refused
    wanted = [one for one in all_of([last_day()]) if one in made(done)]
    if wanted != all_of([last_day()]) or "1 days are not all there" not in done.stdout:
        raise AssertionError(done.stdout)
    of_day(12)
    done = night(product, expect=None)
    if all_of([last_day()])[0] in made(done) or "1 days are not all there" not in done.stdout:
        raise AssertionError(f"nothing has come, and it is made again: {done.stdout}")
    trace.head()
    trace.go(ns(today))
    product.replay(trace)
    done = night(product, expect=None)
    if not set(all_of([last_day()])) <= set(made(done)) or "not all there" in done.stdout:
        raise AssertionError(done.stdout)
    of_day(24)
    if set(all_of([last_day()])) & set(made(night(product, expect=None))):
        raise AssertionError("it is made each night")


def check_month_not_exported(product):
    """A month that was closed by hand, and one that was exported while it was open."""
    metered(product)
    product.run("charge")
    product.run("export", "journal", "--period", due()[0], "--out", os.path.join(product.store, "out"))
    product.run("close", due()[0])
    product.run("export", "json", "--period", due()[0], "--out", os.path.join(product.store, "out"))
    wanted = all_of(due() + [last_day()])
    wanted.remove(("json", due()[0]))
    expect_made(night(product), wanted)


def check_findings(product):
    metered(product)
    night(product)
    audit.spoil(product, "UPDATE line SET n_low = n_low + 1 WHERE line = 1").close()
    done = night(product, expect=1)
    if "rated_priced                 DOES NOT HOLD" not in done.stdout or "holds" in done.stdout:
        raise AssertionError(done.stdout)


def check_without_key(product):
    """No key: nothing is charged or closed, and days wait; months that are sealed do not."""
    metered(product)
    product.run("charge")
    product.run("close", due()[0])
    key = os.path.join(product.store, "ledger.key")
    os.rename(key, key + ".away")
    done = night(product, expect=3)
    expect_made(done, all_of(due()[:1]))
    for said in ("charge    FAILED", "close     FAILED", "days wait until all is charged", "chain", "0 findings"):
        if said not in done.stdout:
            raise AssertionError(f"does not say {said!r}: {done.stdout}")
    if "pagemeter: charge: " not in done.stderr:
        raise AssertionError(done.stderr)
    os.rename(key + ".away", key)
    expect_made(night(product), all_of(due()[1:] + [last_day()]))


def check_without_owner(product):
    """A month that can't be closed fails each night, visibly, until somebody owns the VM."""
    metered(product, unowned=True)
    if len(due()) == 1:
        return
    for _ in range(2):
        done = night(product, expect=3)
        if "close     FAILED" not in done.stdout or "have no owner" not in done.stderr:
            raise AssertionError(done.stdout + done.stderr)
        if "pagemeter report vms_without_owner" not in done.stdout or "some usage has no owner" not in done.stdout:
            raise AssertionError(done.stdout)
        if sealed(product) != due()[:1]:
            raise AssertionError(f"sealed are {sealed(product)}")
    product.run("account", "assign", D, "beta", "--from", "2020-01")
    expect_made(night(product), all_of(due()[1:]))


def check_out_is_no_directory(product):
    metered(product)
    blocked = os.path.join(product.store, "file")
    open(blocked, "w", encoding="ascii").close()
    done = night(product, "--out", blocked, expect=3)
    expect_made(done, [])
    if "export    FAILED" not in done.stdout or " 0 findings" not in done.stdout or sealed(product) != due():
        raise AssertionError(done.stdout)
    expect_made(night(product), all_of(due() + [last_day()]))


def check_without_provider(product):
    metered(product)
    done = night(product, provider=False)
    expect_made(done, all_of(due() + [last_day()], ["accountant", "journal", "json"]))
    if "--provider NAME" not in done.stdout:
        raise AssertionError(done.stdout)
    expect_made(night(product), all_of(due() + [last_day()], ["focus"]))


def check_west_of_utc(product):
    """A day is over when it is by everybody's clock; so is a month."""
    metered(product, offset_h=-12)
    expect_made(night(product), all_of(due(-12) + [last_day(-12)]))


def check_not_due(product):
    metered(product)
    done = night(product, "--wait", "90d")
    if sealed(product):
        raise AssertionError(f"sealed are {sealed(product)}")
    expect_made(done, all_of([last_day()]))


def check_nothing_is_billed(product):
    """Without billing.db it audits, and makes none."""
    trace = scene.Trace()
    trace.head()
    trace.utc = scene.JANUARY_31
    trace.domains[1] = (A, GIB)
    trace.go(trace.utc + HOUR)
    product.replay(trace)
    done = night(product)
    if "there is no billing.db here" not in done.stdout or os.path.exists(os.path.join(product.store, "billing.db")):
        raise AssertionError(done.stdout)


def check_nothing_was_used(product):
    """Accounts, and no usage of theirs: nothing is closed."""
    trace = scene.Trace()
    trace.head()
    trace.utc = scene.JANUARY_31
    trace.go(trace.utc + 3 * HOUR)
    product.replay(trace)
    product.run("account", "add", "acme", "--name", "Acme Ltd")
    night(product)
    if sealed(product):
        raise AssertionError(f"sealed are {sealed(product)}")


def check_two_at_once(product):
    metered(product)
    with open(os.path.join(product.store, "nightly.lock"), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if "another pagemeter nightly" not in night(product, expect=3).stderr:
            raise AssertionError("not refused")
    night(product)


def check_words(product):
    product.run("nightly", "word", expect=2)
    product.run("nightly", "--wait", "soon", expect=2)
    product.run("nightly", "--locale", "xx", expect=2)
    product.run("nightly", expect=3)


CHECKS = [check_first_nights, check_missed_nights, check_late_host, check_month_not_exported, check_findings,
          check_without_key, check_without_owner, check_out_is_no_directory, check_without_provider, check_west_of_utc, check_not_due,
          check_nothing_is_billed, check_nothing_was_used, check_two_at_once, check_words]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("bindir")
    options = parser.parse_args()
    passed = failed = 0
    for check in CHECKS:
        if options.only not in check.__name__:
            continue
        with scene.store_of(options.bindir, lambda product: None) as product:
            try:
                check(product)
                passed += 1
            except AssertionError as error:
                failed += 1
                print(f"FAIL {check.__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
