"""Random traces for the property tests: a host on which everything goes wrong.

A trace is a list of records, which are lists of words as they stand in the
file; a T record carries its D records in its last place. `text` makes a file of
it. The same seed always makes the same trace.

A trace has a character (how fast it ticks, how often memory changes, how long
domains live, how bad its clocks are), so that quiet and mad hosts both occur.
"""

import random

HOUR = 3600 * 10**9
DAY = 24 * HOUR
END_OF_TIME = 2**63 - 1
ZEROS = "00000000-0000-0000-0000-000000000000"
CAUSES = ["read-failed", "window", "overrun", "queue-full"]
NORMAL_FLAGS = ["r", "r", "-", "rh", "rh", "h", "p", "ph"]
STOPPED_FLAGS = ["s", "sh", "ps", "d", "dh", "sd", "rs", "rpsdh"]


def text(records, tail=b""):
    lines = []
    for record in records:
        if record[0] == "T":
            lines.append(" ".join(map(str, record[:8] + [len(record[8])])))
            lines.extend(" ".join(map(str, domain)) for domain in record[8])
        else:
            lines.append(" ".join(map(str, record)))
    return "".join(line + "\n" for line in lines).encode() + tail


def header_at(records, place):
    """The P record that a part beginning at records[place] needs."""
    header = None
    for record in records[:place]:
        if record[0] == "P":
            header = list(record)
        elif record[0] == "B":
            header[4] = record[1]
    return header


class Host:
    def __init__(self, seed, lives):
        self.random = random.Random(seed)
        pick, self.lives = self.random, lives
        self.host, self.store = self.uuid(), self.uuid()
        self.boots = 0
        self.period = pick.choice([10**9] * 6 + [999_999_937, 10**6, 10**10, 60 * 10**9, 600 * 10**9])
        self.max_gap = self.some_max_gap()
        # Character.
        self.tiny = pick.random() < 0.15            # few domids, uuids and sizes: many collisions
        self.crowd = pick.choice([1, 3, 3]) if self.tiny else pick.choice([4, 15, 40, 80])
        self.life_ticks = pick.choice([2, 5, 10, 10, 30])
        self.p_balloon = pick.choice([0, 0.02, 0.2, 0.9])
        self.p_flags = pick.choice([0, 0.02, 0.15])
        self.p_clock = pick.choice([0, 0.02, 0.2])
        self.p_span = pick.choice([0, 0.05, 0.4])
        self.p_event = pick.choice([0, 0.03, 0.2])
        self.p_absent = pick.choice([0, 0.005, 0.05])
        self.jitter = pick.choice([0, 1, 50_000, self.period // 10])
        self.suspends = pick.choice([0, 0, 1, 2])
        # State.
        self.records = []
        self.domains = {}                           # domid: a dict
        self.names = [self.uuid() for _ in range(3)]
        self.recent = [1]                           # domids to use again
        self.next_domid = pick.choice([1, 1, 300, 30000])
        self.listed = {}                            # domid: uuid, in the tick before
        self.born = 0                               # lives so far

    # -- small choices

    def uuid(self):
        digits = f"{self.random.getrandbits(128):032x}"
        return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])

    def boot_uuid(self):
        """Boots differ in their first eight digits, which name a life."""
        self.boots += 1
        return f"{self.random.getrandbits(20):05x}{self.boots:03x}" + self.uuid()[8:]

    def some_max_gap(self):
        return self.random.choice([self.period, 5 * self.period, 5 * self.period, 5 * self.period + 1,
                                   3 * self.period, 20 * self.period])

    def kib(self):
        pick = self.random
        if self.tiny:
            return pick.choice([0, 1, 4, 2**40])
        return pick.choice([pick.randrange(2**26), pick.randrange(2**26) * 4 % 2**26, 1048576, 131072,
                            pick.randrange(5000), 2**36, pick.randrange(2**36, 2**37) if pick.random() < 0.2 else 4096])

    def name_of_new_domain(self):
        pick = self.random
        if self.tiny:
            return pick.choice(self.names)
        chance = pick.random()
        if chance < 0.05 and self.domains:
            return pick.choice(list(self.domains.values()))["uuid"]   # two domains with one uuid
        if chance < 0.15:
            return pick.choice(self.names)                            # a VM that was here before
        name = self.uuid()
        if chance < 0.17:
            return pick.choice(["deadbeef-dead-beef-" + name[19:], name[:24] + "000000000000",
                                name[:24] + "000000000001"])
        self.names[pick.randrange(3)] = name
        return name

    # -- domains

    def bear(self, domid=None):
        pick = self.random
        if domid is None:
            if self.tiny:
                domid = pick.randrange(3)
            elif pick.random() < 0.3:
                domid = pick.choice(self.recent)
            else:
                domid, self.next_domid = self.next_domid, self.next_domid + 1
                if pick.random() < 0.002:
                    domid = 65535
        if domid in self.domains:
            return
        self.domains[domid] = {
            "uuid": ZEROS if domid == 0 and not self.tiny else self.name_of_new_domain(), "kib": self.kib(),
            "flags": pick.choice(NORMAL_FLAGS), "stopped": False,
            "cpu": 0 if pick.random() < 0.4 else pick.randrange(1, 10**12),
            "built": pick.random() < 0.9,  # the others never run
        }

    def age(self, domid):
        """One tick later. Gone when it returns False."""
        pick, domain = self.random, self.domains[domid]
        if pick.random() < (1 / self.life_ticks if domid or self.tiny else 0.001):
            del self.domains[domid]
            self.recent = (self.recent + [domid])[-4:]
            if pick.random() < 0.2:
                self.bear(domid)                                      # the domid at once another VM's
            return
        if pick.random() < self.p_balloon:
            nearby = domain["kib"] + pick.choice([-4, 4, -1024, 1024])
            domain["kib"] = self.kib() if pick.random() < 0.5 else max(0, min(2**40, nearby))
        if pick.random() < self.p_flags:
            domain["stopped"] = not domain["stopped"]
            domain["flags"] = pick.choice(STOPPED_FLAGS if domain["stopped"] else NORMAL_FLAGS)
        elif not domain["stopped"] and pick.random() < self.p_flags:
            domain["flags"] = pick.choice(NORMAL_FLAGS)
        if domain["cpu"] or (domain["built"] and pick.random() < 0.5):
            domain["cpu"] += pick.randrange(10**9)
            if pick.random() < 0.03:
                domain["cpu"] = pick.choice([0, max(0, domain["cpu"] - 5 * 10**8), 1, END_OF_TIME // 2])
        if pick.random() < self.p_absent / 2:
            domain["uuid"] = self.name_of_new_domain()

    def listing(self):
        pick = self.random
        listed = [d for d in self.domains if pick.random() >= self.p_absent]
        if pick.random() < 0.1:
            pick.shuffle(listed)
        return [["D", domid, s["uuid"], s["kib"], s["kib"], 0, s["flags"], s["cpu"]]
                for domid, s in ((d, self.domains[d]) for d in listed)]

    # -- time

    def start_of_boot(self):
        pick = self.random
        self.seq = pick.choice([0, 1, 1, pick.randrange(2**50)])
        self.mono = pick.choice([0, 10**9, pick.randrange(10**16), 2**62])

    def span(self):
        pick = self.random
        span = self.period + (pick.randint(-self.jitter, self.jitter) if self.jitter else 0)
        if pick.random() < self.p_span:
            span = pick.choice([self.max_gap, self.max_gap, self.max_gap - 1, self.max_gap + 1, self.max_gap + 1, 1,
                                2 * self.period, pick.randint(1, 3 * self.max_gap)])
        if self.suspends and pick.random() < 0.01:
            self.suspends -= 1
            span = pick.choice([HOUR, HOUR - 1, pick.randrange(1, 5 * HOUR), pick.randrange(1, 3 * DAY)])
        return max(1, span)

    def wall_clock_step(self):
        pick = self.random
        if pick.random() >= self.p_clock:
            return pick.randint(-50_000, 50_000) if pick.random() < 0.5 else 0
        small = pick.choice([10**8, 10**8 - 1, 10**8 + 1, 1, 10**9, HOUR, pick.randrange(2 * DAY)])
        return small * pick.choice([-1, 1])

    def near_an_hour(self):
        """The wall clock to the next hour, or a few nanoseconds beside it."""
        hour = (self.utc // HOUR + 1) * HOUR
        self.utc = hour + self.random.choice([0, -1, 1, -self.period, -self.period + 1, 0])

    # -- the trace

    def header(self, boot):
        self.boot = boot
        self.records.append(["P", 1, self.host, self.store, boot, self.period, self.max_gap])

    def event(self):
        pick = self.random
        kind = pick.choice(["G", "G", "R", "R", "B", "P", "P-gap", "P-gap", "P-boot"])
        if kind == "G":
            self.records.append(["G", pick.choice(CAUSES)])
        elif kind == "R":
            self.records.append(["R"])
        elif kind == "P":
            self.header(self.boot)
        elif kind == "P-gap":
            self.max_gap = self.some_max_gap()
            self.header(self.boot)
        elif pick.random() < 0.3:
            boot = self.boot_uuid()
            if kind == "B":
                self.boot = boot
                self.records.append(["B", boot])
            else:
                self.header(boot)
            self.start_of_boot()
            self.listed = {}
            if pick.random() < 0.5:
                self.domains.clear()
                self.next_domid = 1

    def tick(self):
        pick = self.random
        span = self.span()
        if self.mono + span > END_OF_TIME:
            return
        self.mono += span
        self.seq += 1 if pick.random() < 0.95 else pick.randrange(1, 1000)
        self.utc += span + self.wall_clock_step()
        if pick.random() < self.p_clock / 4:
            self.utc = pick.choice([0, pick.randrange(2**62), 7_258_118_400 * 10**9])
        elif pick.random() < 0.01:
            self.near_an_hour()
        self.utc = max(0, min(self.utc, 9 * 10**18))
        window = pick.randrange(10**5)
        if pick.random() < self.p_span / 4:
            window = pick.choice([self.max_gap, self.max_gap + 1, self.max_gap - 1, 3 * self.max_gap])
        for domid in list(self.domains):
            self.age(domid)
        for _ in range(3 if self.tiny else 1 + self.crowd // 4):
            if len(self.domains) < self.crowd:
                self.bear()
        listing = self.listing()
        self.records.append(["T", self.seq, self.mono, self.utc, window, pick.choice("ssu"),
                             pick.randrange(2**30), pick.choice([0, 4096]), listing])
        if window <= self.max_gap:
            listed = {domain[1]: domain[2] for domain in listing}
            self.born += sum(self.listed.get(domid) != uuid for domid, uuid in listed.items())
            self.listed = listed

    def cut_off(self):
        """The remains of a tick at the end of the file."""
        whole = text([["T", self.seq + 1, self.mono + self.period, self.utc, 5, "s", 9, 0, self.listing()]])
        return whole[:self.random.randrange(1, len(whole))]

    def run(self):
        pick = self.random
        self.header(self.boot_uuid())
        self.start_of_boot()
        self.utc = pick.choice([1_795_352_400, 1_795_352_400, pick.randrange(1, 7 * 10**9)]) * 10**9 \
            - pick.randrange(1, 20) * self.period
        self.utc = max(0, self.utc)
        if not self.tiny and pick.random() < 0.7:
            self.bear(0)
        while self.born < self.lives:
            while pick.random() < self.p_event:
                self.event()
            self.tick()
        return self.records, self.cut_off() if pick.random() < 0.3 else b""


def random_trace(seed, lives):
    """At least that many lives: (records, tail)."""
    return Host(seed, lives).run()
