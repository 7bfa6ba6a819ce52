"""A PostgreSQL server of a test's own: a directory that is gone afterwards, and a Unix socket in it.

PostgreSQL must be installed: scripts/deps.sh check sees to it. A test without it fails.
"""

import glob
import os
import re
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
MIGRATIONS = sorted(glob.glob(os.path.join(ROOT, "schema", "postgres", "*.sql")))
HOME = os.path.join(ROOT, "sql", "store", "postgres", "central.sql")


def run(*words, text=None, timeout=300):
    return subprocess.run([*USER, *words], input=text, capture_output=True, text=True, timeout=timeout)


class Refused(AssertionError):
    """What the server said."""


class Server:
    def __init__(self, options=""):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres") + glob.glob("/usr/bin/postgres"))
        if not programs:
            raise SystemExit("PostgreSQL is not installed: run scripts/deps.sh check\n0 passed, 1 failed")
        self.programs = os.path.dirname(programs[-1])
        self.options = options
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = tempfile.TemporaryDirectory(prefix="pagemeter-postgres.", dir=place)
        self.place = self.directory.name
        self.is_made = False  # the template of databases

    def __enter__(self):
        if USER:
            subprocess.run(["chown", "postgres", self.place], check=True)
        self.init()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop("immediate")
        self.directory.cleanup()

    def do(self, program, *words):
        done = run(os.path.join(self.programs, program), *words)
        if done.returncode:
            raise AssertionError(f"{program}: {done.stderr}{done.stdout}")

    def init(self):
        self.do("initdb", "-U", "postgres", "--locale=C", "-E", "UTF8", "-D", f"{self.place}/data")

    def start_one(self, data, options=""):
        self.do("pg_ctl", "-D", data, "-l", f"{self.place}/log", "-w", "-o",
                f"-k {self.place} -c listen_addresses='' -c fsync=off -c jit=off -c max_connections=300 {self.options} {options}",
                "start")

    def stop_one(self, data, how):
        run(os.path.join(self.programs, "pg_ctl"), "-D", data, "-m", how, "stop")

    def start(self):
        self.start_one(f"{self.place}/data")

    def stop(self, how="fast"):
        self.stop_one(f"{self.place}/data", how)

    def create(self, name):
        """An empty database, for `pagemeter db init`; what that made is to be distributed."""
        self.ask(f"CREATE DATABASE {name}")

    def drop(self, name):
        self.ask(f"DROP DATABASE IF EXISTS {name}")

    def distribute(self, name):
        """Over the nodes of a cluster (cluster.py); here there is one."""

    def ask(self, text, database="postgres", role="postgres"):
        """What psql prints of it; Refused with the first thing that the server says against it."""
        done = run("psql", "-h", self.place, "-U", role, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtX", text=text)
        if done.returncode:
            raise Refused(done.stderr[:1000])
        return done.stdout.strip()

    def rows(self, text, database="postgres", role="postgres"):
        """The same as lists of texts; no text may have a bar or a line in it."""
        return [line.split("|") for line in self.ask(text, database, role).splitlines()]

    def try_all(self, texts, database="postgres", role="postgres"):
        """Each in a transaction that is rolled back: what was said against it, "" when it was done; and all errors."""
        script = ["\\o /dev/null"]
        for text in texts:
            script += ["BEGIN;", text.rstrip(";") + ";", "\\if :ERROR", "\\echo @ :LAST_ERROR_MESSAGE",
                       "\\else", "\\echo @", "\\endif", "ROLLBACK;"]
        done = run("psql", "-h", self.place, "-U", role, "-d", database, "-qAtX", text="\n".join(script))
        said = [part.strip() for part in done.stdout.split("@")[1:]]
        if len(said) != len(texts):
            raise AssertionError(f"{len(said)} answers to {len(texts)} attempts: {done.stderr[-300:]}")
        return said, done.stderr

    def database(self, name, change=None):
        """Makes one with the schema of schema/postgres; change: what is broken in it, (text, other text)."""
        self.ask(f"DROP DATABASE IF EXISTS {name}")
        if change is None:
            self.copy_database(name)
        else:
            self.ask(f"CREATE DATABASE {name}")
            self.ask(schema(change), name)
        self.ask(f"ALTER DATABASE {name} SET search_path = meter, billing")
        return name

    def copy_database(self, name):
        """Of one that is made once; who may connect is no part of a copy."""
        if not self.is_made:
            self.ask("CREATE DATABASE schema_made")
            self.ask(schema(None), "schema_made")
            self.is_made = True
        self.ask(f"CREATE DATABASE {name} TEMPLATE schema_made")
        self.ask(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;"
                 f"GRANT CONNECT ON DATABASE {name} TO pagemeter_host, pagemeter_keeper, pagemeter_billing, pagemeter_reader;"
                 f"GRANT TEMPORARY ON DATABASE {name} TO pagemeter_keeper, pagemeter_billing, pagemeter_reader")

    def uri(self, database, role="postgres"):
        return f"postgresql://{role}@/{database}?host={self.place}"


class Session:
    """One that stays, with what it was told, until it is ended."""

    def __init__(self, server, database, text, role="postgres"):
        self.process = subprocess.Popen([*USER, "psql", "-h", server.place, "-U", role, "-d", database, "-v", "ON_ERROR_STOP=1",
                                         "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = self.tell(text)

    def tell(self, text):
        self.process.stdin.write(f"{text};\n\\echo .\n")
        self.process.stdin.flush()
        said = ""
        for line in self.process.stdout:
            if line == ".\n":
                return said.strip()
            said += line
        raise Refused(said)

    def end(self):
        self.process.communicate()


def any_server(options=""):
    """With PAGEMETER_TEST_CITUS a cluster."""
    if os.environ.get("PAGEMETER_TEST_CITUS"):
        import cluster
        return cluster.Cluster(options)
    return Server(options)


def schema(change, versions=len(MIGRATIONS)):
    """Migrations, each in a transaction; change: (text, other text). A function stands in several: each time once."""
    with open(HOME, encoding="utf-8") as file:
        done, found = [file.read().split("-- :name MAKE_HOME\n")[1].split("-- :name")[0]], []
    for version, path in enumerate(MIGRATIONS[:versions], 1):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if change is not None:
            found.append(text.count(change[0]))
            text = text.replace(*change)
        done.append(f"BEGIN;\n{text}\nINSERT INTO pagemeter.migration VALUES ({version}, '{os.path.basename(path)}'); COMMIT;")
    if change is not None and max(found) != 1:
        raise SystemExit(f"{found} times in schema/postgres: {change[0]}")
    return "\n".join(done)


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def plain(sql):
    """Without comments."""
    return re.sub(r"--[^\n]*", "", sql)
