// The chart of one VM: gaps are blank and shaded, decisions are marks on the time line.
import uPlot from "/uPlot.esm.js";
import {memory} from "/api.js";

const light = {allocated: "#0072b2", used: "#d55e00", free: "#00815d", cache: "#a8518a", swap: "#1a1a1a", need: "#9a6700",
  target: "#2f86c6", floor: "#767676", ceiling: "#767676", text: "#1a1a1a", grid: "#e4e4e4", gap: "rgba(138,138,138,.28)"};
const dark = {allocated: "#56b4e9", used: "#ff8a3d", free: "#2fc79a", cache: "#e29cc6", swap: "#f0e442", need: "#e6b24d",
  target: "#9ad2f2", floor: "#a3abb3", ceiling: "#a3abb3", text: "#ececec", grid: "#2c3137", gap: "rgba(153,161,169,.28)"};

function shade(series, colours) {
  return (u) => {
    const {ctx, bbox} = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colours.gap;
    for (const gap of series.gaps) {
      const left = u.valToPos(gap.from_ms / 1000, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(2, u.valToPos(gap.to_ms / 1000, "x", true) - left), bbox.height);
    }
    for (const d of series.decisions) {
      const x = u.valToPos(d.ms / 1000, "x", true), y = bbox.top + bbox.height, up = d.action === "grow";
      ctx.fillStyle = up ? colours.used : colours.free;
      ctx.beginPath();
      ctx.moveTo(x, up ? y - 14 : y);
      ctx.lineTo(x - 5, up ? y - 4 : y - 10);
      ctx.lineTo(x + 5, up ? y - 4 : y - 10);
      ctx.fill();
    }
    ctx.restore();
  };
}

// A value holds up to the point behind it; uPlot draws nothing towards a null, so that the value is put before it again.
function hold(line) {
  const xs = [], ys = [];
  line.ms.forEach((ms, i) => {
    if (line.kib[i] === null && i > 0 && line.kib[i - 1] !== null) {
      xs.push(ms / 1000 - 0.001);
      ys.push(line.kib[i - 1]);
    }
    xs.push(ms / 1000);
    ys.push(line.kib[i]);
  });
  return [xs, ys];
}

// Of a line that comes by five minutes: itself, its greatest values and its least ones, between which lies its band.
function withBand(line) {
  if (!line.least) return [line];
  const of = (kib) => ({name: line.name, ms: line.ms, kib, isEdge: true});
  return [line, of(line.most), of(line.least)];
}

function join(lines) {
  const tables = lines.map(hold);
  if (tables.length === 1) return tables[0];
  const xs = [...new Set(tables.flatMap((t) => t[0]))].sort((a, b) => a - b);
  return [xs, ...tables.map(([tx, ty]) => {
    let at = -1;
    return xs.map((x) => { while (at + 1 < tx.length && tx[at + 1] <= x) at++; return at < 0 ? null : ty[at]; });
  })];
}

const when = (u, ticks, i, space, step) => ticks.map((t) => {
  const iso = new Date(t * 1000).toISOString();
  return step >= 86400 || t % 86400 === 0 ? iso.slice(5, 10) : step >= 60 ? iso.slice(11, 16) : iso.slice(11, 19);
});

// zoomed is called with [from, to] in ms when somebody chose a part.
export function draw(place, series, range, zoomed) {
  const colours = matchMedia("(prefers-color-scheme: dark)").matches ? dark : light;
  const lines = [{name: "allocated", ...series.allocated}, ...series.guest].flatMap(withBand);
  const bands = lines.flatMap((line, i) => line.isEdge && !lines[i - 1].isEdge ? [{series: [i + 1, i + 2], fill: colours[line.name] + "38"}] : []);
  const axis = {stroke: colours.text, grid: {stroke: colours.grid}, ticks: {stroke: colours.grid}};
  const chart = new uPlot({
    width: place.clientWidth, height: 340,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
    scales: {x: {min: range[0] / 1000, max: range[1] / 1000}, y: {range: (u, min, max) => [0, (max || 1024) * 1.08]}},
    series: [{label: "UTC", value: (u, v) => v === null ? "" : new Date(v * 1000).toISOString().slice(0, 19).replace("T", " ")},
      ...lines.map((line) => line.isEdge ? {label: line.name, class: "edge", points: {show: false}, paths: uPlot.paths.stepped({align: 1})} : ({label: line.name, stroke: colours[line.name], width: line.name === "allocated" ? 2 : 1.2,
        dash: line.name === "allocated" || line.name === "used" ? [] : [6, 3], points: {show: false},
        paths: uPlot.paths.stepped({align: 1}), value: (u, v) => v === null || v === undefined ? "–" : memory(v)}))],
    axes: [{...axis, values: when}, {...axis, size: 84, values: (u, ticks) => ticks.map(memory),
      splits: (u, i, min, max) => { const step = 2 ** Math.ceil(Math.log2(max / 5)); const s = []; for (let v = 0; v <= max; v += step) s.push(v); return s; }}],
    bands,
    cursor: {drag: {x: true, y: false, setScale: false}},
    hooks: {drawClear: [shade({...series, decisions: []}, colours)], draw: [shade({gaps: [], decisions: series.decisions}, colours)],
      setSelect: [(u) => { if (u.select.width > 4) zoomed([u.posToVal(u.select.left, "x") * 1000, u.posToVal(u.select.left + u.select.width, "x") * 1000]); }]},
  }, join(lines), place);
  return chart;
}
