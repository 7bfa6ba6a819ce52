"""Cases of billing that random histories hardly meet, each lived through with the program.

A case gets a Life (run.py) whose history has no steps: a host that runs three VMs around the end of
a month.
"""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import time

import books as oracle
from books import Measured, Wrong
from history import HOST, HOUR, MAX_GAP, PERIOD, STORE, hour_text, month_start, month_text

MONTH = 12 * 52  # 2022-01
VM = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
OTHER = "bbbbbbbb-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
THIRD = "cccccccc-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
BOOT = "0b0b0b0b-0000-4000-8000-00000000000b"
END = month_start(MONTH + 1)


class FixedTrace:
    """
    Ticks each ten minutes from 20 hours before the end of a month to 30 hours after it. VM is always
    there, OTHER ends, THIRD ends and returns. The clock may be set back by two days, and VM reboot.
    """

    def __init__(self, end=END, back_at=1000, reboot_every=1000):
        self.vms = [VM, OTHER, THIRD]
        self.pieces = []
        for seq in range(1, 50 * 6):
            utc = (end - 20 - 48 * (seq >= back_at)) * HOUR + seq * 600 * 10**9
            there = [vm for vm in self.vms
                     if not (vm == OTHER and seq > 100) and not (vm == THIRD and 100 < seq <= 200)]
            self.pieces.append(f"T {seq} {seq * 600 * 10**9} {utc} 1000 s 1000000 0 {len(there)}\n" + "".join(
                f"D {1 + self.vms.index(vm) + 10 * (seq > 200)} {vm} {3_000_001 + self.vms.index(vm)} 8000000 0 r 1\n"
                if vm == THIRD else f"D {1 + self.vms.index(vm) + 100 * (seq // reboot_every) * (vm == VM)} {vm} 3000001 8000000 0 r 1\n"
                for vm in there))
        self.boot_at = [BOOT] * len(self.pieces)

    def text(self, start, end):
        return f"P 1 {HOST} {STORE} {BOOT} {PERIOD} {MAX_GAP}\n" + "".join(self.pieces[start:end])


class FixedHistory:
    def __init__(self, **how):
        self.trace = FixedTrace(**how)


def begin(life, without=None):
    """Everybody owned and priced, but for one."""
    life.do_account("a0", 0)
    life.do_account("a1", 1)
    life.do_tariff("default", "0.0421", "EUR/GiBh", 0)
    for vm in life.history.trace.vms:
        if vm != without:
            life.do_assign(vm, "a0", 0, False)


def must_say(what, text):
    if what not in text:
        raise Wrong("told", f"should say '{what}', and says {text}")


def a_tariff_of_nobody_is_refused(life):
    begin(life)
    life.do_replay(120)
    _, text = life.product.run("tariff", "set", "nobody", "0.01", "EUR/GiBh", "--from", "2022-01-01", expect=(2, 3))
    must_say("nobody", text)
    life.must_be_unchanged("a tariff that was refused")
    life.do_charge(1)


def an_account_is_added_once(life):
    begin(life)
    _, text = life.product.run("account", "add", "a0", "--name", "again", expect=(2, 3))
    must_say("there is an account 'a0' already", text)
    life.must_be_unchanged("an account that was refused")


def a_command_waits_for_the_one_before(life):
    """As long as it takes, and longer than SQLite itself would wait."""
    begin(life)
    life.do_replay(120)
    with open(os.path.join(life.product.store, "billing.lock"), "r+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = sqlite3.connect(os.path.join(life.product.store, "billing.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = life.product.start("charge")
        time.sleep(2)
        if waiting.poll() is not None:
            life.product.finish(waiting, ["charge"])
        other.execute("ROLLBACK")
        its_turn_ns = time.time_ns()
    life.product.finish(waiting, ["charge"])
    other.close()
    life.look()
    life.check_charged()
    if life.books.ledger[0].utc_ns < its_turn_ns:
        raise Wrong("time", "a posting bears the time before its turn: the ledger's times could go back")


def another_key_is_refused(life):
    begin(life)
    life.do_replay(120)
    life.do_charge(1)
    life.do_replay(200)
    key = os.path.join(life.product.store, "ledger.key")
    shutil.copy(key, key + ".kept")
    with open(key, "w", encoding="ascii") as file:
        file.write("0123456789abcdef" * 4 + "\n")
    _, text = life.product.run("charge", expect=(3,))
    must_say("key", text)
    life.must_be_unchanged("a charge with another key")
    os.replace(key + ".kept", key)
    life.do_charge(1)


def a_lost_key_is_not_made_anew(life):
    begin(life)
    life.do_replay(120)
    life.do_charge(1)
    life.do_replay(200)
    key = os.path.join(life.product.store, "ledger.key")
    os.rename(key, key + ".kept")
    life.product.run("charge", expect=(3,))
    if os.path.exists(key):
        raise Wrong("key", "it was made anew, and the ledger has entries")
    life.must_be_unchanged("a charge without its key")
    os.replace(key + ".kept", key)
    life.do_charge(1)


def what_was_not_measured_is_not_sealed(life):
    """A line's n that is not its usage: somebody changed the database."""
    begin(life)
    life.do_replay(299)
    life.do_charge(1)
    other = sqlite3.connect(os.path.join(life.product.store, "billing.db"), isolation_level=None)
    other.execute("UPDATE line SET n_high = n_high + 1 WHERE vm = ? AND month = ?", (VM, MONTH))
    other.execute("PRAGMA wal_checkpoint")
    before = oracle.dump(life.product.store)
    _, text = life.product.run("close", "2022-01", expect=(3,))
    must_say("is not what was measured", text)
    if before != oracle.dump(life.product.store):
        raise Wrong("unchanged", "a close that was refused changed something")
    other.close()


def a_month_that_nobody_owns_is_not_skipped(life):
    life.do_account("a0", 0)
    life.do_tariff("default", "0.0421", "EUR/GiBh", 0)
    life.do_assign(VM, "a0", END, True)
    life.do_assign(OTHER, "a0", END, True)
    life.do_assign(THIRD, "a0", END, True)
    life.do_replay(299)
    _, text = life.product.run("close", "2022-02", "--force", expect=(3,))
    must_say("2022-01 is to be closed first", text)


def a_month_before_all_usage_is_not_the_first_that_is_sealed(life):
    """A year that was mistyped would have to be followed by every month since."""
    begin(life)
    life.do_replay(299)
    _, text = life.product.run("close", "2012-01", expect=(3,))
    must_say("nothing was used in it", text)
    life.look()
    if life.books.periods:
        raise Wrong("close", "a month in which nothing was used is the first that is sealed")
    life.do_close(MONTH, False)


def restore(life, back_to):
    """The backup in place of meter.db, as an operator would."""
    for name in os.listdir(life.product.store):
        if name.startswith("meter."):
            os.unlink(os.path.join(life.product.store, name))
    life.product.run("restore", back_to)
    life.measured = Measured(life.product.store)


def measurements_that_were_restored_are_charged_anew(life):
    """The backup lacks hours that were charged; others come in their place."""
    begin(life)
    life.do_replay(112)
    backup = os.path.join(life.product.scratch, "backup")
    life.product.run("backup", backup)
    life.do_replay(118)
    life.do_charge(1)
    restore(life, backup)
    life.do_replay(130)
    life.do_charge(2)
    life.do_replay(299)
    life.do_charge(2)
    life.do_close(MONTH, False)
    life.do_charge(2)


def measurements_that_were_restored_are_shorter(life):
    begin(life)
    life.do_replay(112)
    backup = os.path.join(life.product.scratch, "backup")
    life.product.run("backup", backup)
    life.do_replay(180)
    life.do_charge(1)
    restore(life, backup)
    life.do_charge(2)
    life.do_replay(299)
    life.do_charge(2)


def a_vm_that_returns_pays_once(life):
    """Gone at the end of the month, its carry is the pool's; back, it begins with nothing."""
    begin(life)
    life.do_replay(195)
    life.do_close(MONTH, False)
    key = next(key for key in life.books.by_key if key.vm == THIRD and key.month == MONTH)
    pool = life.books.by_key[key._replace(vm="")]
    if life.books.by_key[key].carry_out() != 0 or pool.transfers == 0:
        raise Wrong("pool", f"{key} keeps {life.books.by_key[key].carry_out()}")
    life.do_replay(299)
    life.do_charge(2)
    again = life.books.by_key[key._replace(month=MONTH + 1)]
    if again.carry_in != 0 or life.books.by_key[key._replace(vm="", month=MONTH + 1)].carry_in == 0:
        raise Wrong("pool", f"{again.key} begins with {again.carry_in}")


def an_hour_of_several_lives_is_sealed_as_one(life):
    """A VM that reboots twice in an hour: what its lives used is added up."""
    life.history = FixedHistory(reboot_every=3)
    begin(life)
    life.do_replay(195)
    life.do_close(MONTH, False)
    lives = sqlite3.connect(os.path.join(life.product.store, "meter.db")) if os.path.isdir(life.product.store) else None
    if lives and lives.execute("SELECT count(DISTINCT life) FROM life WHERE vm = ?", (VM,)).fetchone()[0] < 60:
        raise Wrong("lives", "it did not reboot: the case is not what it should be")


def what_comes_late_is_not_lost_behind_what_was_said(life):
    """Something is said of a later hour than the one that comes late for a sealed month."""
    life.history = FixedHistory(back_at=250)
    begin(life)
    life.do_replay(249)
    life.do_close(MONTH, False)
    life.do_assign(VM, "a1", END + 24, False)
    life.do_replay(290)
    life.do_charge(2)
    if not any(row.hour < END for row in life.books.adjustments):
        raise Wrong("late", "nothing came late: the case is not what it should be")


def what_comes_late_and_nobody_owns_waits_for_its_owner(life):
    """It is nowhere counted while its month is sealed, and billed when it has an owner."""
    life.history = FixedHistory(back_at=250)
    begin(life, THIRD)
    life.do_assign(THIRD, "a0", END - 21, True)
    life.do_replay(249)
    life.do_close(MONTH, False)
    life.do_charge(1)
    life.do_replay(290)
    life.do_charge(2)
    life.do_assign(THIRD, "a1", END - 24, False)
    life.do_charge(2)
    life.do_assign(THIRD, "a1", 0, False)
    life.do_charge(2)
    if not any(row.hour < END - 24 and life.books.lines[row.line].key.vm == THIRD for row in life.books.adjustments):
        raise Wrong("late", "nothing came late: the case is not what it should be")


def causes(life, vm):
    return sorted((row.hour - END, row.cause, row.usage > 0) for row in life.books.adjustments
                  if life.books.lines[row.line].key.vm == vm)


def an_hour_that_is_of_an_open_month_by_its_new_owners_clock(life):
    """Taken back from the one since it is the other's, who pays for it with the hours of his month."""
    begin(life)
    life.do_replay(249)
    life.do_close(MONTH, False)
    life.do_assign(VM, "a1", END - 2, True)
    life.do_charge(2)
    told = causes(life, VM)
    if told != [(-2, "owner", False), (-2, "owner", True), (-1, "owner", False)]:
        raise Wrong("cause", f"a1's are two hours, the second by his clock of another month: {told}")


def an_hour_whose_new_owner_has_no_price(life):
    life.do_account("a0", 0)
    life.do_account("a1", 1)
    life.do_tariff("a0", "0.0421", "EUR/GiBh", 0)
    for vm in life.history.trace.vms:
        life.do_assign(vm, "a0", 0, False)
    life.do_replay(249)
    life.do_close(MONTH, False)
    life.do_assign(VM, "a1", END - 2, True)
    life.do_charge(2)
    told = causes(life, VM)
    if told != [(-2, "owner", False), (-1, "owner", False)]:
        raise Wrong("cause", f"a1 has taken over two hours, and has no price: {told}")


def a_month_that_has_not_ended_is_not_closed(life):
    """Though the host's clock says that it has."""
    now = time.gmtime()
    month = (now.tm_year - 1970) * 12 + now.tm_mon - 1
    life.history = FixedHistory(end=month_start(month + 1))
    begin(life)
    life.do_replay(299)
    life.do_charge(1)
    for words in (["this-month"], ["this-month", "--force"], [month_text(month + 1)], ["2099-01"]):
        _, text = life.product.run("close", *words, expect=(3,))
        must_say("close it later", text)
        life.must_be_unchanged("a close that was refused")


def a_host_that_is_gone_is_retired(life):
    """It ends within the last hour of the month: all that it measured is billed, and nobody waits for it."""
    def retire(host, at, expect):
        return life.product.run("db", "host", "retire", host, "--at", hour_text(at), expect=(expect,))[1]

    begin(life)
    life.do_replay(111)
    life.do_charge(1)
    _, text = life.product.run("close", month_text(MONTH), expect=(3,))
    must_say("has delivered no tick", text)
    must_say("no measurements of this host", retire(HOST.replace("0", "1"), END, 3))
    must_say("it has measured after", retire(HOST, END - 2, 3))
    life.must_be_unchanged("a host that was not retired")
    must_say("nothing more comes", retire(HOST, END, 0))
    must_say("is retired already", retire(HOST, END, 0))
    life.measured = Measured(life.product.store)
    if life.measured.derived_tick != life.measured.last_tick or life.measured.alive:
        raise Wrong("retired", "its last hour is not derived, or VMs live on in it")
    life.do_charge(2)
    life.product.run("close", month_text(MONTH))
    life.look()
    oracle.check_month(life.books, MONTH, life.said, life.measured)
    oracle.check_billed(life.books, life.due())
    oracle.check_total(life.books, life.due())
    if sum(rated.usage for rated in life.books.rated) != sum(cell[0] for cell in life.measured.derived.values()):
        raise Wrong("retired", "not all that was measured is billed")
    _, text = life.product.run("audit")
    must_say("Nothing wrong was found", text)
    _, text = life.product.run("replay", life.part(120), expect=(3,))
    must_say("is retired", text)


def a_host_whose_end_is_noticed_later_is_retired(life):
    """It ended in the month that is closed, and that was said in the next one: nothing more comes all the same."""
    begin(life)
    life.do_replay(111)
    life.product.run("db", "host", "retire", HOST, "--at", hour_text(END + 10))
    life.product.run("close", month_text(MONTH))
    life.look()
    if [row[4] for row in life.books.tables["period"]] != [""]:
        raise Wrong("retired", "a host that is retired is missing from a bill")
    _, text = life.product.run("audit")
    must_say("Nothing wrong was found", text)


def who_is_said_of_an_earlier_hour_has_it_up_to_what_was_said_before(life):
    """The first owner has a VM from its first sample on, and from the hour that was named in any case."""
    begin(life, VM)
    life.do_assign(VM, "a0", END + 5, False)
    life.do_assign(VM, "a1", END - 10, False)
    life.do_replay(299)
    life.do_charge(2)
    nano = life.said.price("a1", END).nano
    between = sum(cell[0] * nano for (vm, hour), cell in life.measured.derived.items()
                  if vm == VM and END - 10 <= hour < END + 5)
    billed = sum(line.n for key, line in life.books.by_key.items() if key.vm == VM and key.account == "a1")
    if between == 0 or billed != between:
        raise Wrong("owner", f"a1 is charged for {billed}, and had the VM for {between}")


def postings_are_followed(life):
    """Each posting behind the one that is named, once, as it is made; transfers are none."""
    begin(life)
    life.do_replay(195)
    life.do_charge(1)
    after = life.books.ledger[0].number
    words = life.product.words("charge", "--follow", "--after", after)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as follower:
        try:
            told = [json.loads(follower.stdout.readline())]
            life.do_close(MONTH, False)
            life.do_replay(299)
            life.do_charge(1)
            wanted = [entry for entry in life.books.ledger if entry.number > after and entry.kind == "posting"]
            told += [json.loads(follower.stdout.readline()) for _ in wanted[1:]]
        finally:
            follower.kill()
    if [(one["entry"], one["pennies"], one["utc_ns"]) for one in told] != [
            (entry.number, entry.pennies, str(entry.utc_ns)) for entry in wanted]:
        raise Wrong("follow", f"{told} is told, and {wanted} are in the ledger")


def a_month_is_closed_after_what_was_waited_for(life):
    begin(life)
    life.do_replay(299)
    life.do_charge(1)
    _, text = life.product.run("close", month_text(MONTH), "--wait", "1000000h", expect=(3,))
    must_say("close it later", text)
    life.must_be_unchanged("a close that was refused")
    life.do_close(MONTH, False)


CASES = [a_tariff_of_nobody_is_refused, an_hour_of_several_lives_is_sealed_as_one, an_account_is_added_once, a_command_waits_for_the_one_before,
         another_key_is_refused, a_lost_key_is_not_made_anew, what_was_not_measured_is_not_sealed,
         a_month_that_nobody_owns_is_not_skipped, a_month_before_all_usage_is_not_the_first_that_is_sealed,
         measurements_that_were_restored_are_charged_anew,
         measurements_that_were_restored_are_shorter, a_vm_that_returns_pays_once,
         what_comes_late_is_not_lost_behind_what_was_said,
         what_comes_late_and_nobody_owns_waits_for_its_owner,
         an_hour_that_is_of_an_open_month_by_its_new_owners_clock, an_hour_whose_new_owner_has_no_price,
         a_month_that_has_not_ended_is_not_closed, a_host_that_is_gone_is_retired,
         a_host_whose_end_is_noticed_later_is_retired, postings_are_followed,
         who_is_said_of_an_earlier_hour_has_it_up_to_what_was_said_before,
         a_month_is_closed_after_what_was_waited_for]
