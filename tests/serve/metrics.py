#!/usr/bin/env python3
"""/metrics: by the rules of OpenMetrics, to promtool, and in a real Prometheus, whose values are those of
the store; from a directory and from PostgreSQL.

    metrics.py BINDIR

The last line is "N passed, M failed".
"""

import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import watched
from watched import check, parse, scene, value, wait_for

COUNTER_VMS = (scene.A, scene.C, scene.D)


class Given:
    pass


def usage(t):
    rows = t.w.product.run("usage", "--format", "csv").stdout.splitlines()[1:]
    return {row.split(",")[0]: int(row.split(",")[1]) for row in rows}


def both(t):
    watched.say_figures(t.w.balloon)
    # what Prometheus was answered a moment ago is what we are answered too
    text = wait_for(lambda: "vm_target_bytes{" in (text := t.directory.metrics()) and text, "no figures are there")
    return {"directory": parse(text), "PostgreSQL": parse(t.central.metrics())}


def test_both_are_openmetrics(t):
    for where, families in both(t).items():
        check(len(families) > 15, f"{where}: {sorted(families)}")
        for family in families.values():
            unit = next((u for u in ("kib_seconds", "bytes", "seconds") if family.name.endswith("_" + u)), "")
            check(family.unit == unit, f"{family.name} has the unit '{family.unit}'")


def test_promtool_finds_nothing(t):
    check(shutil.which("promtool") is not None, "promtool is not installed: run scripts/deps.sh check")
    for text in (t.directory.metrics(), t.central.metrics()):
        families = parse(text)
        older = []  # promtool reads the older format, whose families are named as their samples, and which has no units
        for line in text.split("\n")[:-1]:
            match = re.fullmatch(r"# (TYPE|HELP) (\S+) (.*)", line)
            if match:
                family = families[match[2]]
                name = family.name if family.kind == "histogram" else watched.sample_name(family)
                older.append(f"# {match[1]} {name} {'gauge' if match[3] == 'info' else match[3]}")
            elif not line.startswith("#"):
                older.append(line)
        done = subprocess.run(["promtool", "check", "metrics"], input="\n".join(older) + "\n", capture_output=True, text=True,
                              timeout=60)
        check(done.returncode == 0, done.stderr[:500] + done.stdout[:500])


def test_documented_is_there_and_nothing_else(t):
    with open(os.path.join(watched.ROOT, "docs", "serve.md"), encoding="utf-8") as file:
        section = file.read().split("\n## Metrics\n")[1].split("\n## ")[0]
    said = set(re.findall(r"`(pagemeter_[a-z0-9_]+)`", section))
    there = {f.name if f.kind == "histogram" else watched.sample_name(f) for families in both(t).values() for f in families.values() if f.samples}
    check(said == there, f"only in docs/serve.md: {sorted(said - there)}; only in /metrics: {sorted(there - said)}")


def test_used_is_the_bill_to_the_last_digit(t):
    bill = usage(t)
    for where, families in both(t).items():
        for vm in COUNTER_VMS:
            text = value(families, "pagemeter_vm_used_kib_seconds", vm=vm)
            check(text == f"{bill[vm] // 10**9}.{bill[vm] % 10**9:09}", f"{where}: {vm}: {text} is not {bill[vm]}")
        check(not any(dict(key)["vm"] == scene.DOM0 for key in families["pagemeter_vm_used_kib_seconds"].samples), "dom0 is billed")


def test_both_say_the_same_of_vms_and_hosts(t):
    directory, central = both(t).values()
    for name, family in central.items():
        if name.startswith(("pagemeter_vm", "pagemeter_meter", "pagemeter_build")):
            # a store that was copied by shipping has the same host, restart and all; names are in each's own books
            mine = {tuple(l for l in key if l[0] != "name"): v for key, v in directory[name].samples.items()}
            other = {tuple(l for l in key if l[0] != "name"): v for key, v in family.samples.items()}
            check(mine == other, f"{name}: {mine} and {other}")


def test_both_say_the_same_of_the_fleet(t):
    """As JSON: the SQL of it is written twice too."""
    said = [json.loads(watched.fetch(server.url + "/api/v1/fleet?all=1")) for server in (t.directory, t.central)]
    hosts = [fleet["hosts"] for fleet in said]
    check(hosts[0] == hosts[1] and len(hosts[0]) == 1, hosts)
    held = [sorted((vm["vm"], vm["kib"]) for vm in fleet["vms"]) for fleet in said]
    check(held[0] == held[1] and len(held[0]) == 4, held)


def test_meter_is_as_the_store_says(t):
    m = both(t)["directory"]
    db = scene.open_db(os.path.join(t.w.product.store, "meter.db"))
    tick, utc, window, synchronised, domains, kib = db.execute(
        "SELECT tick, utc_ns, window_ns, synchronised, domains, kib FROM tick_time ORDER BY tick DESC LIMIT 1").fetchone()
    check(float(value(m, "pagemeter_meter_last_tick_timestamp_seconds")) == utc / 10**9, "the last tick")
    check(value(m, "pagemeter_meter_window_seconds") == f"0.{window:09}", "its window")
    check([value(m, f"pagemeter_meter_{n}") for n in ("clock_synchronised", "domains", "ticks")]
          == [str(synchronised), str(domains), str(tick)], "the last tick")
    check(value(m, "pagemeter_meter_allocated_bytes") == str(kib * 1024), "what is held")
    for cause, gaps, span in db.execute("SELECT cause, count(*), sum(span_ns) FROM gap GROUP BY cause").fetchall():
        check(value(m, "pagemeter_meter_gaps", cause=cause) == str(gaps), cause)
        check(value(m, "pagemeter_meter_gap_seconds", cause=cause) == f"{span // 10**9}.{span % 10**9:09}", cause)
    for table, name in (("restart", "restarts"), ("clock_step", "clock_steps")):
        check(value(m, f"pagemeter_meter_{name}") == str(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]), name)
    db.close()


def test_balloon_is_as_it_was_counted(t):
    m = both(t)["directory"]
    for vm, target, need in watched.FIGURES:
        check(value(m, "pagemeter_vm_target_bytes", vm=vm) == str(target * 1024), "a target")
        check(value(m, "pagemeter_vm_demand_bytes", vm=vm) == str(need * 1024), "a need")
    check(value(m, "pagemeter_vm_balloon_growths", vm=scene.A) == "5", "growths that failed count")
    check(value(m, "pagemeter_vm_balloon_shrinks", vm=scene.A) == "2", "shrinks")
    check(value(m, "pagemeter_vm_balloon_growths", vm=scene.C) == "1", "growths")
    check(value(m, "pagemeter_vm_balloon_refusals", vm=scene.A, reason="no-surplus") == "7", "refusals")
    check(value(m, "pagemeter_vm_balloon_alerts", vm=scene.C, reason="stale") == "1", "alerts")
    check(value(m, "pagemeter_vm_balloon_hostile_records", vm=scene.C) == "9", "hostile records")
    # B is gone: it has no metrics of its own, and is in those of the host
    check(value(m, "pagemeter_balloon_decisions", action="grow", reason="short", outcome="done") == "7", "decisions")
    check(value(m, "pagemeter_balloon_decisions", outcome="claim") == "3", "decisions that failed")
    check(value(m, "pagemeter_balloon_alerts", reason="stuck") == "1", "alerts of who is gone")
    check(value(m, "pagemeter_balloon_alerts", reason="no-surplus") == "1", "alerts of the host")
    check(value(m, "pagemeter_vm_balloon_reversals", vm=scene.A) == "6", "reversals")
    check(value(m, "pagemeter_balloon_reversals") == "7", "reversals of all")
    check(value(m, "pagemeter_balloon_lost_entries") == "11" and value(m, "pagemeter_balloon_hostile_records") == "9", "lost")


def test_reactions_are_a_histogram(t):
    """Cumulative, by bounds in seconds."""
    m = both(t)["directory"]
    within = {0.05: 30, 0.1: 30, 0.25: 35, 0.5: 35, 1: 35, 2.5: 35, 5: 35, 10: 35, 30: 37, float("inf"): 38}
    family = m["pagemeter_balloon_reaction_seconds"]
    found = {float(dict(key)["le"]): int(count) for key, count in family.samples.items()}
    check(found == within, found)
    check(family.sums == {f"{family.name}_count": "38", f"{family.name}_sum": "107.900000001"}, family.sums)


def test_shipping_is_told_on_both_sides(t):
    m, central = both(t).values()
    here = t.w.server.uri("watched", watched.ROLE)
    check(value(m, "pagemeter_ship_behind_ticks", destination=here) == "0", "it is behind")
    check(value(m, "pagemeter_ship_failing", destination=here) == "0", "it fails")
    check(value(m, "pagemeter_ship_failing", destination=watched.NOT_THERE) == "1", "it does not fail")
    check(float(value(m, "pagemeter_ship_failure_timestamp_seconds", destination=watched.NOT_THERE)) > 1.6e9, "when")
    check(value(m, "pagemeter_ship_conflicts", destination=here) == "0", "conflicts")
    check(value(central, "pagemeter_central_whole_timestamp_seconds") == value(m, "pagemeter_meter_last_tick_timestamp_seconds"),
          "what is whole")
    check(float(value(central, "pagemeter_central_lag_seconds")) > 0, "the lag")
    for name, wanted in (("holes", "0"), ("conflicts", "0"), ("awaited", "0")):
        check(value(central, f"pagemeter_central_{name}", host=scene.HOST) == wanted, name)
    check(value(central, "pagemeter_central_awaited", host=watched.AWAITED) == "1", "who never came")


def test_hostile_names_arrive_as_they_are(t):
    """In our reading, and in Prometheus's."""
    m = both(t)["directory"]
    names = {dict(key)["vm"]: dict(key).get("name") for key in m["pagemeter_vm_allocated_bytes"].samples}
    check(names[scene.D] == watched.NAME, names[scene.D])
    found = t.prometheus.ask(f'pagemeter_vm_allocated_bytes{{vm="{scene.D}",instance="127.0.0.1:{t.directory.port}"}}')
    check([labels["name"] for labels, _ in found] == [watched.NAME], found)


def test_prometheus_has_every_sample_as_the_store_gives_it(t):
    """Of either server; what goes with the time of day is there, and all else is exactly equal."""
    for server in (t.directory, t.central):
        def is_equal(server=server):
            watched.say_figures(t.w.balloon)
            families = parse(server.metrics())
            for family in families.values():
                found = t.prometheus.ask(f'{watched.sample_name(family)}{{instance="127.0.0.1:{server.port}"}}')
                values = {tuple(sorted((k, v) for k, v in labels.items() if k not in ("__name__", "instance", "job"))): v
                          for labels, v in found}
                told = {tuple(l for l in key if l[1] != ""): float(v) for key, v in family.samples.items()}
                if values.keys() != told.keys():
                    return False
                if family.name != "pagemeter_central_lag_seconds" and values != told:
                    return False
            return True
        wait_for(is_equal, f"Prometheus has other values than {server.url}")
    check(all(v == 1 for _, v in t.prometheus.ask("up")), "a target is down")


def counters(families):
    return {(f.name, key): float(v) for f in families.values() if f.kind == "counter" for key, v in f.samples.items()}


def fresh(server, before):
    """Not from the cache of a moment ago."""
    return parse(wait_for(lambda: (text := server.metrics()) != before and text, "nothing has changed"))


def test_zz_counters_never_go_back(t):
    """While it is measured on, and while all that is old enough to go is deleted, on each side."""
    servers = (t.directory, t.central)
    texts = [s.metrics() for s in servers]
    seen = [[counters(parse(text))] for text in texts]
    for step in range(3):
        if step == 0:
            t.w.go_on(30)
        elif step == 1:
            watched.decide(t.w.balloon, watched.DECISIONS)
            t.w.go_on(1)
            for table in ("decision", "alert", "lost"):
                t.w.balloon.execute(f"DELETE FROM {table}")
            t.w.balloon.commit()
        else:
            t.w.go_on(5)
            t.w.central.run("db", "keep", "--raw", "1d")
        for i, server in enumerate(servers):
            families = fresh(server, texts[i])
            texts[i] = server.metrics()
            seen[i].append(counters(families))
    check(t.w.server.ask("SELECT count(*) FROM meter.prune", "watched") != "0", "nothing was pruned")
    for all_of_one in seen:
        for earlier, later in zip(all_of_one, all_of_one[1:]):
            lost = [key for key, v in earlier.items() if key not in later or later[key] < v]
            check(not lost, f"went back: {lost[:3]}")
            grown = [key for key, v in earlier.items() if later[key] > v]
            check(any(name == "pagemeter_vm_used_kib_seconds" for name, _ in grown), "nothing was used meanwhile")
    bill = usage(t)
    for families in both(t).values():
        check(all(float(value(families, "pagemeter_vm_used_kib_seconds", vm=vm)) == bill[vm] / 10**9 for vm in COUNTER_VMS),
              "not what is billed")


def test_zzz_the_rest_is_told_without_what_cant_be_read(t):
    with watched.scene.copy_of(t.w.product) as copy:
        notes = os.path.join(os.path.dirname(copy.store), "notes")
        os.makedirs(notes)
        for path in (os.path.join(copy.store, "balloon.db"), os.path.join(notes, "ship.db")):
            with open(path, "wb") as file:
                file.write(b"this is no database" * 500)
        for name in ("balloon.db-wal", "balloon.db-shm"):
            if os.path.exists(os.path.join(copy.store, name)):
                os.unlink(os.path.join(copy.store, name))
        with watched.Serving(t.w.bindir, copy.store, "--ship", notes) as server:
            families = parse(server.metrics())
    check(value(families, "pagemeter_balloon_readable") == "0" and value(families, "pagemeter_ship_readable") == "0", "readable")
    check(not any(name.startswith(("pagemeter_balloon_d", "pagemeter_ship_b")) for name in families), sorted(families))
    check(len(families["pagemeter_vm_used_kib_seconds"].samples) == len(COUNTER_VMS), "VMs are missing")


def main():
    t = Given()
    with watched.watched(sys.argv[1]) as t.w:
        with watched.Serving(t.w.bindir, t.w.product.store, "--ship", t.w.ship_dir) as t.directory, \
                watched.Serving(t.w.bindir, t.w.reader_uri) as t.central:
            with watched.Prometheus(t.w.scratch, [t.directory.port, t.central.port]) as t.prometheus:
                return watched.run_tests(sys.modules[__name__], t)


if __name__ == "__main__":
    sys.exit(main())
