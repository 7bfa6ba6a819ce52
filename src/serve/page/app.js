// The page: the fleet, one VM, one customer. Where it is stands behind the #.
import {element, get, memory, span, table, time} from "/api.js";
import {draw} from "/chart.js";

const HOUR = 3600000, SHORTEST = 60000, LONGEST = 399 * 24 * HOUR, main = document.getElementById("main");
const RANGES = [["1 day", 24], ["7 days", 168], ["30 days", 720], ["1 year", 8760]];
let chart = null, me = null, turn = 0, focusChart = false;

const link = (where, text) => element("a", text, {href: "#/" + where});
const vmLink = (vm) => link("vm/" + vm.vm, vm.name || vm.vm);
// What comes when the page is elsewhere already is not shown.
const show = (mine, ...parts) => {
  if (mine === turn) main.replaceChildren(...parts);
  return mine === turn;
};
const hour = (ms) => new Date(ms).toISOString().slice(0, 13);

function facts(pairs) {
  return element("div", null, {class: "facts"}, ...pairs.map(([name, value]) =>
    element("div", null, {}, element("span", name, {class: "faint"}), element("b", value))));
}

// What the hours of a chart cost by the tariff of each. A bill is of whole pennies, over a month.
function cost(c) {
  if (!c) return [];
  return [...c.amounts.map((a) => ["costs, " + a.account, a.amount]), ...(c.unassigned_kib_ns !== "0" ? [["nobody's", "not billed"]] : []),
    ...(c.unpriced_kib_ns !== "0" ? [["without a price", "not billed"]] : [])];
}

async function fleet(mine) {
  const f = await get("fleet");
  const parts = [element("h1", me.is_operator ? "Fleet" : "Your VMs now"), facts([["VMs", String(f.vms.length + f.vms_more)], ["held", memory(f.kib)]])];
  if (!me.is_operator) parts.push(element("p", null, {}, link("account/" + me.account, "Your bill")));
  parts.push(f.vms.length ? table(me.is_operator ? ["VM", "holds", "account", "host"] : ["VM", "holds"],
    f.vms.map((vm) => [vmLink(vm), {number: memory(vm.kib)},
      ...(me.is_operator ? [vm.account ? link("account/" + vm.account, vm.account) : "nobody", vm.host.slice(0, 8)] : [])]))
    : element("p", "There is none."));
  if (me.is_operator) {
    parts.push(element("h2", "Hosts"), table(["host", "last reading, UTC", "gaps", "not measured"], f.hosts.map((h) =>
      [h.host, time(h.last_tick), {number: String(h.gaps)}, {number: span(h.gap_ns)}])));
    if (f.accounts.length) parts.push(element("h2", "Accounts"), table(["account", "name"], f.accounts.map((a) => [link("account/" + a.account, a.account), a.name])));
    if (f.gaps.length) parts.push(element("h2", "Latest gaps"), gaps(f.gaps));
  }
  show(mine, ...parts);
}

const gaps = (list) => table(["from, UTC", "to", "not measured", "cause"], list.map((g) => [time(g.from), time(g.to), {number: span(g.span_ns)}, g.cause]));

async function vm(mine, id, from, to) {
  const v = await get("vm/" + id), now = Date.parse((await get("me")).now);
  const range = [Number(from) || Math.ceil(now / HOUR) * HOUR - 24 * HOUR, Number(to) || Math.ceil(now / HOUR) * HOUR];
  const whole = [Math.floor(range[0] / HOUR) * HOUR, Math.max(Math.ceil(range[1] / HOUR), Math.floor(range[0] / HOUR) + 1) * HOUR];
  const s = await get(`vm/${id}/series?from=${hour(whole[0])}&to=${hour(whole[1])}&points=1600`);
  const go = (a, b) => { // no more than is answered, no less than can be drawn, not before 1970
    const middle = (a + b) / 2, length = Math.min(Math.max(b - a, SHORTEST), LONGEST), begin = Math.max(middle - length / 2, 0);
    location.hash = `#/vm/${id}/${Math.round(begin)}/${Math.round(begin + length)}`;
  };
  const length = range[1] - range[0];
  const button = (text, act, pressed) => {
    const b = element("button", text, {type: "button", "aria-pressed": String(Boolean(pressed))});
    b.addEventListener("click", act);
    return b;
  };
  const place = element("div", null, {id: "chart", role: "img", tabindex: "0", "aria-label": `Memory from ${time(s.from)} to ${time(s.to)} UTC; at most ${memory(s.peak_kib)}`});
  place.addEventListener("keydown", (e) => {
    const step = {ArrowLeft: [-length / 4, -length / 4], ArrowRight: [length / 4, length / 4], "+": [length / 4, -length / 4],
      "-": [-length / 2, length / 2]}[e.key];
    if (!step || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    focusChart = true;
    go(range[0] + step[0], range[1] + step[1]);
  });
  const pressed = main.querySelector("button:focus")?.textContent; // by key, and again perhaps
  const isShown = show(mine, element("h1", v.name || v.vm), element("p", v.vm + (v.account ? ", " + v.account : ""), {class: "faint"}),
    element("div", null, {class: "bar"}, ...RANGES.map(([text, hours]) =>
      button(text, () => go(range[1] - hours * HOUR, range[1]), Math.abs(length - hours * HOUR) < HOUR)),
    button("◀ earlier", () => go(range[0] - length, range[0])), button("later ▶", () => go(range[1], range[1] + length)),
    button("zoom in", () => go(range[0] + length / 4, range[1] - length / 4)), button("zoom out", () => go(range[0] - length / 2, range[1] + length / 2)),
    button("now", () => { location.hash = "#/vm/" + id; })),
    place, element("p", `${time(s.from)} to ${time(s.to)} UTC. Drag over a part to zoom; keys ← → + −. Grey: not measured, not billed.`
      + (s.decisions.length ? " ▲ given, ▼ taken back." : ""), {class: "faint"}),
    facts([["billed", Number(s.gib_h).toFixed(3) + " GiB·h"], ...cost(s.cost), ["highest", memory(s.peak_kib)], ["measured", span(s.measured_ns)],
      ["not measured", span(s.missing_ns)]]),
    element("p", `Exactly ${s.kib_ns} KiB·ns.`, {class: "faint"}),
    ...(v.account ? [element("p", null, {}, link(`account/${v.account}/${new Date(range[1] - 1).toISOString().slice(0, 7)}`, "The bill of that month"))] : []),
    ...(s.gaps.length ? [element("h2", "Gaps"), table(["from, UTC", "to", "cause"], s.gaps.map((g) => [time(new Date(g.from_ms).toISOString().slice(0, 19)), time(new Date(g.to_ms).toISOString().slice(0, 19)), g.cause]))] : []),
    ...(s.decisions.length ? [element("h2", "Memory on demand"), table(["UTC", "what", "to", "why"], s.decisions.slice(-50).reverse().map((d) =>
      [time(new Date(d.ms).toISOString().slice(0, 19)), d.action, {number: memory(d.target_kib)}, d.text]))] : []),
    element("h2", "Lives"), table(["from, UTC", "to", ...(me.is_operator ? ["life", "host"] : [])], v.lives.map((l) =>
      [time(l.from), l.is_open ? "now" : time(l.to), ...(me.is_operator ? [l.life, l.host.slice(0, 8)] : [])])));
  if (!isShown) return;
  chart = draw(place, s, range, ([a, b]) => go(a, b));
  if (focusChart) place.focus();
  else [...main.querySelectorAll("button")].find((b) => b.textContent === pressed)?.focus();
  focusChart = false;
}

async function account(mine, id, period) {
  const a = await get(`account/${id}${period ? "?period=" + period : ""}`);
  const [year, month] = a.period.split("-").map(Number);
  const other = (by) => { const m = year * 12 + month - 1 + by; return `${Math.floor(m / 12)}-${String(m % 12 + 1).padStart(2, "0")}`; };
  show(mine, element("h1", a.name), element("p", `${a.account}, ${a.period}, ${a.bill.state === "sealed" ? "sealed: final" : "open: it may still change"}`, {class: "faint"}),
    element("div", null, {class: "bar"}, link(`account/${id}/${other(-1)}`, "◀ " + other(-1)), link(`account/${id}/${other(1)}`, other(1) + " ▶")),
    facts([...a.bill.sums.map((s) => ["billed", s.amount + " " + s.currency]), ["memory", a.bill.gib_h + " GiB·h"], ["not measured", span(a.bill.missing_ns)]]),
    table(["VM", "GiB·h", "price", "amount", "not measured", "carried"], a.bill.lines.map((l) => [l.vm ? vmLink(l) : "pool of fractions", {number: l.gib_h},
      l.prices.join(", "), {number: l.amount + " " + l.currency}, {number: span(l.missing_ns)}, {number: l.carried_pennies}])),
    ...(a.gaps.length ? [element("h2", "Gaps: not measured, not billed"), table(["VM", "from, UTC", "to", "long", "cause"], a.gaps.map((g) =>
      [link("vm/" + g.vm, g.vm.slice(0, 8)), time(g.from), time(g.to), {number: span(g.span_ns)}, g.cause]))] : []),
    ...(a.gaps_more ? [element("p", `And ${a.gaps_more} more before these.`)] : []),
    element("h2", "VMs"), table(["VM", "now"], a.vms.map((v) => [vmLink(v), v.is_his_now ? "yes" : "no more"])));
}

async function route() {
  const mine = ++turn;
  const [what, ...rest] = location.hash.replace(/^#\//, "").split("/");
  chart?.destroy();
  chart = null;
  try {
    me = me ?? await get("me");
    document.getElementById("who").textContent = me.is_operator ? "operator" : me.account_name;
    await (what === "vm" ? vm(mine, ...rest) : what === "account" ? account(mine, ...rest) : fleet(mine));
  } catch (wrong) {
    show(mine, element("h1", "Not shown"), element("p", wrong.message, {class: "bad", role: "alert"}), element("p", null, {}, link("", "Back")));
  }
  if (mine === turn) document.body.dataset.shown = location.hash || "#/";
}

addEventListener("hashchange", () => { delete document.body.dataset.shown; route(); });
addEventListener("resize", () => { if (chart) chart.setSize({width: document.getElementById("chart").clientWidth, height: 340}); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", route);
route();
