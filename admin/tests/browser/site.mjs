// A real installation (`carillon up`) on a free port, and people in a real browser.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const PASSWORD = "three bells at noon";

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

/** Starts `carillon up`, with these crontab lines, and waits until it serves. */
export async function startSite(crontab = "") {
  const folder = mkdtempSync(join(tmpdir(), "carillon-browser-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const tab = join(folder, "crontab");
  writeFileSync(tab, crontab);
  const program = process.env.CARILLON ?? "target/debug/carillon";
  const child = spawn(program, ["up", "--data", join(folder, "data"), "--listen", `127.0.0.1:${port}`, ...(crontab ? [tab] : [])], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { log += data; });
  const code = await waitFor(() => log.match(/set-up code:? +([A-Z2-9-]{19})/)?.[1], () => log);
  await waitFor(async () => (await fetch(`${base}/healthz`).catch(() => null))?.ok, () => log);
  const stop = async () => {
    child.kill("SIGINT");
    child.kill("SIGINT");
    await new Promise((resolve) => { child.once("exit", resolve); setTimeout(() => { child.kill("SIGKILL"); resolve(); }, 8000); });
    rmSync(folder, { recursive: true, force: true });
  };
  return { base, code, stop };
}

export async function waitFor(ask, tell = () => "") {
  const until = Date.now() + 20_000;
  while (Date.now() < until) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 20 s in vain\n${tell()}`);
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** A browser window that complains about every console error and every violated policy. */
export async function openWindow(browser, options, complaints) {
  const context = await browser.newContext({ timezoneId: "Europe/Berlin", ...options });
  const page = await context.newPage();
  page.on("console", (message) => {
    const isExpected = /Failed to load resource: the server responded with a status of (4\d\d)/.test(message.text());
    if (message.type() === "error" && !isExpected) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  return page;
}

export async function setUp(page, site) {
  await page.goto(site.base);
  await page.fill("#code", site.code);
  await page.fill("#name", "owner");
  await page.fill("#password", PASSWORD);
  await page.click("button.primary");
  await page.waitForURL(`${site.base}/`);
}

export async function signIn(page, site, name = "owner") {
  await page.goto(`${site.base}/sign-in`);
  await page.fill("#name", name);
  await page.fill("#password", PASSWORD);
  await page.click("button.primary");
  await page.waitForURL(`${site.base}/`);
}
