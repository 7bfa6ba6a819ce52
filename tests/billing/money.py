#!/usr/bin/env python3
"""The example of docs/money.md, run again: each command says what the page says.

    money.py BINDIR

The page's first indented block is the trace; then every "$ command", with the lines that it says. The
figures computed by hand are compared too. The last line is "N passed, M failed".
"""

import os
import re
import subprocess
import sys
import tempfile

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "money.md")
D = 3774873600 * 10**9 * 10**9


def blocks(text):
    """Indented lines, as runs of them."""
    return [re.sub(r"^ {4}", "", block, flags=re.M).rstrip("\n")
            for block in re.findall(r"(?:^ {4}.*\n)+", text, re.M)]


def commands(block):
    """(command, what it says) for each line that begins with a dollar."""
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    for part in parts:
        lines = part.split("\n")
        count = 1  # an open quote goes on
        while "\n".join(lines[:count]).count('"') % 2:
            count += 1
        yield "\n".join(lines[:count]), "\n".join(lines[count:]).rstrip("\n")


def run(command, directory, environment):
    done = subprocess.run(["bash", "-c", command], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    return "\n".join(line.rstrip() for line in done.stdout.rstrip("\n").split("\n")) if done.stdout else ""


def check_by_hand(text):
    """The table's rows are their own arithmetic, and the exact figures are exact."""
    rows = re.findall(r"^\| [ABC], \w+ \| (\d) \| ([\d.]+) \| ?([\d.]*) \| (\d) \| ([\d.]+)", text, re.M)
    for gib_h, numerator, carried_in, posted, carried in rows:
        total = int(gib_h) * 125 + round(float(carried_in or 0) * 100)
        if int(gib_h) * 125 != round(float(numerator) * 100) or int(posted) != total // 100 or \
                round(float(carried) * 100) != total % 100:
            raise AssertionError(f"the row of {gib_h} GiB*h, {numerator}")
    usage = 3 * 3774873600 * 10**9
    for figure in (usage, usage * 1250000000, usage * 1250000000 - 3 * D):
        if f"{figure:,}" not in text:
            raise AssertionError(f"{figure:,} is not on the page")
    if len(rows) != 4 or usage * 1250000000 // D != 3:
        raise AssertionError(f"{len(rows)} rows")


def main():
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    example = text[text.index("## An example"):text.index("## Checking")]
    found = blocks(example)
    environment = dict(os.environ, PATH=os.path.abspath(sys.argv[1]) + ":" + os.environ["PATH"], LC_ALL="C.UTF-8", TZ="UTC")
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="pagemeter-money.") as directory:
        with open(os.path.join(directory, "example.trace"), "w", encoding="ascii") as file:
            file.write(found[0] + "\n")
        for block in found[1:]:
            for command, says in commands(block):
                said = run(command, directory, environment)
                if said == says:
                    passed += 1
                else:
                    failed += 1
                    print(f"FAIL {command}\nsays\n{said}\nand the page says\n{says}")
    try:
        check_by_hand(example)
        passed += 1
    except AssertionError as error:
        failed += 1
        print(f"FAIL by hand: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
