"""Made-up hosts to whom everything happens: traces of them, part by part, replayed into their stores.

VMs are born, grow, shrink, migrate, crash and die; hosts boot, meters restart, ticks are missing, wall
clocks are wrong and are set. All of it by chance, from a seed.
"""

import os
import sqlite3
import subprocess
import tempfile
import uuid

SECOND = 10**9
HOUR = 3600 * SECOND
PERIOD = 20 * SECOND
MAX_GAP = 45 * SECOND
START = 1753999200 * SECOND  # 2025-07-31T22:00:00Z: two hours before a month ends
DOM0 = "00000000-0000-0000-0000-000000000000"


def any_uuid(pick):
    return str(uuid.UUID(int=pick.getrandbits(128), version=4))


class Host:
    def __init__(self, number, pick, place, bindir):
        self.number, self.pick, self.bindir = number, pick, bindir
        self.directory = os.path.join(place, f"host{number}")
        self.store = os.path.join(self.directory, "db")
        self.state = os.path.join(self.directory, "state")
        self.role = f"ships_{number}"
        self.host, self.boot = any_uuid(pick), any_uuid(pick)
        self.seq, self.mono = pick.randint(0, 50), pick.randint(10**9, 10**12)
        self.utc = START + pick.randint(-900, 900) * SECOND  # clocks differ
        self.domains = {0: [DOM0, 4 << 20, 1, "r"]}
        self.domid = 0
        os.makedirs(self.directory)

    # ---- what happens ----

    def born(self, vm=None):
        self.domid += 1
        self.domains[self.domid] = [vm or any_uuid(self.pick), 4 * self.pick.randint(1, 1 << 20), 0, "p"]

    def leave(self):
        """A VM migrates away: its uuid."""
        running = [domid for domid, domain in self.domains.items() if domid and domain[3] == "r"]
        return self.domains.pop(self.pick.choice(running))[0] if running else None

    def age(self, domid):
        domain = self.domains[domid]
        if "d" in domain[3]:
            del self.domains[domid]
        elif domain[3] == "p" and self.pick.random() < 0.7:
            domain[2], domain[3] = 1, "r"
        elif domid and self.pick.random() < 0.01:
            domain[3] = self.pick.choice(["d", "s", "p"])
        elif domain[3] == "s" and self.pick.random() < 0.3:
            domain[3] = self.pick.choice(["d", "r"])
        if domain[2]:
            domain[2] += self.pick.randint(0, 10**9)
        if self.pick.random() < 0.03:
            domain[1] = 4 * self.pick.randint(1, 1 << 20)

    def boots(self):
        self.boot, self.domains, self.domid = any_uuid(self.pick), {0: [DOM0, 4 << 20, 1, "r"]}, 0
        self.seq, self.mono = self.pick.randint(0, 5), self.pick.randint(10**9, 10**10)
        return f"B {self.boot}\n"

    def between_ticks(self):
        chance, text = self.pick.random(), ""
        self.seq += 1
        self.mono += PERIOD + self.pick.randint(-1000, 1000)
        self.utc += PERIOD + self.pick.randint(-3000, 3000)
        if chance < 0.004:
            text = self.boots()
        elif chance < 0.01:
            text = "R\n"
        elif chance < 0.02:  # ticks are missing
            missed = self.pick.randint(1, 9)
            self.seq, self.mono, self.utc = self.seq + missed, self.mono + missed * PERIOD, self.utc + missed * PERIOD
            text = "G overrun\n"
        elif chance < 0.025:  # the clock is set
            self.utc += self.pick.randint(-2 * HOUR, 2 * HOUR)
        return text

    def head(self):
        return f"P 1 {self.host} {self.host} {self.boot} {PERIOD} {MAX_GAP}\n"

    def live(self, ticks):
        """The next part of its trace."""
        text = [self.head()]
        for _ in range(ticks):
            text.append(self.between_ticks())
            for domid in list(self.domains):
                self.age(domid)
            if self.pick.random() < 0.03 and len(self.domains) < 8:
                self.born()
            text.append(f"T {self.seq} {self.mono} {self.utc} {self.pick.randint(1000, 90000)}"
                        f" {'u' if self.pick.random() < 0.05 else 's'} 1000000 0 {len(self.domains)}\n")
            text += [f"D {domid} {vm} {kib} {kib} 0 {flags} {cpu}\n"
                     for domid, (vm, kib, cpu, flags) in sorted(self.domains.items())]
        return "".join(text)

    # ---- its store ----

    def run(self, *words, expect=0):
        done = subprocess.run([os.path.join(self.bindir, "pagemeter"), *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{words[0]} exits with {done.returncode}: {done.stdout[-300:]} {done.stderr[-500:]}")
        return done

    def measure(self, ticks, *words):
        with tempfile.NamedTemporaryFile("w", suffix=".trace", dir=self.directory) as file:
            file.write(self.live(ticks))
            file.flush()
            self.run("replay", file.name, "--db", self.store, *words)

    def meter_db(self, store=None):
        return sqlite3.connect(f"file:{store or self.store}/meter.db?mode=ro", uri=True)

    def ship(self, uri, *words, store=None, expect=0):
        return self.run("ship", "--once", "--to", uri, "--db", store or self.store, "--state", self.state, *words,
                        expect=expect)
