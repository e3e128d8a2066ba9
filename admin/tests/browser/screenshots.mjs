// Pictures of every page, and of what pages become when something is wrong: desktop, wide and phone, light and dark,
// English and Chinese. A third argument takes only the pages whose names hold it.
import { mkdirSync } from "node:fs";
import { launch, openWindow, PASSWORD, setUp, signIn, startSite } from "./site.mjs";

const out = process.argv[2] ?? "target/screenshots";
const only = process.argv[3] ?? "";
const SIZES = [["desktop", 1280, 860, ["light", "dark"], ["en-US", "zh-CN"]], ["phone", 390, 800, ["light", "dark"], ["en-US", "zh-CN"]], ["wide", 1920, 1080, ["light"], ["en-US"]]];
const named = ["certificate renewal", "invoice mailing", "search reindex", "session cleanup", "thumbnail cache", "exchange rates", "ledger reconciliation", "spam training", "disk usage report", "mirror of packages", "tile rendering", "queue depth", "abandoned carts", "price feed", "tax tables", "stale locks", "audio transcodes", "newsletter", "geo database", "vacuum analyze"];
const CRONTAB = `# nightly database backup
15 3 * * * backup --all /srv/db
# rotate logs
0 0 * * * true
# sync mirrors
*/20 * * * * sleep 2
# heartbeat probe
*/5 * * * * * echo ok
# weekly report
0 7 * * MON report --week
# index documents
*/15 * * * * * echo indexing; sleep 3; echo 412 documents, 3 skipped >&2
# flaky import
*/10 * * * * * echo trying; exit 3
${named.map((name, at) => `# ${name}\n${(at * 7) % 60} ${at % 24} * * ${at % 3 ? "*" : "MON-FRI"} /opt/jobs/${name.replaceAll(" ", "-")} --quiet`).join("\n")}
# nightly summary of everything that the warehouse has received, sorted and sent on the day before
*/30 * * * * * /usr/bin/env python3 /opt/warehouse/bin/summarise_everything.py --since yesterday --until today --format csv --output /srv/reports
`;
const WRONG = "# Nothing runs here.\n5 4 * * * true\n61 4 * * * backup\nMAILTO=ops@example.org\n@nightly report\n0 3 * * *\n";
const DECLARED = "groups:\n  - name: billing\njobs:\n  - name: monthly statement\n    group: billing\n    schedule: 0 6 1 * *\n    command: statement --month\n  - name: rotate logs\n    group: default\n    schedule: 5 0 * * *\n    command: \"true\"\n";

const sent = async (page, button) => { await Promise.all([page.waitForLoadState("load"), page.click(button)]); };
const formed = (path, fields, button) => async (page, base) => {
  await page.goto(base + path);
  for (const [selector, text] of Object.entries(fields)) await page.fill(selector, text);
  await sent(page, button);
};
const PAGES = {
  overview: "/", jobs: "/jobs", jobs_viewed: "/jobs?q=last:failed", jobs_none: "/jobs?q=nothing+like+this", jobs_wrong: "/jobs?q=lst:failed", deleted: "/jobs/deleted",
  back_test: "/jobs/6/back-test", editor: "/jobs/3/edit", editor_new: "/jobs/new", job: "/jobs/6", job_edited: "/jobs/3", runs: "/runs", runs_failed: "/runs?outcome=trouble", timeline: "/timeline?minutes=15", timeline_day: "/timeline?minutes=1440",
  nodes: "/nodes", node: "/nodes/1", alerts: "/alerts", alerts_past: "/alerts?state=past", incident: "/alerts/1", calendars: "/calendars", calendar: "/calendars/1", calendar_new: "/calendars/new",
  groups: "/groups", group: "/groups?edit=1", import: "/import", apply: "/apply", people: "/users", person: "/users/2", tokens: "/tokens", audit: "/audit", system: "/system", account: "/account", missing: "/nope",
  editor_wrong: formed("/jobs/new", { "#name": "x", "#command": "true", "#schedule": "61 3 * * *", "#timeout_s": "soon", "#labels": "role" }, ".sticky button.primary"),
  import_plan: formed("/import", { "#text": CRONTAB.split("\n").slice(0, 8).join("\n") }, "form.form button.primary"),
  import_wrong: formed("/import", { "#text": WRONG }, "form.form button.primary"),
  apply_plan: formed("/apply", { "#text": DECLARED }, "form.form button.primary"),
  calendar_wrong: formed("/calendars/new", { "#name": "nights", "#text": "22:00 .. 06:00 Night\n13-45 Never\nSat Weekend" }, "form.form button.primary"),
  help: async (page, base) => { await page.goto(`${base}/jobs`); await page.keyboard.press("?"); },
  async conflict(page, base) {
    const other = await page.context().newPage();
    await page.goto(`${base}/jobs/4/edit`);
    await other.goto(`${base}/jobs/4/edit`);
    await other.fill("#description", `Asks whether the heart still beats, ${Date.now()}`);
    await sent(other, ".sticky button.primary");
    await other.close();
    await page.fill("#schedule", "*/7 * * * * *");
    await sent(page, ".sticky button.primary");
  },
};
// What somebody sees who may only look.
const GUEST_PAGES = { guest_overview: "/", guest_jobs: "/jobs", guest_job: "/jobs/6", forbidden: "/users" };

const site = await startSite(CRONTAB);
const browser = await launch();
const people = {};

async function firstVisit(folder, options) {
  const page = await openWindow(browser, options, []);
  await page.goto(site.base);
  await page.screenshot({ path: `${folder}/first_visit.png`, fullPage: true });
  await page.context().close();
}

async function furnish() {
  const first = await openWindow(browser, { locale: "en-US" }, []);
  await setUp(first, site);
  await first.screenshot({ path: `${out}/after_set_up.png` });
  await first.goto(`${site.base}/calendars/new`);
  await first.fill("#name", "holidays");
  await first.fill("#zone", "Europe/Berlin");
  await first.fill("#text", "# Nothing is deployed then.\n12-24 18:00 .. 12-27 06:00  Christmas\n01-01  New Year\n05-01  Labour Day\nSat 00:00 .. Mon 06:00  Weekend\n2027-03-26 .. 2027-03-29  Easter");
  await first.click("button.primary");
  await first.waitForURL(/\/calendars\/1/);
  await first.goto(`${site.base}/jobs/3/edit`);
  await first.selectOption("#calendar", "holidays");
  await first.selectOption("#on_blackout", "shift");
  await first.click(".sticky button.primary");
  await first.waitForURL(/\/jobs\/3(\?|$)/);
  await first.goto(`${site.base}/jobs?q=last:failed`);
  await first.click(".views summary");
  await first.fill("#view-name", "gone wrong");
  await sent(first, ".views form.filters button");
  await first.waitForSelector(".views li a");
  await first.goto(`${site.base}/users`);
  await first.fill("#name", "guest");
  await first.fill("#password", PASSWORD);
  await sent(first, "main button.primary");
  await first.goto(`${site.base}/jobs/2`);
  await sent(first, "button.danger");
  await first.goto(`${site.base}/jobs/new`);
  await first.fill("#name", "billing export");
  await first.fill("#description", "Exports the invoices of the last hour to the ledger");
  await first.fill("#command", "echo opening ledger; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"batch $i of 12: $((i * 37)) invoices\"; sleep 1; done; echo 'warning: 2 invoices without address' >&2; sleep 600");
  await first.fill("#schedule", "0 * * * *");
  await first.click(".sticky button.primary");
  await first.waitForURL(/\/jobs\/\d+(\?|$)/);
  await first.click("text=Run now");
  await first.waitForURL(/\/runs\//);
  PAGES.run = new URL(first.url()).pathname;
  await first.waitForFunction(() => document.querySelector("#output").textContent.includes("without address"));
  await first.goto(`${site.base}/runs?outcome=failed`);
  PAGES.run_failed = await first.getAttribute("[data-open]", "href");
  await first.context().close();
}

/** Signs in once, since people who sign in over and over are slowed down. */
async function letIn(name) {
  const page = await openWindow(browser, { locale: "en-US" }, []);
  await signIn(page, site, name);
  people[name] = await page.context().storageState();
  await page.context().close();
}

async function picture(page, folder, pages) {
  for (const [name, path] of Object.entries(pages).filter(([name]) => name.includes(only))) {
    if (typeof path === "string") await page.goto(site.base + path); else await path(page, site.base);
    await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  }
}

async function visitAll(folder, options) {
  const stranger = await openWindow(browser, options, []);
  await stranger.goto(`${site.base}/sign-in`);
  await stranger.screenshot({ path: `${folder}/sign-in.png` });
  await stranger.context().close();
  for (const [name, pages] of [["owner", PAGES], ["guest", GUEST_PAGES]]) {
    const page = await openWindow(browser, { ...options, storageState: people[name] }, []);
    await picture(page, folder, pages);
    await page.context().close();
  }
}

try {
  const looks = SIZES.flatMap(([size, width, height, schemes, locales]) => schemes.flatMap((colorScheme) => locales.map((locale) => {
    const folder = `${out}/${size}-${colorScheme}-${locale.slice(0, 2)}`;
    mkdirSync(folder, { recursive: true });
    return [folder, { viewport: { width, height }, colorScheme, locale }];
  })));
  for (const look of looks) await firstVisit(...look);
  await furnish();
  for (const name of ["owner", "guest"]) await letIn(name);
  for (const look of looks) await visitAll(...look);
  console.log(`pictures are in ${out}`);
} finally {
  await browser.close();
  await site.stop();
}
