// The page in a browser: page.mjs CHROMIUM URL CUSTOMER_LINK VM OTHER_VM OUT URL2 VM2 BEGIN_MS, the last three of a
// host with memory on demand (guests.py). The last line is "N passed, M failed".
import {chromium} from "playwright-core";

const [program, url, link, vm, other, out, onDemand, guest, begin] = process.argv.slice(2);
const browser = await chromium.launch({executablePath: program, args: ["--no-sandbox", "--disable-gpu"]});
const wrong = [], elsewhere = [];
let passed = 0, failed = 0;

async function open(options = {}) {
  const context = await browser.newContext({viewport: {width: 1100, height: 900}, ...options});
  const page = await context.newPage();
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("dialog", (d) => { wrong.push("a dialog"); d.dismiss(); });
  page.on("console", (m) => { if (m.type() === "error" && !m.text().includes("404")) wrong.push(m.text()); });
  page.on("request", (r) => { if (!r.url().startsWith(url) && !r.url().startsWith(onDemand)) elsewhere.push(r.url()); });
  return page;
}

async function go(page, hash, where = url) {
  await page.goto(`${where}/#${hash}`);
  await page.waitForFunction((h) => document.body.dataset.shown === "#" + h, hash, {timeout: 10000});
}

async function test(name, run) {
  try {
    await run();
    passed++;
  } catch (e) {
    failed++;
    console.log(`${name}: ${String(e).slice(0, 500)}`);
  }
}

const is = (holds, text) => { if (!holds) throw new Error(text); };
const from = Date.UTC(2024, 0, 31, 12), to = Date.UTC(2024, 2, 2);
const chartHash = `/vm/${vm}/${from}/${to}`;

await test("the fleet, with a hostile name", async () => {
  const page = await open();
  await go(page, "/");
  is(await page.locator("text=<img src=x onerror=alert(1)>").count() === 1, "the name is not there as text");
  is(await page.locator("main img").count() === 0, "a name became an element");
  await page.screenshot({path: `${out}/fleet.png`, fullPage: true});
});

await test("a chart is drawn, its gap is grey, dragging zooms, a range is switched", async () => {
  const page = await open();
  await go(page, chartHash);
  await page.screenshot({path: `${out}/vm.png`, fullPage: true});
  const canvas = page.locator("#chart canvas");
  is(await canvas.count() === 1, "no chart");
  const colours = await canvas.evaluate((c) => {
    const {width, height} = c, d = c.getContext("2d").getImageData(0, 0, width, height).data;
    let grey = 0, blue = 0;
    for (let i = 0; i < d.length; i += 4) {
      if (Math.abs(d[i] - 138) < 5 && Math.abs(d[i + 1] - 138) < 5 && d[i + 3] > 50 && d[i + 3] < 120) grey++;
      if (d[i] < 20 && d[i + 2] > 150 && d[i + 3] > 200) blue++;
    }
    return {grey, blue, all: width * height};
  });
  is(colours.grey > colours.all / 4 && colours.blue > 100, JSON.stringify(colours));
  const box = await page.locator("#chart .u-over").boundingBox();
  await page.mouse.move(box.x + 10, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + 60, box.y + 60, {steps: 4});
  await page.mouse.up();
  await page.waitForFunction((h) => location.hash !== "#" + h && document.body.dataset.shown === location.hash, chartHash);
  await page.screenshot({path: `${out}/vm-zoomed.png`, fullPage: true});
  const before = page.url();
  await page.locator("button", {hasText: "7 days"}).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction((u) => location.href !== u && document.body.dataset.shown === location.hash, before);
  is(await page.locator('button[aria-pressed="true"]').textContent() === "7 days", "the range");
  is(await page.evaluate(() => document.activeElement.textContent) === "7 days", "the button that was pressed has lost the focus");
});

await test("dark, and on a phone", async () => {
  const page = await open({viewport: {width: 390, height: 800}, colorScheme: "dark", isMobile: true});
  await go(page, chartHash);
  is(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is wider than the phone");
  await page.screenshot({path: `${out}/vm-phone-dark.png`, fullPage: true});
});

// Pixels of a colour, [r, g, b], as strong as alpha or stronger.
const count = (page, [r, g, b], alpha) => page.locator("#chart canvas").evaluate((c, [r, g, b, alpha]) => {
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let n = 0;
  for (let i = 0; i < d.length; i += 4)
    n += Math.abs(d[i] - r) < 12 && Math.abs(d[i + 1] - g) < 12 && Math.abs(d[i + 2] - b) < 12 && d[i + 3] >= alpha && d[i + 3] < alpha + 120;
  return n;
}, [r, g, b, alpha]);

await test("what a guest said: by five minutes with their bands, then by the minute; decisions; keys", async () => {
  const page = await open(), hour = 3600000, start = Number(begin);
  await go(page, `/vm/${guest}/${start}/${start + 96 * hour}`, onDemand);
  await page.screenshot({path: `${out}/guest-4-days.png`, fullPage: true});
  is(await page.locator(".u-legend .u-series:visible").count() === 10, "UTC, allocated and eight lines are in the legend");
  is(await count(page, [213, 94, 0], 40) > 300, "the band of what is used is not there");
  is(await count(page, [213, 94, 0], 136) > 100, "no line of what is used, or no decision");
  is((await page.textContent("main")).includes("available is below half of the headroom"), "no decision is told");
  await page.locator("#chart").focus();
  for (const [key, length] of [["+", 48], ["+", 24], ["ArrowRight", 24], ["ArrowRight", 24], ["-", 48]]) {
    const before = page.url();
    await page.keyboard.press(key);
    await page.waitForFunction((u) => location.href !== u && document.body.dataset.shown === location.hash, before);
    const [from, to] = page.url().split("/").slice(-2).map(Number);
    is(to - from === length * hour, `${key}: ${(to - from) / hour} hours`);
  }
  await go(page, `/vm/${guest}/${start + 84 * hour}/${start + 90 * hour}`, onDemand);
  await page.screenshot({path: `${out}/guest-6-hours.png`, fullPage: true});
  is(await count(page, [213, 94, 0], 136) > 100, "no line of what is used");
});

await test("what comes late is not shown over what was asked for since", async () => {
  const page = await open();
  await go(page, "/");
  await page.route("**/api/v1/vm/*", async (r) => { await new Promise((done) => setTimeout(done, 800)); await r.continue(); });
  const late = page.waitForResponse((r) => r.url().includes("/series"));
  await page.evaluate((h) => { location.hash = h; }, chartHash);
  await page.waitForTimeout(100);
  await page.evaluate(() => { location.hash = "/"; });
  await page.waitForFunction(() => document.body.dataset.shown === "#/");
  await late;
  await page.waitForTimeout(200);
  is(await page.locator("h1").textContent() === "Fleet", "it shows " + await page.locator("h1").textContent());
});

await test("zooming out and in ends where nothing more can be shown", async () => {
  const page = await open();
  const press = async (key, times) => {
    await page.locator("#chart").focus();
    for (let i = 0; i < times; i++) {
      const before = page.url();
      await page.keyboard.press(key);
      await page.waitForFunction((u) => location.href === u || document.body.dataset.shown === location.hash, before);
      await page.waitForTimeout(150);
      is(await page.locator('[role="alert"]').count() === 0, `${key}: ${await page.textContent("main")}`);
    }
    const [from, to] = page.url().split("/").slice(-2).map(Number);
    return to - from;
  };
  await go(page, `/vm/${vm}/${to - 365 * 86400000}/${to}`);
  is(await press("-", 2) === 399 * 86400000, "how far out: " + page.url());
  await go(page, `/vm/${vm}/${to - 240000}/${to}`);
  is(await press("+", 4) === 60000, "how far in: " + page.url());
});

await test("a customer sees his own only", async () => {
  const page = await open();
  await page.goto(link);
  await page.waitForFunction(() => document.body.dataset.shown !== undefined);
  is(page.url() === url + "/", "the link stays in the address: " + page.url());
  is(await page.evaluate(() => document.cookie) === "", "the page can read the cookie");
  is(!(await page.textContent("main")).includes("Hosts"), "hosts");
  await page.evaluate((h) => { location.hash = h; }, `/vm/${other}`);
  await page.waitForSelector('[role="alert"]');
  await page.evaluate(() => { location.hash = "/account/acme/2024-02"; });
  await page.waitForSelector("text=sealed: final");
  await page.screenshot({path: `${out}/account.png`, fullPage: true});
});

await test("nothing goes wrong, and nothing leaves this machine", async () => {
  is(wrong.length === 0, wrong.join("; "));
  is(elsewhere.length === 0, elsewhere.join("; "));
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
