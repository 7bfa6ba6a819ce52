"""A Citus cluster of a test's own, with PAGEMETER_TEST_CITUS=1: a coordinator and two workers in a directory that is
gone afterwards.

Citus is in no Debian: it must be installed beside PostgreSQL. A test without it fails.
"""

import glob
import os

import server as postgres

WORKERS = 2
PORT = 5432  # of the coordinator, as libpq has it; workers have the next ones
# a transaction of several nodes that a crash has left half done is ended by Citus each minute otherwise
OPTIONS = ("-c shared_preload_libraries=citus -c max_prepared_transactions=200 -c max_worker_processes=64"
           " -c wal_level=logical -c citus.node_conninfo=sslmode=disable -c citus.recover_2pc_interval=1s"
           " -c client_min_messages=error")
DISTRIBUTION = sorted(glob.glob(os.path.join(postgres.ROOT, "schema", "citus", "*.sql")))


class Cluster(postgres.Server):
    def __init__(self, options=""):
        super().__init__(f"{OPTIONS} {options}")
        if not os.path.exists(os.path.join(self.programs, "..", "lib", "citus.so")):
            raise SystemExit("Citus is not installed beside PostgreSQL\n0 passed, 1 failed")

    def data(self, node):
        return f"{self.place}/data" if node == 0 else f"{self.place}/worker{node}"

    def init(self):
        for node in range(WORKERS + 1):
            self.do("initdb", "-U", "postgres", "--locale=C", "-E", "UTF8", "-A", "trust", "-D", self.data(node))

    def start(self):
        for node in range(WORKERS + 1):
            self.start_one(self.data(node), f"-p {PORT + node}")

    def stop(self, how="fast"):
        for node in range(WORKERS + 1):
            self.stop_one(self.data(node), how)

    def ask_node(self, node, text, database="postgres"):
        done = postgres.run("psql", "-h", self.place, "-p", str(PORT + node), "-U", "postgres", "-d", database, "-v",
                            "ON_ERROR_STOP=1", "-qAtX", text=text)
        if done.returncode:
            raise postgres.Refused(done.stderr[:1000])

    def create(self, name):
        for node in range(WORKERS + 1):
            self.ask_node(node, f"CREATE DATABASE {name}")
            self.ask_node(node, "CREATE EXTENSION citus", name)
        self.ask(f"SELECT citus_set_coordinator_host('{self.place}', {PORT})", name)
        for node in range(1, WORKERS + 1):
            self.ask(f"SELECT citus_add_node('{self.place}', {PORT + node})", name)

    def drop(self, name):
        for node in range(WORKERS + 1):
            self.ask_node(node, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def distribute(self, name):
        for path in DISTRIBUTION:
            with open(path, encoding="utf-8") as file:
                self.ask(file.read(), name)
        if int(self.ask("SELECT count(DISTINCT nodename || nodeport) FROM citus_shards WHERE citus_table_type = 'distributed'",
                        name)) != WORKERS:
            raise AssertionError("what is measured does not lie on the workers")

    def database(self, name, change=None):
        """With the schema and its distribution; change: as of Server."""
        self.create(name)
        self.ask(postgres.schema(change), name)
        self.distribute(name)
        self.ask(f"ALTER DATABASE {name} SET search_path = meter, billing")
        return name
