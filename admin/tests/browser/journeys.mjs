// From first visit to a job created, previewed, fired, watched live, killed, edited in conflict, restored and deleted;
// in both languages, without scripts, by keyboard; no console error, no violated policy, no serious accessibility finding.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { launch, openWindow, setUp, signIn, startSite, waitFor } from "./site.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PAGES = ["/", "/jobs", "/jobs/new", "/jobs/1", "/jobs/1/edit", "/jobs/1/back-test", "/jobs?q=lst:failed", "/jobs?q=nothing", "/runs", "/runs?outcome=killed", "/timeline", "/nodes", "/nodes/1", "/alerts", "/alerts?state=past", "/calendars", "/calendars/new", "/jobs/deleted", "/apply", "/groups", "/groups?edit=1", "/import", "/users", "/users/1", "/tokens", "/audit", "/system", "/account", "/nope"];
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
  await page.press("#name", "Enter");
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
  await page.click("form[action$='/restore'] button");
  await page.waitForSelector("form[action$='/enable'] button");
  done("a version is made current, the job deleted and restored");

  const plain = await openWindow(browser, { javaScriptEnabled: false, locale: "zh-CN" }, complaints);
  await signIn(plain, site);
  await makeJob(plain, "无脚本", "echo 你好");
  await plain.click("text=检查计划");
  assert.match(await plain.textContent("#preview"), /\^\^/);
  assert.match(await plain.textContent("#schedule-wrong"), /分钟字段.*61 超过了最大值 59/);
  await plain.fill("#schedule", "0 3 * * *");
  await plain.press("#schedule", "Enter");
  await plain.waitForURL(/\/jobs\/2/);
  await plain.click("text=立即运行");
  await plain.waitForURL(/\/runs\/2-/);
  await waitFor(async () => { await plain.reload(); return (await plain.textContent("#output")).includes("你好"); });
  done("without scripts, in Chinese, a job is checked, made, run and read");

  await plain.goto(`${site.base}/jobs/new`);
  await plain.fill("#name", "久");
  await plain.fill("#command", "echo 在; sleep 60");
  await plain.fill("#schedule", "@manual");
  await plain.click(".sticky button.primary");
  await plain.waitForURL(/\/jobs\/3/);
  await plain.click("text=立即运行");
  await plain.waitForURL(/\/runs\/3-/);
  PAGES.push(new URL(plain.url()).pathname);
  await waitFor(async () => { await plain.reload(); return (await plain.textContent("#output")).includes("在"); });
  await plain.click("button.danger");
  await waitFor(async () => { await plain.reload(); return plain.locator("[data-state=killed]").first().isVisible(); });
  const rival = await openWindow(browser, { javaScriptEnabled: false, locale: "zh-CN", storageState: await plain.context().storageState() }, complaints);
  await plain.goto(`${site.base}/jobs/3/edit`);
  await rival.goto(`${site.base}/jobs/3/edit`);
  await rival.fill("#description", "先");
  await rival.click(".sticky button.primary");
  await rival.waitForURL(/\/jobs\/3(\?|$)/);
  await plain.fill("#description", "后");
  await plain.click(".sticky button.primary");
  assert.match(await plain.textContent("#conflict"), /说明[^]*先[^]*后/);
  await plain.click(".sticky button.primary");
  await plain.waitForURL(/\/jobs\/3(\?|$)/);
  await plain.locator("button.danger", { hasText: "删除" }).click();
  await plain.click("form[action$='/restore'] button");
  await plain.waitForSelector("form[action$='/enable'] button");
  done("and killed, edited in conflict, deleted and restored, in Chinese and without scripts");

  const keys = await openWindow(browser, { locale: "zh-CN", storageState: await second.context().storageState() }, complaints);
  const press = async (...names) => { for (const name of names) await keys.keyboard.press(name); };
  const reach = async (selector) => {
    for (let step = 0; step < 120; step += 1) {
      await press("Tab");
      if (await keys.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    }
    throw new Error(`120 tabs do not lead to ${selector}`);
  };
  await keys.goto(`${site.base}/jobs`);
  await reach("a.button.primary[href='/jobs/new']");
  await press("Enter");
  await keys.waitForURL(/\/jobs\/new$/);
  await reach("#name");
  await keys.keyboard.type("keys");
  await reach("#command");
  await keys.keyboard.type("echo keys");
  await reach("#schedule");
  await keys.keyboard.type("30 2 * * *");
  await keys.waitForFunction(() => document.querySelector("#preview .sentence")?.textContent.includes("02:30"));
  await reach(".sticky button.primary");
  await press("Enter");
  await keys.waitForURL(/\/jobs\/4(\?|$)/);
  await reach("form[action$='/run'] button");
  await press("Enter");
  await keys.waitForURL(/\/runs\/4-/);
  await keys.waitForFunction(() => document.querySelector("#output")?.textContent.includes("keys"));
  done("a job is made, fired and watched by keyboard alone, in Chinese");

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

  const reader = await openWindow(browser, { locale: "en-US", storageState: await second.context().storageState() }, []);
  await reader.goto(`${site.base}/nodes`);
  await reader.route("**/nodes", (route) => route.fulfill({ status: 503, body: "" }));
  await reader.waitForFunction(() => document.querySelector("#stale").textContent.includes("No answer"));
  assert.equal(await reader.locator("[data-live=nodes] tbody tr").count(), 1);
  await reader.unroute("**/nodes");
  await reader.waitForFunction(() => document.querySelector("#stale").textContent === "");
  await reader.context().close();
  done("a refresh that fails leaves what is shown, says of when it is, and goes on");

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
