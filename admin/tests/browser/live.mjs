// How long a line of a living run takes from the command into the open page: the command writes the time, the page reads it.
import { launch, openWindow, setUp, startSite, waitFor } from "./site.mjs";

const LINES = 60;
const complaints = [];
const site = await startSite();
const browser = await launch();
try {
  const page = await openWindow(browser, { locale: "en-US" }, complaints);
  await setUp(page, site);
  await page.goto(`${site.base}/jobs/new`);
  await page.fill("#name", "clock");
  await page.fill("#command", `for i in $(seq ${LINES + 10}); do date +%s%N; sleep 0.2$((i * 37 % 100)); done`);
  await page.fill("#schedule", "0 0 1 1 *");
  await page.click(".sticky button.primary");
  await page.waitForURL(/\/jobs\/1$/);
  await page.click("text=Run now");
  await page.waitForURL(/\/runs\/1-/);
  await page.evaluate(() => {
    window.late = [];
    let seen = document.querySelector("#output").textContent.split("\n").length;
    const look = () => {
      const lines = document.querySelector("#output").textContent.split("\n").slice(0, -1);
      for (; seen < lines.length; seen++) window.late.push(Date.now() - Number(lines[seen].match(/\d{16,}/)?.[0]) / 1e6);
    };
    new MutationObserver(look).observe(document.querySelector("#output"), { childList: true, characterData: true, subtree: true });
  });
  const late = (await waitFor60(() => page.evaluate((lines) => (window.late.length >= lines ? window.late : null), LINES))).sort((a, b) => a - b);
  const at = (share) => late[Math.floor((late.length - 1) * share)].toFixed(0);
  console.log(`${late.length} lines in the page after ${at(0.5)} ms p50, ${at(0.95)} ms p95, ${at(1)} ms at most`);
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
} finally {
  await browser.close();
  await site.stop();
}

/** A line comes each quarter of a second: more than the twenty seconds of other waits. */
async function waitFor60(ask) {
  for (let tries = 0; ; tries++) {
    try { return await waitFor(ask); } catch (error) { if (tries === 2) throw error; }
  }
}
