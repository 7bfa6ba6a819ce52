#!/usr/bin/env python3
"""The page of pagemeter serve in a real browser: starts the server, and page.mjs beside it.

    page.py BINDIR MODULES OUT

MODULES has node_modules of package-lock.json, OUT gets the pictures. A browser that is missing is a
failure. The last line is "N passed, M failed".
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "billing"))
import scene

NAME = "<img src=x onerror=alert(1)>"


def main():
    bindir, modules, out = map(os.path.abspath, sys.argv[1:4])
    browser = shutil.which("chromium")
    if browser is None or shutil.which("node") is None:
        print("chromium and node are needed: run scripts/deps.sh browser\n0 passed, 1 failed")
        return 1
    os.makedirs(out, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with scene.store_of(bindir) as product, tempfile.TemporaryDirectory() as scratch:
        key = os.path.join(scratch, "link.key")
        product.run("account", "assign", scene.D, "acme", "--from", "2024-02", "--name", NAME)
        product.run("link", "--make-key", "--key", key)
        link = product.run("link", "acme", "--key", key, "--url", f"http://{address}").stdout.strip()
        shutil.copy(os.path.join(HERE, "page.mjs"), modules)
        with subprocess.Popen([os.path.join(bindir, "pagemeter-serve"), "--db", product.store, "--listen", address,
                               "--key", key]) as server:
            time.sleep(0.5)
            done = subprocess.run(["node", os.path.join(modules, "page.mjs"), browser, f"http://{address}", link, scene.A,
                                   scene.C, out], timeout=120, check=False)
            server.terminate()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
