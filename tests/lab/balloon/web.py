"""web.py RESULTS - the web server's memory followed its users: how long it took to arrive, and what came of it.

Joins what pageballoond says that it decided (balloon.db) with what the hypervisor and xenstore said in dom0
(src/memwatch.c; both clocks are the same): each growth has a cause, a record of the guest's agent.
"""
import re
import sqlite3
import sys
from pathlib import Path

NEVER = float('inf')
SECOND_US = 1000000
SWAPPED_MIB = 16                # at most


def read_run(path):
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines())


def read_witness(path, domid):
    """The VM's size over time, and its agent's records: {sequence: (when it was in xenstore, figures)}."""
    sizes, records = [], {}
    for line in path.read_text().splitlines():
        kind, at, *rest = line.split(maxsplit=3 if line[0] == 'R' else -1)
        if kind == 'D' and rest[0] == domid and rest[1] != 'gone':
            sizes.append((int(at), int(rest[1])))
        elif kind == 'R' and rest[0] == domid:
            figures = dict(re.findall(r'(\w+)=(\d+)', rest[1]))
            records.setdefault(int(figures['seq']), (int(at), figures))
    return sizes, records


def read_growths(path, domid):
    store = sqlite3.connect(path)
    rows = store.execute("SELECT at_ns / 1000, cause, cause_number, target_kib FROM decision WHERE domid = ?"
                         " AND action = 'grow' AND failure = '-' ORDER BY at_ns", (domid,)).fetchall()
    store.close()
    return rows


def arrivals(growths, sizes, records):
    """Of each growth how long after its record (or, without one, its decision) all of it was there."""
    for at, cause, number, target in growths:
        since = records[number][0] if cause == 'record' and number in records else at
        yield next((t for t, kib in sizes if t >= since and kib >= target), NEVER) - since


def main():
    results = Path(sys.argv[1])
    run = read_run(results / 'run')
    sizes, records = read_witness(results / 'memwatch.log', run['domid'])
    times = sorted(arrivals(read_growths(results / 'db/balloon.db', int(run['domid'])), sizes, records))
    figures = [figures for _, figures in records.values()]
    least = min((int(f['avail']) for f in figures), default=0)
    swapped = max((int(f['swtot']) - int(f['swfree']) for f in figures), default=0)
    worst = times[-1] / 1000 if times else NEVER
    median = times[len(times) // 2] / 1000 if times else NEVER
    print(f'    {len(times)} growths: median {median:.0f} ms, most {worst:.0f} ms from the record to all of it')
    print(f'    at least {least / 1024:.0f} MiB were available; at most {swapped / 1024:.0f} MiB of swap were in use')
    checks = [('it grew in steps, as its users came', len(times) >= 4),
              ('each step was there within a second', worst <= SECOND_US / 1000),
              ('something was available at any time', least > 0),
              (f'at most {SWAPPED_MIB} MiB were swapped', swapped <= SWAPPED_MIB * 1024)]
    for what, is_ok in checks:
        print('ok  ' if is_ok else 'FAIL', what)
    failed = sum(not is_ok for _, is_ok in checks)
    print(f'\n{len(checks) - failed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
