#!/usr/bin/env python3
"""The page of pagemeter serve in a real browser: starts the server, and page.mjs beside it.

    page.py BINDIR MODULES OUT

MODULES has node_modules of package-lock.json, OUT gets the pictures. A browser that is missing is a
failure. The last line is "N passed, M failed".
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import guests
import scene

NAME = "<img src=x onerror=alert(1)>"


def free_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def wait_for(address):
    host, port = address.split(":")
    for _ in range(1200):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens at {address}")


def main():
    bindir, modules, out = map(os.path.abspath, sys.argv[1:4])
    browser = shutil.which("chromium")
    if browser is None or shutil.which("node") is None:
        print("chromium and node are needed: run scripts/deps.sh browser\n0 passed, 1 failed")
        return 1
    os.makedirs(out, exist_ok=True)
    address, on_demand = free_address(), free_address()
    with scene.store_of(bindir) as product, tempfile.TemporaryDirectory() as scratch:
        key = os.path.join(scratch, "link.key")
        product.run("account", "assign", scene.D, "acme", "--from", "2024-02", "--name", NAME)
        product.run("link", "--make-key", "--key", key)
        link = product.run("link", "acme", "--key", key, "--url", f"http://{address}").stdout.strip()
        shutil.copy(os.path.join(HERE, "page.mjs"), modules)
        program = os.path.join(bindir, "pagemeter-serve")
        with (subprocess.Popen([program, "--db", product.store, "--listen", address, "--key", key]) as server,
              subprocess.Popen([program, "--db", guests.store(bindir, scratch), "--listen", on_demand]) as other):
            wait_for(address)
            wait_for(on_demand)
            done = subprocess.run(["node", os.path.join(modules, "page.mjs"), browser, f"http://{address}", link, scene.A,
                                   scene.C, out, f"http://{on_demand}", guests.charts.vm_of(1),
                                   str(guests.BEGIN_S * 1000)], timeout=120, check=False)
            server.terminate()
            other.terminate()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
