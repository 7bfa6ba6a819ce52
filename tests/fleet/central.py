"""A host's store, brought into a database of many hosts: measurements by ship(), the rest row by row."""

import os
import random

import batches
from server import literal

SIZE = 10**12
DERIVED = [  # table, its columns, and which of them are numbers of the store
    ("derived", "tick", {"tick"}),
    ("usage_hour", "life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns", {"life"}),
    ("usage_day", "life, day, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns", {"life"}),
    ("prune", "up_to_tick, pruned_ns, to_hour, ticks, segments, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns",
     {"up_to_tick"}),
    ("retired", "at_ns, tick, said_ns", {"tick"}),
]
# in the order of what refers to what
BOOKS = ("change_log", "account", "vm_owner", "vm_name", "tariff", "charged", "line", "adjustment", "rated", "period",
         "ledger", "export_run")


def add_host(server, database, host, role):
    """A role that delivers for this host."""
    server.ask(f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN"
               f" CREATE ROLE {role} LOGIN IN ROLE pagemeter_host; END IF; END $$;"
               f" SELECT meter.admit_host('{role}', '{host}')", database)


def deliver(server, database, role, calls):
    """Each in a transaction of its own; what ship() returns for each: (delivered, conflicts)."""
    said = server.rows("\n".join(calls), database, role)
    return [tuple(map(int, row)) for row in said]


def ship_all(server, database, role, local, most=60):
    return deliver(server, database, role, [batches.call(local.batch(a, b)) for a, b in local.cut_into(most)])


def number_of(server, database, store):
    return int(server.ask(f"SELECT store_no FROM meter.store WHERE store = '{store}'", database))


def insert(table, columns, rows):
    """In a few statements, with no trigger or foreign key in the way."""
    text = ["SET session_replication_role = replica;"]
    for at in range(0, len(rows), 500):
        values = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows[at:at + 500])
        text.append(f"INSERT INTO {table} ({columns}) VALUES {values};")
    return "\n".join(text)


def copy_derived(server, database, local, number):
    """usage_hour and its like, which a keeper derives, as the host has them."""
    for table, columns, own in DERIVED:
        names = columns.split(", ")
        rows = [[value + number * SIZE if name in own else value for name, value in zip(names, row)] + [number]
                for row in local.ask(f"SELECT {columns} FROM {table}")]
        server.ask(insert(f"meter.{table}", columns + ", store_no", rows), database)


def copy_books(server, database, connection):
    """All of billing.db, in place of what is there."""
    text = ["SET session_replication_role = replica;"] + [f"DELETE FROM billing.{table};" for table in BOOKS]
    for table in BOOKS:
        cursor = connection.execute(f"SELECT * FROM {table}")
        columns = ", ".join(column[0] for column in cursor.description)
        text.append(insert(f"billing.{table}", columns, cursor.fetchall()))
    server.ask("\n".join(text), database)


def shuffled(calls, pick):
    """Each one to five times, in any order."""
    many = [call for call in calls for _ in range(pick.randint(1, 5))]
    pick.shuffle(many)
    return many


def seed():
    """That of PAGEMETER_TEST_SEED, or any; printed, so that it can be given."""
    value = int(os.environ.get("PAGEMETER_TEST_SEED", 0)) or random.SystemRandom().randrange(1, 2**32)
    print(f"PAGEMETER_TEST_SEED={value}")
    return random.Random(value)
