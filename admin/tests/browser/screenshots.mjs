// Pictures of every page: desktop and phone, light and dark, English and Chinese.
import { mkdirSync } from "node:fs";
import { launch, openWindow, setUp, signIn, startSite } from "./site.mjs";

const out = process.argv[2] ?? "target/screenshots";
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
`;
const PAGES = { overview: "/", jobs: "/jobs", jobs_viewed: "/jobs?q=last:failed", back_test: "/jobs/6/back-test", editor: "/jobs/3/edit", job: "/jobs/6", runs: "/runs", timeline: "/timeline?minutes=15", nodes: "/nodes", node: "/nodes/1", alerts: "/alerts", calendars: "/calendars", calendar: "/calendars/1", calendar_new: "/calendars/new", groups: "/groups", group: "/groups?edit=1", import: "/import", people: "/users", tokens: "/tokens", audit: "/audit", system: "/system", account: "/account", missing: "/nope" };

const site = await startSite(CRONTAB);
const browser = await launch();
try {
  const first = await openWindow(browser, {}, []);
  await setUp(first, site);
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
  await first.click(".views form.filters button");
  await first.waitForURL(/note=view_saved/);
  await first.goto(`${site.base}/jobs/new`);
  await first.fill("#name", "billing export");
  await first.fill("#description", "Exports the invoices of the last hour to the ledger");
  await first.fill("#command", "echo opening ledger; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"batch $i of 12: $((i * 37)) invoices\"; sleep 1; done; echo 'warning: 2 invoices without address' >&2; sleep 120");
  await first.fill("#schedule", "0 * * * *");
  await first.click(".sticky button.primary");
  await first.waitForURL(/\/jobs\/8/);
  await first.click("text=Run now");
  await first.waitForURL(/\/runs\//);
  PAGES.run = new URL(first.url()).pathname;
  await first.waitForFunction(() => document.querySelector("#output").textContent.includes("without address"));
  for (const [size, width, height] of [["desktop", 1280, 860], ["phone", 390, 800]]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const locale of ["en-US", "zh-CN"]) {
        const folder = `${out}/${size}-${colorScheme}-${locale.slice(0, 2)}`;
        mkdirSync(folder, { recursive: true });
        const page = await openWindow(browser, { viewport: { width, height }, colorScheme, locale }, []);
        await page.goto(`${site.base}/sign-in`);
        await page.screenshot({ path: `${folder}/sign-in.png` });
        await signIn(page, site);
        for (const [name, path] of Object.entries(PAGES)) {
          await page.goto(site.base + path);
          await page.screenshot({ path: `${folder}/${name}.png` });
        }
        await page.context().close();
      }
    }
  }
  console.log(`pictures are in ${out}`);
} finally {
  await browser.close();
  await site.stop();
}
