#!/usr/bin/env python3
"""To another machine only by TLS, with its certificate verified, unless somebody says otherwise.

    tls.py BINDIR

A server on loopback is reached by the name of another machine (hostaddr=), or as 0.0.0.0, which is no
loopback address and leads there, so that it counts as one. It first has no TLS, then a certificate for
db.example by an authority of the test's own. The last line is "N passed, M failed".
"""

import os
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import server as postgres


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(directory):
    """One that signs itself is its own authority."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=db.example",
                    "-addext", "subjectAltName=DNS:db.example", "-keyout", f"{directory}/server.key", "-out",
                    f"{directory}/server.crt"], check=True, capture_output=True)
    os.chmod(f"{directory}/server.key", 0o600)
    if postgres.USER:
        subprocess.run(["chown", "-R", "postgres", directory], check=True)


def main():
    program = os.path.join(os.path.abspath(sys.argv[1]), "pagemeter")
    passed = failed = 0
    port = free_port()
    at = f"connect_timeout=5&hostaddr=127.0.0.1&port={port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def check(what, uri, said, **variables):
        """said None: it must work."""
        nonlocal passed, failed
        done = subprocess.run([program, "db", "status", "--db", uri], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, env={**environment, "HOME": "/nonexistent", **variables})
        is_good = done.returncode == 0 if said is None else done.returncode == 3 and any(
            word in done.stderr for word in said)
        passed, failed = passed + is_good, failed + (not is_good)
        if not is_good:
            print(f"FAIL {what}: exits with {done.returncode}: {done.stderr.strip()}")

    with tempfile.TemporaryDirectory() as keys, postgres.Server(f"-c listen_addresses=127.0.0.1 -c port={port}") as server:
        os.chmod(keys, 0o755)
        make_certificate(keys)
        direct = f"postgresql://postgres@/postgres?host={server.place}&port={port}"
        subprocess.run([program, "db", "init", "--db", direct], check=True, stdout=subprocess.DEVNULL)
        check("a server without TLS", f"postgresql://postgres@db.example/postgres?{at}", ["does not support SSL"])
        check("without TLS, as was said", f"postgresql://postgres@db.example/postgres?{at}&sslmode=disable", None)
        check("this machine", f"postgresql://postgres@127.0.0.1:{port}/postgres", None)
        for local in ("host=localhost", "hostaddr=127.0.0.1", "host=localhost&hostaddr=127.0.0.1", "host=127.0.0.1&sslmode=",
                      f"host={server.place}", f"host=/nowhere,{server.place},localhost"):
            check(f"this machine by {local}", f"postgresql://postgres@/postgres?port={port}&{local}", None)
        refused = ["does not support SSL", "No such file", "Connection refused"]  # of a list the first is told
        for far in ("host=0.0.0.0", "hostaddr=0.0.0.0", "host=localhost&hostaddr=0.0.0.0", "host=/nowhere&hostaddr=0.0.0.0",
                    "host=127.evil.example&hostaddr=127.0.0.1", "host=/nowhere,0.0.0.0", "host=127.0.0.2,0.0.0.0",
                    "host=0.0.0.0&sslmode=", "hostaddr=0.0.0.0&sslmode="):
            check(f"another machine by {far}", f"postgresql://postgres@/postgres?port={port}&{far}", refused)
        with open(f"{keys}/services", "w", encoding="utf-8") as file:
            file.write("[far]\nhostaddr=0.0.0.0\n")
        here = f"postgresql://postgres@/postgres?port={port}"
        for variables in ({"PGHOSTADDR": "0.0.0.0"}, {"PGHOST": "/nowhere,0.0.0.0"}, {"PGHOST": "0.0.0.0", "PGSSLMODE": ""},
                          {"PGSERVICE": "far", "PGSERVICEFILE": f"{keys}/services"},
                          {"PGSERVICE": "far", "PGSERVICEFILE": f"{keys}/services", "PGSSLMODE": ""}):
            check(f"another machine by {variables}", here, refused, **variables)
        check("this machine by the environment", here, None, PGHOST="127.0.0.1")
        server.stop()
        server.options += f" -c ssl=on -c ssl_cert_file={keys}/server.crt -c ssl_key_file={keys}/server.key"
        server.start()
        root = f"sslrootcert={keys}/server.crt"
        check("an authority that nobody trusts", f"postgresql://postgres@db.example/postgres?{at}",
              ["certificate verify failed", "root certificate"])
        check("the authority that was named", f"postgresql://postgres@db.example/postgres?{at}&{root}", None)
        check("another machine's certificate", f"postgresql://postgres@db2.example/postgres?{at}&{root}",
              ["does not match host name"])
        check("verification turned off, as was said", f"postgresql://postgres@db2.example/postgres?{at}&sslmode=require", None)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
