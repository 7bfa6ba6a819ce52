"""A store with customers, as the exports' tests want it: made with `pagemeter` alone, but for names
that it would refuse.

Three months of one host, a tick an hour: January and February 2024 are sealed, March is open. Among
the customers are those with offsets, a yen and a dinar, two currencies, prices that change within a
month, once or twice, a price of 0, VMs that end, that change hands, and whose price and owner change after the
close: so there are adjustments, credits, transfers and a pool. The sizes are the seed's.
"""

import datetime
import json
import os
import random
import sqlite3
import subprocess

HOUR_NS = 3600 * 10**9
PROVIDER = 'Hoster, "Inc."'
MONTHS = ("2024-01", "2024-02", "2024-03")
EPOCH = datetime.datetime(1970, 1, 1)
HEAD = ("P 1 0a0a0a0a-0000-4000-8000-00000000000a 0c0c0c0c-0000-4000-8000-00000000000c "
        "0b0b0b0b-0000-4000-8000-00000000000b 3600000000000 3700000000000\n")

# what programs that read exports trip over
NAMES = [
    "ACME GmbH & Co. KG", "=HYPERLINK(\"http://evil/\")", "+1", "-2+3", "@SUM(A1)", "\uff1dcmd", "Müller & Söhne",
    "a \"quoted\" name", "comma, semicolon; and | pipe", "(parenthesis", "* starred", "! pending", "; comment",
    "two  spaces  ; inside", "tag: value", ":tag1:tag2:", "date:2024-02-30", "[2024-01-01]", "[=2024-99-99]",
    "{lot} @ 3 EUR", "= 5 EUR", "%percent", "#hash", "~ monthly", "NULL", "null", "0", "12345", "1e400", "TRUE",
    "2024-01-01", "\U0001f4a9 \U0001f1e9\U0001f1ea", "e\u0301", "\u202eright to left", "\u2028line\u2029", "\u00a0nbsp",
    "\u3000wide", "'apostrophe", "back\\slash\\n", "$(rm -rf /)", "<script>", "include /etc/passwd", "a", "x" * 256,
]
# what only a database can hold
WILD = [b"new\nline", b"\r\n2024-01-01 forged\r\n    assets:a  1 EUR\r\n    assets:b", b"\ttab\tand\x0bmore\x7f",
        b"not \xff\xfe UTF-8 \xc3", b"\xc2\x85next\xc2\x9b31m", b"ends with a quote\"", b"  spaces  ", b"\xef\xbb\xbfmark",
        b"64 kB " + b"\xc3\xbcberlang; " * 6000]


def hour_of(text):
    return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(hours=1)


class Customers:
    def __init__(self, program, directory, seed):
        self.program, self.dir = os.path.abspath(program), directory
        self.pick = random.Random(seed)
        self.names = {}  # of accounts and VMs: bytes
        self.names_in = {}  # the same, of a month: as they were when it was closed
        self.seq = 0
        os.makedirs(directory)
        self.make()

    def run(self, *words):
        done = subprocess.run([self.program, *words, "--db", self.dir], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"pagemeter {' '.join(words)}: {done.stderr.decode()}")

    def query(self, sql, *values):
        connection = sqlite3.connect(f"file:{self.dir}/billing.db?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def export(self, format, period):
        """The file, as `pagemeter export` has made it; and how many rows it says that it has."""
        out = self.dir + ".out"
        self.run("export", format, "--period", period, "--out", out, "--provider", PROVIDER)
        with open(f"{out}/manifest-{format}-{period}.json") as file:
            manifest = json.load(file)
        name = manifest["files"][0]["name"]
        with open(f"{out}/{name}", newline="") as file:
            return file.read(), manifest["files"][0]["rows"]

    # ---- what was measured ----

    def replay(self, first, last, vms):
        """An hourly tick each; vms: (domid, uuid, first day, last day)."""
        lines = [HEAD]
        for hour in range(hour_of(first), hour_of(last)):
            self.seq += 1
            there = [vm for vm in vms if hour_of(vm[2]) <= hour < hour_of(vm[3])]
            utc = hour * HOUR_NS + 420 * 10**9
            lines.append(f"T {self.seq} {utc - 10**18} {utc} 1000 s 1000000 0 {len(there)}\n")
            for domid, uuid, *_ in there:
                if self.pick.random() < 0.2:
                    self.size[uuid] = self.pick.randrange(100_000, 9_000_000)
                lines.append(f"D {domid} {uuid} {self.size[uuid]} 9000000 0 r 1000\n")
        path = self.dir + ".trace"
        with open(path, "w") as trace:
            trace.writelines(lines)
        self.run("replay", path)
        os.remove(path)

    # ---- what was said ----

    def add_wild(self, table, key, name, columns=""):
        """A name that pagemeter refuses: past it, into the database."""
        connection = sqlite3.connect(f"{self.dir}/billing.db")
        with connection:
            change = connection.execute("SELECT max(change) + 1 FROM change_log").fetchone()[0]
            connection.execute("INSERT INTO change_log VALUES (?, 1, 'nobody', 'nothing')", (change,))
            if table == "account":
                connection.execute("INSERT INTO account VALUES (?, CAST(? AS TEXT), ?, ?)", (key, name, columns, change))
            else:
                connection.execute("INSERT INTO vm_name VALUES (?, ?, CAST(? AS TEXT))", (key, change, name))
        connection.close()

    def account(self, account, offset):
        name = self.pick.choice(NAMES + WILD)
        if isinstance(name, str):
            self.run("account", "add", account, "--name", name, "--offset", str(offset))
            name = name.encode()
        else:
            self.add_wild("account", account, name, offset)
        self.names[account] = name

    def assign(self, vm, account, day):
        name = self.pick.choice(NAMES + WILD + [""])
        words = ["account", "assign", vm, account, "--from", day]
        if isinstance(name, str) and name != "":
            words += ["--name", name]
            self.names[vm] = name.encode()
        self.run(*words)
        if isinstance(name, bytes):
            self.add_wild("vm", vm, name)
            self.names[vm] = name

    def tariff(self, account, amount, unit, day):
        self.run("tariff", "set", account, amount, unit, "--from", day)

    def close(self, month):
        self.run("close", month, "--wait", "1h")
        self.names_in[month] = dict(self.names)

    def price(self, most):
        return f"0.{self.pick.randrange(1, most):06}"

    def make(self):
        letters = "0123456789"  # one uuid is of digits alone
        vms = [f"{letter * 8}-0000-4000-8000-{letter * 12}" for letter in letters]
        self.size = {vm: self.pick.randrange(100_000, 9_000_000) for vm in vms}
        always = ("2023-12-30", "2024-03-20")
        lives = [(1, vms[0], *always), (2, vms[1], *always), (3, vms[2], "2024-01-05", "2024-01-20"), (4, vms[3], *always),
                 (5, vms[4], *always), (6, vms[5], "2024-01-10", "2024-02-20"), (7, vms[6], *always), (8, vms[7], *always),
                 (9, vms[8], "2024-02-02", "2024-02-25"), (10, vms[9], "2024-03-02", "2024-03-20")]
        self.replay("2023-12-30", "2024-01-02", lives)
        self.run("account", "add", "default-owner", "--name", "Owner", "--offset", "0")
        self.names["default-owner"] = b"Owner"
        for account, offset in (("acme", 0), ("beta.x_1-b", 1), ("gamma", -5), ("delta", 14), ("zero", -12)):
            self.account(account, offset)
        owners = ("acme", "acme", "acme", "beta.x_1-b", "gamma", "delta", "delta", "zero", "acme", "default-owner")
        for vm, account in zip(vms, owners):
            self.assign(vm, account, "2023-12-30")
        self.assign(vms[6], "acme", "2024-02-10")
        self.assign(vms[6], "delta", "2024-02-20")
        self.tariff("default", self.price(900000), "EUR/GiBh", "2023-12-01")
        self.tariff("default", self.price(900000), "EUR/GiBh", "2024-02-05")
        self.tariff("default", self.price(900000), "EUR/GiBh", "2024-02-15")
        self.tariff("default", self.price(9000), "EUR/GiBh", "2024-03-05")
        self.tariff("beta.x_1-b", "17.25", "JPY/GiBh", "2023-12-01")
        self.tariff("gamma", self.price(90000), "KWD/GBh", "2023-12-01")
        self.tariff("delta", self.price(900000), "USD/GiBh", "2023-12-01")
        self.tariff("delta", self.price(900000), "EUR/GBh", "2024-02-05")
        self.tariff("zero", "0", "EUR/GiBh", "2023-12-01")
        self.run("charge")
        self.replay("2024-01-02", "2024-02-02", lives)
        self.close("2023-12")
        self.close("2024-01")
        self.replay("2024-02-02", "2024-03-02", lives)
        self.run("charge")
        self.close("2024-02")
        # afterwards: cheaper all along, another owner, so that something is given back
        self.tariff("delta", "0.000001", "USD/GiBh", "2024-01-01")
        self.assign(vms[2], "gamma", "2024-01-10")
        self.replay("2024-03-02", "2024-03-20", lives)
        self.run("charge")
        self.names_in[MONTHS[-1]] = self.names
