"""reaction.py RESULTS - from need to memory arrived: median and 99th percentile.

Joins two logs: what each guest's program said on its console, by the guest's clock (src/hog.c, "below" and
"above": MemAvailable against half of the headroom), and what the hypervisor said in dom0, by dom0's clock
(src/memwatch.c). memwatch has asked each guest for its clock; the answer is as exact as half of a round trip.

A need is a "below" after which memory is still to come. For each: when the agent's record arrived in xenstore,
when a higher target was written, when the domain's first page came, when all of the target was there, and when the
program itself saw enough again. pageballoond has counted needs too (table reaction), by what it knows.
"""
import re
import sqlite3
import sys
from pathlib import Path

EVENTS = 50
NEVER = float('inf')
ROOM_KIB = 16 * 1024            # a guest nearer to its ceiling has nothing to wait for
BALLOON_OFFSET_KIB = 192        # a PVH guest has 16 pages more than its target, and 128 KiB count as arrived


def read_witness(path):
    clocks, sizes, targets, records = {}, {}, {}, {}
    for line in path.read_text().splitlines():
        kind, at, *rest = line.split(maxsplit=3 if line[0] == 'R' else -1)
        if kind == 'C':
            clocks[rest[0]] = (int(at) - int(rest[1]), int(rest[2]))
        elif kind == 'D' and rest[1] != 'gone':
            sizes.setdefault(rest[0], []).append((int(at), int(rest[1])))
        elif kind == 'T':
            targets.setdefault(rest[0], []).append((int(at), int(rest[1])))
        elif kind == 'R':
            records.setdefault(rest[0], []).append((int(at), 0))
    return clocks, sizes, targets, records


def first(events, since, is_it):
    return next((at for at, value in events if at >= since and is_it(value)), NEVER)


def last_value(events, until):
    return max((event for event in events if event[0] <= until), default=(0, 0))[1]


def needs_of(console, shift):
    """(below, above) in dom0's time, for each need."""
    below = None
    for what, at in re.findall(r'^hog need (below|above) (\d+)', console, re.M):
        if what == 'below':
            below = int(at) + shift
        elif below is not None:
            yield below, int(at) + shift
            below = None
    if below is not None:
        yield below, NEVER


def stages(at, above, sizes, targets, records):
    """When what happened. A grant that is under way already counts as one at once."""
    had, target = last_value(sizes, at), last_value(targets, at)
    target_at = at
    if target <= had + BALLOON_OFFSET_KIB:
        target_at = first(targets, at, lambda kib: kib > target)
        target = next((kib for t, kib in targets if t == target_at), NEVER)
    return {'record': first(records, at, lambda _: True), 'target': target_at,
            'first page': first(sizes, at, lambda kib: kib > had),
            'arrived': first(sizes, at, lambda kib: kib >= target - BALLOON_OFFSET_KIB), 'enough': above}


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def figures(title, events):
    print(f'    {title}: {len(events)} needs')
    for stage in ('record', 'target', 'first page', 'arrived', 'enough'):
        values = [e[stage] / 1000 for e in events if e[stage] != NEVER]
        if values:
            print(f'      to {stage:10}  median {percentile(values, .5):7.1f} ms   p99 {percentile(values, .99):7.1f} ms'
                  f'   most {max(values):7.1f} ms   never {len(events) - len(values)}')


def counted(results):
    """(how many, within a second, milliseconds on average) by pageballoond."""
    with sqlite3.connect(results / 'db/balloon.db') as store:
        rows = store.execute('SELECT up_to_ms, total, ns FROM reaction').fetchall()
    count = sum(total for _, total, _ in rows)
    print('    counted: ' + ', '.join(f'{total} within {up_to} ms' if up_to else f'{total} longer' for up_to, total, _ in rows))
    return count, sum(total for up_to, total, _ in rows if 0 < up_to <= 1000), sum(ns for *_, ns in rows) / 1e6 / max(count, 1)


def main():
    results = Path(sys.argv[1])
    clocks, sizes, targets, records = read_witness(results / 'memwatch.log')
    events = {'pv': [], 'pvh': []}
    inexact = 0
    for line in (results / 'guests').read_text().splitlines():
        name, domid, ceiling_kib = line.split()
        shift, round_trip = clocks[domid]
        inexact = max(inexact, round_trip / 2000)
        console = (results / f'log/console/guest-{name}.log').read_text(errors='replace').replace('\r', '')
        for at, above in needs_of(console, shift):
            if last_value(sizes[domid], at) > int(ceiling_kib) - ROOM_KIB:
                continue
            moments = stages(at, above, sizes.get(domid, []), targets.get(domid, []), records.get(domid, []))
            events[name.rstrip('0123456789')].append({k: v - at for k, v in moments.items()})
    everything = events['pv'] + events['pvh']
    print(f'    clocks of guests and dom0 agree within {inexact:.1f} ms')
    for title, some in (('PV', events['pv']), ('PVH', events['pvh']), ('all', everything)):
        if some:
            figures(title, some)
    count, within, average = counted(results)
    seen = sum(e['enough'] for e in everything if e['enough'] != NEVER) / 1000 / max(len(everything), 1)
    print(f'    on average: {average:.1f} ms counted, {seen:.1f} ms seen by the programs')
    checks = [(f'{len(everything)} needs were seen, at least {EVENTS}', len(everything) >= EVENTS),
              ('memory arrived after each', all(e['arrived'] != NEVER for e in everything)),
              ('pageballoond has counted about as many', 0.8 * len(everything) <= count <= 1.5 * len(everything)),
              ('and nine of ten within a second', count > 0 and within >= 0.9 * count),
              ('half of them had it within a second',
               bool(everything) and percentile([e['arrived'] for e in everything], .5) < 1e6)]
    for what, is_ok in checks:
        print('ok  ' if is_ok else 'FAIL', what)
    failed = sum(not is_ok for _, is_ok in checks)
    print(f'\n{len(checks) - failed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
