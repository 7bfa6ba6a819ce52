#!/usr/bin/env python3
"""The dashboards of reports/grafana/, without Grafana: their structure, and each of their queries, with
Grafana's macros and variables in place, on a Prometheus that scrapes a server and on PostgreSQL as a role
that may only read. The scene has something for each panel to show: none may be empty.

    grafana.py BINDIR

The last line is "N passed, M failed".
"""

import copy
import json
import os
import re
import sys
import time
from datetime import datetime, timezone

sys.dont_write_bytecode = True
import watched
from watched import check, scene, wait_for

FOLDER = os.path.join(watched.ROOT, "reports", "grafana")
SOURCES = {"prometheus.json": "prometheus", "postgresql.json": "postgres"}
PANELS = {"stat", "timeseries", "table", "bargauge", "state-timeline", "row"}  # which Grafana comes with
UNITS = {"bytes", "short", "s", "none"}


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return json.load(file)


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(dashboard):
    """(panel, target)."""
    return [(panel, target) for panel in panels(dashboard) for target in panel["targets"]]


# ---- structure ----

def check_structure(name, dashboard):
    check(36 <= dashboard["schemaVersion"] <= 41, f"{name}: schemaVersion {dashboard['schemaVersion']}")
    check(dashboard["id"] is None and re.fullmatch(r"[a-z-]{1,40}", dashboard["uid"]), f"{name}: its uid {dashboard['uid']}")
    inputs = {one["name"]: one for one in dashboard["__inputs"]}
    check(len(inputs) == 1 and all(one["type"] == "datasource" for one in inputs.values()), f"{name}: its inputs")
    check(all(one["pluginId"] == SOURCES[name] for one in inputs.values()), f"{name}: its data source")
    text = json.dumps({key: value for key, value in dashboard.items() if not key.startswith("__")})
    check("http://" not in text and "https://" not in text, f"{name}: has an address")
    wanted = {panel["type"] for panel in panels(dashboard)}
    check({one["id"] for one in dashboard["__requires"] if one["type"] == "panel"} == wanted, f"{name}: its __requires")
    sources = [v["datasource"] for v in dashboard["templating"]["list"]]
    for panel in panels(dashboard):
        sources += [panel["datasource"]] + [target["datasource"] for target in panel["targets"]]
    for source in sources:
        match = re.fullmatch(r"\$\{(\w+)\}", source["uid"])
        check(match and match[1] in inputs and source["type"] == SOURCES[name], f"{name}: a data source {source}")


def check_panels(name, dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    check(len(set(ids)) == len(ids), f"{name}: ids are there twice")
    cells = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        check(at["w"] > 0 and at["h"] > 0 and at["x"] >= 0 and at["y"] >= 0 and at["x"] + at["w"] <= 24, f"{name}: {at}")
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        check(not mine & cells, f"{name}: {panel['title']} lies over another panel")
        cells |= mine
        check(panel["type"] in PANELS and panel["title"], f"{name}: {panel['type']} {panel['title']}")
        if panel["type"] == "row":
            continue
        check(len(panel["description"]) > 15, f"{name}: {panel['title']} is not described")
        check(panel["fieldConfig"]["defaults"]["unit"] in UNITS, f"{name}: the unit of {panel['title']}")
        check(panel["targets"] and len({t["refId"] for t in panel["targets"]}) == len(panel["targets"]), f"{name}: {panel['title']}")
        for target in panel["targets"]:
            check(target["format"] in ("time_series", "table"), f"{name}: {panel['title']}: its format")
            check((target.get("expr") or target.get("rawSql") or "").strip(), f"{name}: {panel['title']} asks nothing")


def test_structure(_):
    check(sorted(n for n in os.listdir(FOLDER)) == sorted(SOURCES), os.listdir(FOLDER))
    for name in SOURCES:
        dashboard = load(name)
        check_structure(name, dashboard)
        check_panels(name, dashboard)
    check(len({load(name)["uid"] for name in SOURCES}) == len(SOURCES), "two have one uid")


def test_structure_that_is_wrong_is_found(_):
    def overlap(d):
        d["panels"][1]["gridPos"] = dict(d["panels"][0]["gridPos"])

    def widen(d):
        d["panels"][0]["gridPos"]["w"] = 25

    def same_id(d):
        d["panels"][1]["id"] = d["panels"][0]["id"]

    def undeclared(d):
        d["panels"][0]["targets"][0]["datasource"]["uid"] = "${DS_OTHER}"

    def silent(d):
        d["panels"][0]["targets"][0] |= {"expr": " ", "rawSql": " "}

    def old(d):
        d["schemaVersion"] = 16

    for name in SOURCES:
        for spoil in (overlap, widen, same_id, undeclared, silent, old):
            dashboard = copy.deepcopy(load(name))
            spoil(dashboard)
            try:
                check_structure(name, dashboard)
                check_panels(name, dashboard)
            except AssertionError:
                continue
            raise AssertionError(f"{name}: {spoil.__name__} is not found")


# ---- what Grafana puts into a query ----

class Range:
    """A dashboard's time, of a width of so many seconds, and what is chosen of its variables."""

    def __init__(self, start, end, chosen):
        self.start, self.end, self.chosen = int(start), int(end), chosen
        self.interval = max(1, (self.end - self.start) // 1000)

    def promql(self, expr):
        """By Grafana's words for Prometheus: $__rate_interval is at least four scrapes, a choice is a regular expression."""
        for word, value in (("$__rate_interval", f"{max(self.interval + 1, 4)}s"), ("$__range", f"{self.end - self.start}s"),
                            ("$__interval", f"{self.interval}s")):
            expr = expr.replace(word, value)
        for name, value in self.chosen.items():
            value = value if isinstance(value, str) else "|".join(map(re.escape, value))
            expr = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", value, expr)
        check("$" not in expr, f"what is this: {expr}")
        return expr

    def sql(self, text):
        """Variables first, and then the macros of the PostgreSQL data source: their arguments have no parentheses."""
        for word, value in (("from", self.start), ("to", self.end)):
            text = text.replace(f"${{__{word}:date:seconds}}", str(value)).replace(f"${{__{word}}}", str(value * 1000))
        for name, values in self.chosen.items():
            quoted = ",".join("'" + v.replace("'", "''") + "'" for v in values)
            text = text.replace(f"${{{name}:sqlstring}}", quoted)
        text = re.sub(r"\$(__\w+)\(([^)]*)\)", lambda m: self.macro(m[1], [a.strip() for a in m[2].split(",")]), text)
        check("$" not in text, f"what is this: {text}")
        return text

    def macro(self, name, words):
        column = words[0]
        start, end = (datetime.fromtimestamp(t, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") for t in (self.start, self.end))
        macros = {
            "__time": f'{column} AS "time"',
            "__timeEpoch": f'extract(epoch from {column}) as "time"',
            "__timeFilter": f"{column} BETWEEN '{start}' AND '{end}'",
            "__timeFrom": f"'{start}'",
            "__timeTo": f"'{end}'",
            "__unixEpochFilter": f"{column} >= {self.start} AND {column} <= {self.end}",
            "__unixEpochNanoFilter": f"{column} >= {self.start}000000000 AND {column} <= {self.end}000000000",
            "__unixEpochNanoFrom": f"{self.start}000000000",
            "__unixEpochNanoTo": f"{self.end}000000000",
        }
        check(name in macros, f"no macro {name} is known here")
        return macros[name]


def test_macros_are_put_in_as_documented(_):
    r = Range(1700000000, 1700003600, {"vm": ".*", "account": ["a", "o'b"]})
    check(r.promql('rate(x{vm=~"$vm"}[$__rate_interval]) + y[$__range] + z[$__interval]') ==
          'rate(x{vm=~".*"}[4s]) + y[3600s] + z[3s]', r.promql("$__rate_interval"))
    check(r.sql("$__timeFilter(t) AND a IN (${account:sqlstring}) AND ${__from:date:seconds} < $__unixEpochNanoTo()") ==
          "t BETWEEN '2023-11-14T22:13:20Z' AND '2023-11-14T23:13:20Z' AND a IN ('a','o''b') AND 1700000000 < 1700003600000000000",
          r.sql("$__timeFilter(t)"))
    for unknown in ("SELECT $__noMacro(x)", "SELECT $nobody"):
        try:
            r.sql(unknown)
        except AssertionError:
            continue
        raise AssertionError(f"{unknown} is taken")


# ---- Prometheus ----

def metrics_of(expr):
    return set(re.findall(r"\bpagemeter_[a-z0-9_]+", expr))


def known_metrics(t):
    """All that Prometheus has ever seen."""
    names = json.loads(watched.fetch(t.prometheus.url + "/api/v1/label/__name__/values"))["data"]
    return {name for name in names if name.startswith("pagemeter_")}


def check_promql(t, dashboard):
    """Each is answered, each metric exists, and each panel has something to show."""
    known = known_metrics(t)
    r = Range(t.begin, time.time(), {"vm": ".*"})
    shown = {}
    for panel, target in targets(dashboard):
        missing = metrics_of(target["expr"]) - known
        check(not missing, f"{panel['title']}: there is no {sorted(missing)}")
        if target["instant"]:
            found = t.prometheus.ask(r.promql(target["expr"]))
        else:
            found = t.prometheus.ask(r.promql(target["expr"]), start=r.start, end=r.end, step=1)
        shown.setdefault(panel["title"], 0)
        shown[panel["title"]] += len(found)
        for name in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
            # a VM may have no name, and then no such label
            check(name == "name" or all(name in labels for labels, _ in found), f"{panel['title']}: nothing has a label {name}")
    empty = [title for title, found in shown.items() if found == 0]
    check(not empty, f"nothing to show: {empty}")


def test_prometheus_answers_each_query(t):
    dashboard = load("prometheus.json")

    def is_answered():
        try:
            check_promql(t, dashboard)
            return True
        except AssertionError as wrong:
            if "nothing to show" not in str(wrong):
                raise
            t.last = wrong
            return False
    wait_for(is_answered, f"after all scrapes: {getattr(t, 'last', '')}")


def test_prometheus_variables_have_values(t):
    for variable in load("prometheus.json")["templating"]["list"]:
        match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
        check(match and variable["query"]["query"] == variable["definition"], variable["definition"])
        check(len({labels[match[2]] for labels, _ in t.prometheus.ask(match[1])}) == 3, f"{variable['name']} has no values")


def test_prometheus_with_one_vm_chosen_shows_that(t):
    r = Range(t.begin, time.time(), {"vm": scene.D})
    panel = next(p for p in panels(load("prometheus.json")) if p["title"] == "Top VMs by memory")
    found = t.prometheus.ask(r.promql(panel["targets"][0]["expr"]))
    check({labels["vm"] for labels, _ in found} == {scene.D}, found)


def test_metric_that_is_renamed_is_found(t):
    for one in sorted(set().union(*(metrics_of(target["expr"]) for _, target in targets(load("prometheus.json"))))):
        text = json.dumps(load("prometheus.json"))
        try:
            check_promql(t, json.loads(re.sub(rf"\b{one}\b", one.replace("pagemeter", "pagemeter_x"), text)))
        except AssertionError as wrong:
            check(one.replace("pagemeter", "pagemeter_x") in str(wrong), f"{one}: {wrong}")
            continue
        raise AssertionError(f"{one} may be renamed")


def test_every_metric_is_shown_or_said_not_to_be(t):
    """A dashboard that forgets what was added since is found here."""
    unshown = {"pagemeter_build_info", "pagemeter_meter_info", "pagemeter_vms_left_out", "pagemeter_meter_allocated_bytes",
               "pagemeter_meter_ticks_total", "pagemeter_meter_interval_seconds", "pagemeter_meter_max_gap_seconds",
               "pagemeter_meter_derived_timestamp_seconds", "pagemeter_vm_balloon_hostile_records_total",
               "pagemeter_ship_behind_ticks", "pagemeter_ship_confirmed_timestamp_seconds",
               "pagemeter_ship_failure_timestamp_seconds", "pagemeter_central_whole_timestamp_seconds",
               "pagemeter_central_derived_timestamp_seconds"}
    known = known_metrics(t)
    shown = set().union(*(metrics_of(target["expr"]) for _, target in targets(load("prometheus.json"))))
    check(known == shown | unshown, f"{sorted(known ^ (shown | unshown))}")


# ---- PostgreSQL ----

def ask_sql(t, sql):
    """As the reader: the names of the columns, and the rows."""
    text = t.w.server.ask(f"SELECT json_build_object('rows', coalesce(json_agg(to_json(q)), '[]')) FROM ({sql}) AS q", "watched",
                          "grafana")
    rows = json.loads(text)["rows"]
    return list(rows[0]) if rows else [], [list(row.values()) for row in rows]


def chosen(t, dashboard):
    found = {}
    for variable in dashboard["templating"]["list"]:
        check(variable["query"] == variable["definition"], variable["name"])
        names, rows = ask_sql(t, variable["query"])
        check(len(names) == 1 and rows, f"{variable['name']} has no values")
        found[variable["name"]] = [row[0] for row in rows]
    return found


def check_sql(t, dashboard):
    r = Range(scene.JANUARY_31 // 10**9, time.time() + 86400, chosen(t, dashboard))
    for panel, target in targets(dashboard):
        try:
            names, rows = ask_sql(t, r.sql(target["rawSql"]))
        except watched.postgres.Refused as refused:
            raise AssertionError(f"{panel['title']}: {refused}") from None
        check(rows, f"{panel['title']} has nothing to show")
        if target["format"] == "time_series":
            check(names == ["time", "metric", "value"], f"{panel['title']}: its columns are {names}")
            check(all(isinstance(row[2], (int, float)) for row in rows), f"{panel['title']}: a value is no number")
            times = [datetime.fromisoformat(row[0]) for row in rows]
            check(times == sorted(times) and all(when.tzinfo for when in times), f"{panel['title']}: its times")
        columns = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
        check(columns <= set(names), f"{panel['title']}: there is no {sorted(columns - set(names))}")


def test_postgresql_answers_each_query_to_a_reader(t):
    check_sql(t, load("postgresql.json"))


def test_postgresql_usage_is_the_bill(t):
    """In whole hours, as pagemeter usage has it, to the last digit that is shown."""
    dashboard = load("postgresql.json")
    everything = chosen(t, dashboard)
    last = int(t.w.server.ask("SELECT max(hour) FROM meter.usage_hour", "watched"))
    r = Range(scene.JANUARY_31 // 10**9, (last + 1) * 3600 - 1, everything)
    panel = next(p for p in panels(dashboard) if p["title"] == "Usage by account and month")
    _, rows = ask_sql(t, r.sql(panel["targets"][0]["rawSql"]))
    end = datetime.fromtimestamp((last + 1) * 3600, timezone.utc).strftime("%Y-%m-%dT%H")
    done = t.w.central.run("usage", "--by", "account", "--to", end, "--format", "csv").stdout.splitlines()[1:]
    bill = {line.split(",")[0]: round(int(line.split(",")[1]) / 3774873600 / 10**9, 3) for line in done}
    shown = {}
    for _, account, _, gib_h in rows:
        shown[account] = shown.get(account, 0) + gib_h
    check({a: round(v, 3) for a, v in shown.items()} == {a: v for a, v in bill.items() if v}, f"{shown} and {bill}")


def test_postgresql_money_is_the_ledger(t):
    dashboard = load("postgresql.json")
    r = Range(0, time.time() + 86400, chosen(t, dashboard))
    total = int(t.w.server.ask("SELECT sum(pennies) FROM billing.ledger", "watched"))
    for title, column in (("Posted by account and month", "pennies"), ("Posted per day", "value")):
        panel = next(p for p in panels(dashboard) if p["title"] == title)
        names, rows = ask_sql(t, r.sql(panel["targets"][0]["rawSql"]))
        check(sum(row[names.index(column)] for row in rows) == total, f"{title}: {rows} and not {total}")


def test_postgresql_choice_of_an_account_is_its_own(t):
    dashboard = load("postgresql.json")
    everything = chosen(t, dashboard)
    r = Range(scene.JANUARY_31 // 10**9, time.time(), everything | {"account": ["beta"]})
    panel = next(p for p in panels(dashboard) if p["title"] == "GiB·h per hour, by account")
    names, rows = ask_sql(t, r.sql(panel["targets"][0]["rawSql"]))
    check({row[names.index("metric")] for row in rows} == {"beta"}, rows[:3])


def test_sql_that_is_wrong_is_found(t):
    for old, new in (("meter.usage_hour", "meter.usage_hours"), ('AS \\"time\\"', 'AS \\"when\\"'), ("u.kib_s", "u.kib")):
        text = json.dumps(load("postgresql.json"), ensure_ascii=False)
        check(old in text, f"{old} is not there")
        try:
            check_sql(t, json.loads(text.replace(old, new)))
        except AssertionError:
            continue
        raise AssertionError(f"{new} is taken")


def test_reader_can_only_read(t):
    for sql in ("DELETE FROM billing.account", "INSERT INTO meter.host VALUES ('x')", "TRUNCATE billing.ledger"):
        try:
            t.w.server.ask(sql, "watched", "grafana")
        except watched.postgres.Refused as refused:
            check("permission denied" in str(refused), refused)
            continue
        raise AssertionError(f"{sql} was done")


class Given:
    pass


def set_up_books(t):
    """Money in the central database as it is on the host."""
    product = t.w.central
    product.run("account", "add", "acme", "--name", "Acme Ltd")
    product.run("account", "add", "beta", "--name", "Beta GmbH", "--offset", "2")
    product.run("tariff", "set", "default", "0.0421", "EUR/GiBh", "--from", "2024-01")
    product.run("tariff", "set", "beta", "0.013", "USD/GBh", "--from", "2024-01")
    for vm, account in ((scene.A, "acme"), (scene.B, "acme"), (scene.C, "beta")):  # and D is nobody's
        product.run("account", "assign", vm, account, "--from", "2024-01", "--name", watched.NAME)
    product.run("account", "assign", scene.A, "beta", "--from", "2024-02-29T20")
    product.run("charge", "--key", t.w.key)


def main():
    t = Given()
    with watched.watched(sys.argv[1]) as t.w:
        set_up_books(t)
        with watched.Serving(t.w.bindir, t.w.product.store, "--ship", t.w.ship_dir) as directory, \
                watched.Serving(t.w.bindir, t.w.reader_uri) as central:
            t.begin = time.time()
            with watched.Prometheus(t.w.scratch, [directory.port, central.port]) as t.prometheus:
                watched.say_figures(t.w.balloon)  # good for a minute, as metrics; Prometheus keeps them
                wait_for(lambda: t.prometheus.ask("pagemeter_vm_demand_bytes"), "there are no figures")
                return watched.run_tests(sys.modules[__name__], t)


if __name__ == "__main__":
    sys.exit(main())
