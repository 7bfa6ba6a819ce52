// What the server knows. Texts of it are only ever put into the page by textContent.

export async function get(path) {
  const answer = await fetch("/api/v1/" + path, {credentials: "same-origin"});
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

export function element(tag, text, attributes = {}, ...children) {
  const e = document.createElement(tag);
  if (text !== null && text !== undefined) e.textContent = text;
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// rows: lists of texts, numbers (to the right) and elements
export function table(heads, rows) {
  const body = element("tbody");
  for (const row of rows) {
    const tr = element("tr");
    row.forEach((cell) => {
      const td = element("td", null, typeof cell === "object" && cell.number ? {class: "number"} : {});
      td.append(cell instanceof Node ? cell : String(cell.number ?? cell));
      tr.append(td);
    });
    body.append(tr);
  }
  const head = element("tr");
  heads.forEach((h, i) => head.append(element("th", h, rows[0]?.[i]?.number ? {class: "number", scope: "col"} : {scope: "col"})));
  return element("div", null, {class: "scroll", tabindex: "0"}, element("table", null, {}, element("thead", null, {}, head), body));
}

export function memory(kib) {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = kib, unit = 0;
  while (value >= 1024 && unit < 3) { value /= 1024; unit++; }
  return (Number.isInteger(value) ? value : value.toFixed(2)) + " " + units[unit];
}

// nanoseconds as text
export function span(ns) {
  const s = Number(BigInt(ns) / 1000000000n);
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min " + s % 60 + " s";
  return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
}

export const time = (iso) => iso === null ? "" : iso.replace("T", " ").replace("Z", "");
