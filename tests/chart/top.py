#!/usr/bin/env python3
"""pagemeter top: memory on demand's columns when pageballoond answers, and as ever when it does not.

    top.py BINDIR

A simulated host is metered, and a control socket of the test's own answers, refuses, says nothing or
is not there. The last line is "N passed, M failed".
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

SIM = "[sim]\nseed = 5\ndomains = 2\nkib = 1048576\n"
PLAIN = "VM                                   domid  state              KiB     change    GiB*h today"
MORE = "   target     need    avail headroom  ceiling  MiB, balloon"


class Control:
    """A pageballoond that says what it is told to; None: nothing, for as long as the test runs."""

    def __init__(self, path, answer):
        self.answer, self.asked = answer, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(8)
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.open.append(client)
            self.asked.append(client.recv(4096).decode())
            if self.answer is not None:
                client.sendall(self.answer.encode())
                client.close()

    def close(self):
        self.server.close()


def host(bindir, place):
    """The daemon, and the uuids of its VMs by domid."""
    sim = os.path.join(place, "host.sim")
    with open(sim, "w", encoding="ascii") as file:
        file.write(SIM)
    stream = os.path.join(place, "stream.sock")
    daemon = subprocess.Popen([os.path.join(bindir, "pagemeterd"), "--source", f"sim:{sim}", "--db",
                               os.path.join(place, "db"), "--stream", stream, "--interval", "100ms", "--max-gap", "500ms"],
                              stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while not os.path.exists(stream):
        if time.monotonic() > until:
            raise AssertionError("pagemeterd does not begin")
        time.sleep(0.02)
    return daemon, stream


def top(bindir, place, stream, control, ticks=2):
    begun = time.monotonic()
    done = subprocess.run([os.path.join(bindir, "pagemeter"), "top", "--stream", stream, "--db", os.path.join(place, "db"),
                           "--socket", control, "--ticks", str(ticks)], capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise AssertionError(f"top exits with {done.returncode}: {done.stderr}")
    return done.stdout.splitlines(), time.monotonic() - begun


def vms(lines):
    return {line.split()[1]: line.split()[0] for line in lines if re.match("[0-9a-f]{8}-", line)}


def expect(is_true, what):
    if not is_true:
        raise AssertionError(what)


def check(bindir, place):
    daemon, stream = host(bindir, place)
    try:
        lines, _ = top(bindir, place, stream, os.path.join(place, "nobody.sock"))
        expect(PLAIN in lines and not any("balloon" in line for line in lines), f"without pageballoond: {lines}")
        uuids = vms(lines)
        expect(len(uuids) == 2, f"two VMs: {lines}")
        passed = 1

        answer = (f"host mode=on\nvm domid=1 name=web uuid={uuids['1']} state=run need_kib=512000 available_kib=204800 "
                  "headroom_kib=25600 target_kib=737280 ceiling_kib=2097152 floor_kib=1\nok\n")
        control = Control(os.path.join(place, "answers.sock"), answer)
        lines, _ = top(bindir, place, stream, os.path.join(place, "answers.sock"))
        expect(PLAIN + MORE in lines, f"no columns of memory on demand: {lines}")
        (row,) = {line[line.index(" 1048576"):].split(None, 3)[3] for line in lines if line.startswith(uuids["1"])}
        expect(row.split() == ["720", "500", "200", "25", "2048", "run"], f"the columns of a VM: {row}")
        (row,) = {line.split(None, 6)[6] for line in lines if line.startswith(uuids["2"])}
        expect(row.split() == ["-"] * 6, f"the columns of a VM of which nothing is known: {row}")
        expect(set(control.asked) == {"list\n"}, f"what was asked: {control.asked}")
        control.close()
        passed += 1

        control = Control(os.path.join(place, "refuses.sock"), "error refused not now\n")
        lines, _ = top(bindir, place, stream, os.path.join(place, "refuses.sock"))
        expect(PLAIN in lines, f"refused: {lines}")
        control.close()
        passed += 1

        control = Control(os.path.join(place, "hangs.sock"), None)
        lines, took = top(bindir, place, stream, os.path.join(place, "hangs.sock"), 5)
        expect(PLAIN in lines, f"hung: {lines}")
        expect(took < 5 and len(control.asked) == 1, f"a hung pageballoond delays: {took:.1f} s, {len(control.asked)} times asked")
        control.close()
        return passed + 1
    finally:
        daemon.terminate()
        daemon.wait(10)


def main():
    with tempfile.TemporaryDirectory(prefix="pagemeter-top.") as place:
        try:
            passed, failed = check(os.path.abspath(sys.argv[1]), place), 0
        except AssertionError as wrong:
            print(f"FAIL {wrong}")
            passed, failed = 0, 1
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
