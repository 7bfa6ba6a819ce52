"""Random histories of a host and its customers: what was measured, and what was said when.

A history is a trace, cut into pieces that each end with a tick, and a list of steps. The same seed
always makes the same history. Ticks come each ten minutes, around the ends of months only, so that
a history of months is small. Everything that makes billing hard occurs: gaps, a wall clock that is
set back over an hour or the end of a month, VMs that end and return, two lives in an hour, boots,
owners and prices that change in the past, months that are closed too early.

Steps, in the order in which they are to be done:

  replay N            up to before the Nth piece
  account ID OFFSET
  assign VM ACCOUNT HOUR EXACT
  tariff ACCOUNT AMOUNT UNIT HOUR       ACCOUNT may be default
  charge              as often as it says
  together            two charges at once
  crowd VM ACCOUNT HOUR AMOUNT UNIT     an owner, a default tariff and two charges at once
  meanwhile N         replay N, and charge while it runs
  close MONTH FORCE   MONTH may be next: the one behind the last that is sealed
  settle ACCOUNT      what has no owner gets this one, and what has no price a default
"""

import datetime
import random

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
PERIOD = 600 * SECOND
MAX_GAP = 700 * SECOND
TICKS_MOST = 900
EPOCH = datetime.datetime(1970, 1, 1)

HOST = "0a0a0a0a-0000-4000-8000-00000000000a"
STORE = "0c0c0c0c-0000-4000-8000-00000000000c"
DOM0 = "00000000-0000-0000-0000-000000000000"
OFFSETS = [0, 0, 0, 1, -1, 5, -8, -12, 14]
PRICES = [("0.0421", "EUR/GiBh")] * 4 + [
    ("0.9", "EUR/GiBh"), ("1", "EUR/GiBh"), ("0", "EUR/GiBh"), ("0.00000000001", "EUR/GiBh"),
    ("0.0421", "EUR/GBh"), ("0.013", "USD/GiBh"), ("7.25", "JPY/GiBh"), ("0.0123456789", "KWD/GBh")]


def month_start(month):
    """The first hour of a month counted from 1970, in UTC."""
    return (datetime.datetime(1970 + month // 12, month % 12 + 1, 1) - EPOCH) // datetime.timedelta(hours=1)


def hour_text(hour):
    return (EPOCH + datetime.timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def month_text(month):
    return f"{1970 + month // 12}-{month % 12 + 1:02}"


class Trace:
    """The host: what it runs, what its clocks say, and the records of it."""

    def __init__(self, pick, first_month, months):
        self.pick = pick
        self.pieces = []     # text; each ends with a tick
        self.boot_at = []    # the boot in force before each piece
        self.boot = self.uuid()
        self.seq, self.mono = 0, pick.randrange(10**15)
        self.vms = [self.uuid() for _ in range(pick.choice([1, 2, 3, 3, 4, 6]))]
        self.domains = {}    # domid: [vm, kib, flags, cpu]
        self.next_domid = 1
        # character
        self.p_resize = pick.choice([0, 0.05, 0.3])
        self.p_come_and_go = pick.choice([0.002, 0.01, 0.05])
        self.p_gap = pick.choice([0, 0.005, 0.03])
        self.p_step = pick.choice([0, 0, 0.004, 0.015])
        self.p_boot = pick.choice([0, 0, 0, 0.002])
        self.p_unsynchronised = pick.choice([0, 0, 0.01])
        self.jitter = pick.choice([0, 1, 40 * SECOND])
        self.largest = pick.choice([5_000_000, 5_000_000, 60_000_000, 2**36])
        self.is_synchronised = True
        for vm in self.vms:
            if pick.random() < 0.7:
                self.start(vm)
        self.utc = 0
        for month in range(first_month, first_month + months):
            self.around(month_start(month + 1) * HOUR)

    def uuid(self):
        digits = f"{self.pick.getrandbits(128):032x}"
        return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])

    def kib(self):
        pick = self.pick
        return pick.choice([0, 1, 131072]) if pick.random() < 0.08 else pick.randrange(50_000, self.largest)

    def start(self, vm):
        cpu = 0 if self.pick.random() < 0.1 else 1
        self.domains[self.next_domid] = [vm, self.kib(), "r", cpu]
        self.next_domid += 1

    def around(self, end_ns):
        """The end of a month, with hours before and after it."""
        pick = self.pick
        begin = end_ns - pick.choice([3, 15, 30, 50]) * HOUR - pick.randrange(HOUR)
        until = end_ns + pick.choice([2, 14, 20, 30, 50]) * HOUR
        if self.utc:
            self.mono += max(0, begin - self.utc)
        self.utc = max(begin, self.utc)
        for _ in range(TICKS_MOST):  # a clock that is set back makes it longer
            if self.utc >= until:
                break
            self.tick(end_ns)

    def tick(self, end_ns):
        pick = self.pick
        boot_before, before = self.boot, ""
        if pick.random() < self.p_boot:
            self.boot = self.uuid()
            self.seq, self.mono, self.domains = 0, pick.randrange(10**15), {}
            self.next_domid = 1
            before = f"B {self.boot}\n"
        span = PERIOD + (pick.randint(-self.jitter, self.jitter) if self.jitter else 0)
        if pick.random() < self.p_gap:
            span = pick.choice([MAX_GAP, MAX_GAP + 1, MAX_GAP - 1, pick.randrange(1, 5 * HOUR)])
        self.mono += span
        self.utc += span
        if pick.random() < self.p_step:
            self.step_clock(end_ns)
        self.seq += 1
        self.live()
        if pick.random() < self.p_unsynchronised:
            self.is_synchronised = not self.is_synchronised
        samples = [f"D 0 {DOM0} 4194304 4194304 0 r 99\n"]
        samples += [f"D {domid} {vm} {kib} {max(kib, 8)} 0 {flags} {cpu}\n"
                    for domid, (vm, kib, flags, cpu) in sorted(self.domains.items())]
        clock = "s" if self.is_synchronised else "u"
        self.boot_at.append(boot_before)
        self.pieces.append(f"{before}T {self.seq} {self.mono} {self.utc} 1000 {clock} 1000000 0 {len(samples)}\n"
                           + "".join(samples))

    def step_clock(self, end_ns):
        pick = self.pick
        step = pick.choice([-HOUR, -3 * HOUR, -pick.randrange(4 * DAY), -pick.randrange(HOUR), HOUR,
                            pick.randrange(2 * DAY), end_ns - self.utc - pick.randrange(5 * HOUR)])
        if pick.random() < 0.05:
            step = pick.choice([40 * DAY, -40 * DAY])
        self.utc += step

    def live(self):
        pick = self.pick
        for domid, domain in list(self.domains.items()):
            domain[3] += 1
            if pick.random() < self.p_resize:
                domain[1] = self.kib()
            if pick.random() < self.p_come_and_go:
                kind = pick.randrange(4)
                if kind == 0:
                    domain[2] = pick.choice(["r", "p", "s", "d"])
                else:
                    del self.domains[domid]
                    if kind == 1:
                        self.start(domain[0])  # two lives in an hour
        for vm in self.vms:
            if pick.random() < self.p_come_and_go and (pick.random() < 0.1 or not self.is_there(vm)):
                self.start(vm)

    def is_there(self, vm):
        return any(domain[0] == vm for domain in self.domains.values())

    def text(self, start, end):
        """The pieces from `start` up to before `end`, as a trace of its own."""
        boot = self.boot_at[start] if start < len(self.pieces) else self.boot
        return f"P 1 {HOST} {STORE} {boot} {PERIOD} {MAX_GAP}\n" + "".join(self.pieces[start:end])


class History:
    def __init__(self, seed):
        self.pick = pick = random.Random(seed)
        self.seed = seed
        months = pick.choice([1, 2, 2, 3])
        self.first_month = pick.randrange(12 * 50, 12 * 55)  # 2020 to 2024
        self.trace = Trace(pick, self.first_month, months)
        self.last_month = self.first_month + months
        self.accounts, self.steps = [], []
        self.p_charge = pick.choice([0.2, 0.5, 0.9])
        self.p_past = pick.choice([0.1, 0.5])
        for _ in range(pick.choice([1, 1, 2, 3])):
            self.say_account()
        if pick.random() < 0.85:
            self.say_tariff("default", 0)
        for vm in self.trace.vms:
            if pick.random() < 0.8:
                self.say_owner(vm)
        pick.shuffle(self.steps)
        self.steps.sort(key=lambda step: step[0] != "account")  # who owns something must be there
        self.measure()
        self.steps.append(("charge", 1))

    def measure(self):
        pick = self.pick
        count = len(self.trace.pieces)
        cuts = sorted(pick.sample(range(1, count), min(count - 1, pick.choice([2, 5, 9, 14]))))
        for end in cuts + [count]:
            self.steps.append(("meanwhile" if pick.random() < 0.08 else "replay", end))
            if pick.random() < self.p_charge:
                self.charge()
            for _ in range(pick.choice([0, 0, 1, 1, 2, 3])):
                self.something()
        for _ in range(pick.choice([0, 2, 6])):
            self.something()

    def charge(self):
        pick = self.pick
        chance = pick.random()
        if chance < 0.05:
            self.steps.append(("crowd", pick.choice(self.trace.vms), pick.choice(self.accounts), self.hour(),
                               *pick.choice(PRICES)))
        else:
            self.steps.append(("together",) if chance < 0.12 else ("charge", 2 if chance < 0.25 else 1))

    def hour(self):
        """Often where something happened, or begins or ends."""
        pick = self.pick
        start = month_start(self.first_month)
        if pick.random() < self.p_past:
            end = month_start(pick.randrange(self.first_month, self.last_month + 1))
            return end + pick.choice([0, 0, -1, 1, -24, pick.randrange(-60, 60)])
        return pick.choice([0, start, pick.randrange(start, month_start(self.last_month + 2))])

    def say_account(self):
        name = f"a{len(self.accounts)}"
        self.accounts.append(name)
        self.steps.append(("account", name, self.pick.choice(OFFSETS)))

    def say_tariff(self, account, hour):
        self.steps.append(("tariff", account, *self.pick.choice(PRICES), hour))

    def say_owner(self, vm):
        pick = self.pick
        self.steps.append(("assign", vm, pick.choice(self.accounts), self.hour(), pick.random() < 0.3))

    def something(self):
        pick = self.pick
        chance = pick.random()
        if chance < 0.06 and len(self.accounts) < 5:
            self.say_account()
        elif chance < 0.3:
            self.say_owner(pick.choice(self.trace.vms))
        elif chance < 0.45:
            self.say_tariff(pick.choice(self.accounts + ["default"] * 2), self.hour())
        elif chance < 0.6:
            self.charge()
        else:
            self.say_close()

    def say_close(self):
        """Mostly the next one, when nothing stands in its way."""
        pick = self.pick
        chance = pick.random()
        if chance < 0.2:
            month = pick.randrange(self.first_month - 1, self.last_month + 2)
            self.steps.append(("close", month, pick.random() < 0.1))
            return
        if pick.random() < 0.8:
            self.steps.append(("settle", pick.choice(self.accounts)))
        self.steps.append(("close", "next", pick.random() < 0.1))
