// From first visit to a job created, previewed, fired, watched live, killed, edited in conflict, restored and deleted;
// in both languages, without scripts, by keyboard; no console error, no violated policy, no serious accessibility finding.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { launch, openWindow, setUp, signIn, startSite, waitFor } from "./site.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PAGES = ["/", "/jobs", "/jobs/new", "/jobs/1", "/jobs/1/edit", "/runs", "/timeline", "/nodes", "/nodes/1", "/alerts", "/calendars", "/calendars/new", "/jobs/deleted", "/apply", "/groups", "/import", "/users", "/users/1", "/tokens", "/audit", "/system", "/account", "/nope"];
const complaints = [];
const site = await startSite();
const browser = await launch();
const done = (what) => console.log(`ok  ${what}`);

async function makeJob(page, name, command) {
  await page.goto(`${site.base}/jobs/new`);
  await page.fill("#name", name);
  await page.fill("#command", command);
  await page.fill("#schedule", "61 3 * * *");
  return page;
}

async function findings(page, path) {
  await page.goto(site.base + path);
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }));
  return found.violations.filter((rule) => ["serious", "critical"].includes(rule.impact)).map((rule) => `${path}: ${rule.id}: ${rule.nodes[0].html.slice(0, 160)} ${rule.nodes[0].failureSummary.slice(0, 160)}`);
}

try {
  const page = await openWindow(browser, { locale: "en-US" }, complaints);
  await setUp(page, site);
  done("the first visit makes the owner");

  await makeJob(page, "bells", "echo ding; sleep 60; echo dong");
  await page.waitForSelector("#preview .caret");
  assert.match(await page.textContent("#preview"), /minute field, column 1/);
  await page.fill("#schedule", "30 2 * * *");
  await page.waitForSelector("#preview .sentence");
  assert.equal(await page.textContent("#preview .sentence"), "At 02:30 every day");
  assert.equal(await page.locator("#preview .fires li").count(), 10);
  await page.click(".sticky button.primary");
  await page.waitForURL(/\/jobs\/1$/);
  done("a job is previewed while one types, and made");

  await page.click("text=Run now");
  await page.waitForURL(/\/runs\/1-/);
  await page.waitForFunction(() => document.querySelector("#output")?.textContent.includes("ding"));
  done("a run is watched live");
  await page.click("button.danger");
  await page.waitForFunction(() => document.querySelector("[data-state=killed]"), null, { timeout: 20_000 });
  done("and killed");

  const second = await openWindow(browser, { locale: "en-US" }, complaints);
  await signIn(second, site);
  await page.goto(`${site.base}/jobs/1/edit`);
  await second.goto(`${site.base}/jobs/1/edit`);
  await page.fill("#command", "echo first");
  await page.click(".sticky button.primary");
  await page.waitForURL(/\/jobs\/1$/);
  await second.fill("#command", "echo second");
  await second.click(".sticky button.primary");
  await second.waitForSelector("#conflict ins");
  assert.equal(await second.inputValue("#command"), "echo second");
  await second.click(".sticky button.primary");
  await second.waitForURL(/\/jobs\/1$/);
  done("two people edit, and the later one decides with both versions in view");

  await page.goto(`${site.base}/jobs/1`);
  await page.locator("text=Make current").last().click();
  await page.waitForFunction(() => document.body.textContent.includes("sleep 60"));
  await page.locator("button.danger", { hasText: "Delete" }).click();
  await page.waitForSelector("text=Restore");
  await page.click("text=Restore");
  await page.waitForSelector("text=Enable");
  done("a version is made current, the job deleted and restored");

  const plain = await openWindow(browser, { javaScriptEnabled: false, locale: "zh-CN" }, complaints);
  await signIn(plain, site);
  await makeJob(plain, "无脚本", "echo 你好");
  await plain.click("text=检查计划");
  assert.match(await plain.textContent("#preview"), /\^\^/);
  await plain.fill("#schedule", "0 3 * * *");
  await plain.click(".sticky button.primary");
  await plain.waitForURL(/\/jobs\/2/);
  await plain.click("text=立即运行");
  await plain.waitForURL(/\/runs\/2-/);
  await waitFor(async () => { await plain.reload(); return (await plain.textContent("#output")).includes("你好"); });
  done("without scripts, in Chinese, a job is checked, made, run and read");

  await page.goto(`${site.base}/jobs`);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/jobs\/\d+$/);
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await page.waitForURL(/\/nodes$/);
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  done("by keyboard");

  const serious = [];
  for (const theme of ["light", "dark"]) {
    const window = await openWindow(browser, { locale: "en-US", colorScheme: theme, bypassCSP: true }, complaints);
    serious.push(...await findings(window, "/sign-in"));
    await signIn(window, site);
    for (const path of PAGES) serious.push(...(await findings(window, path)).map((finding) => `${theme} ${finding}`));
    await window.context().close();
  }
  assert.deepEqual(serious, []);
  done(`axe-core finds nothing serious on ${PAGES.length + 1} pages, light and dark`);
  assert.deepEqual(complaints, []);
  done("no console error and no violated policy");
} finally {
  await browser.close();
  await site.stop();
}
