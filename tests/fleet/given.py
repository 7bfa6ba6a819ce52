"""A database of a cluster that somebody names, in the place of a test's own server (server.py).

It must be empty of Pagemeter, and the role in the URI a superuser: roles and schemas are made in it.
They stay there, to be looked at.
"""

import re
import subprocess

from cluster import DISTRIBUTION
from server import Refused



class Given:
    def __init__(self, uri, is_citus):
        self.given, self.is_citus = uri, is_citus

    def __enter__(self):
        if self.is_citus and not self.ask("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
            raise SystemExit(f"{self.given} is no database of Citus: CREATE EXTENSION citus makes it one\n0 passed, 1 failed")
        if self.ask("SELECT 1 FROM pg_namespace WHERE nspname IN ('pagemeter', 'meter', 'billing') LIMIT 1"):
            raise SystemExit(f"{self.given} has a Pagemeter already: name an empty database\n0 passed, 1 failed")
        return self

    def __exit__(self, *_):
        pass

    def ask(self, text, _=None, role=None):
        done = subprocess.run(["psql", self.uri(None, role), "-v", "ON_ERROR_STOP=1", "-qAtX"], input=text,
                              capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise Refused(done.stderr[:1000])
        return done.stdout.strip()

    def rows(self, text, database=None, role=None):
        return [line.split("|") for line in self.ask(text, database, role).splitlines()]

    def uri(self, _, role=None):
        """Of another role: what it logs in with is the cluster's business (~/.pgpass, trust)."""
        return self.given if role is None else re.sub(r"^(\w+://)([^@/]*@)?", rf"\g<1>{role}@", self.given)

    def create(self, _):
        """It is there."""

    def distribute(self, _):
        for path in DISTRIBUTION if self.is_citus else []:
            with open(path, encoding="utf-8") as file:
                self.ask(file.read())
