// The report in a real browser: what the policy, the styles and the script do together cannot be read from the source.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sparticuz from "@sparticuz/chromium";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderHtml } from "../../templates/repo-audit/report/html.ts";
import { reportModel } from "../../templates/repo-audit/report/model.ts";
import { earlier, hostile, hostileResult, sample } from "./report-fixtures/sample.ts";

const dir = mkdtempSync(join(tmpdir(), "report-browser-"));
let browser: Browser;
beforeAll(async () => {
  writeFileSync(join(dir, "sample.html"), renderHtml(reportModel(sample, earlier)));
  writeFileSync(join(dir, "hostile.html"), renderHtml(reportModel(hostileResult, sample)));
  // Not its own `args`: among them are a single process, which dies with its first page, and a switched-off web security.
  browser = await chromium.launch({ executablePath: await sparticuz.executablePath(), args: ["--no-sandbox", "--disable-gpu"] });
});
afterAll(async () => {
  await browser.close();
  rmSync(dir, { recursive: true, force: true });
});

async function open(name: string, options: BrowserContextOptions = {}, hash = ""): Promise<{ page: Page; noise: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const noise: string[] = [];
  page.on("console", (message) => noise.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => noise.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    noise.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith("file:") && request.url() !== "data:,") noise.push(`request: ${request.url()}`);
  });
  await page.goto(`${pathToFileURL(join(dir, `${name}.html`)).href}${hash}`);
  return { page, noise };
}

const visible = (page: Page): Promise<number> => page.locator(".f:visible").count();
const shown = (page: Page): Promise<string | null> => page.locator("#shown").textContent();

describe("the report in a browser", () => {
  it.each(["sample", "hostile"])("is quiet, fits narrow and wide pages, and runs nothing of a finding: %s", async (name) => {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [390, 1280]) {
        const { page, noise } = await open(name, { colorScheme, viewport: { width, height: 800 } });
        await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
        expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
        expect(noise).toEqual([]);
        await page.context().close();
      }
    }
  });

  it("filters by chip, text and path, and keeps the filter in its address", async () => {
    const { page } = await open("sample");
    expect(await shown(page)).toBe("241 findings");
    await page.click('button[data-value="high"]');
    expect(await visible(page)).toBe(6);
    expect(await shown(page)).toBe("6 of 241 findings");
    await page.click('button[data-value="secrets"]');
    expect(new URL(page.url()).hash).toBe("#dimension=secrets&severity=high");
    expect(await visible(page)).toBe(2);
    await page.fill("#path", "publish");
    await expect.poll(() => visible(page)).toBe(1);
    await page.goBack();
    await page.goBack();
    await expect.poll(() => shown(page)).toBe("241 findings");
    await page.fill("#q", "no such thing");
    await expect.poll(() => page.locator("#none").isVisible()).toBe(true);
    await page.click("#none button");
    expect(await shown(page)).toBe("241 findings");
    await page.context().close();
  });

  it("opens with the filter of its address, and brings rejected findings forth when asked", async () => {
    const { page } = await open("sample", {}, "#verdict=rejected&dimension=links");
    expect(await visible(page)).toBe(21);
    expect(await page.locator('button[data-value="rejected"]').getAttribute("aria-pressed")).toBe("true");
    await page.context().close();
  });

  it("leads from every number to the findings it counts", async () => {
    const { page } = await open("sample");
    await page.click('table.scores a[aria-label="5 medium in Links"]');
    expect(await visible(page)).toBe(5);
    await page.click(".actions li:nth-child(2) .what a");
    const times = await page.locator(".actions li:nth-child(2) .what b").textContent();
    expect(`×${await visible(page)}`).toBe(times);
    await page.locator(".treemap.wide a").first().click();
    expect(await visible(page)).toBe(14);
    await page.context().close();
  });

  it("works by keyboard, and a link to one finding opens it wherever it is folded away", async () => {
    const last = sample.findings.findLast((f) => f.dimension === "docs")!;
    const { page } = await open("sample", {}, `#f-${last.id}`);
    await expect
      .poll(() =>
        page.locator(`#f-${last.id}`).evaluate((el) => (el as HTMLDetailsElement).open && el.contains(document.activeElement)),
      )
      .toBe(true);
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement!.id)).toBe("q");
    await page.keyboard.type("private RSA");
    await expect.poll(() => visible(page)).toBe(1);
    await page.keyboard.press("Escape");
    await expect.poll(() => shown(page)).toBe("241 findings");
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    expect(
      await page
        .locator(".f")
        .first()
        .evaluate((el) => (el as HTMLDetailsElement).open),
    ).toBe(true);
    await page.context().close();
  });

  it("filters hostile paths too", async () => {
    const { page } = await open("hostile");
    await page.evaluate(() =>
      document
        .querySelectorAll<HTMLElement>(".treemap.wide a")
        .forEach((a) => a.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }))),
    );
    expect(await visible(page)).toBe(2);
    for (const text of [hostile.script, hostile.attribute, hostile.cdata]) {
      await page.fill("#q", text);
      await expect.poll(() => shown(page)).toMatch(/of 24 findings/);
    }
    await page.context().close();
  });

  it("switches its theme, and follows the system until then", async () => {
    const { page } = await open("sample", { colorScheme: "dark" });
    const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.click("#theme");
    expect(await page.locator("#theme").textContent()).toBe("Theme: light");
    expect(await ground()).not.toBe(dark);
    await page.click("#theme");
    expect(await ground()).toBe(dark);
    await page.context().close();
  });

  it("is a plain document without scripts", async () => {
    const { page } = await open("sample", { javaScriptEnabled: false });
    expect(await page.locator("#filter").isVisible()).toBe(false);
    expect(await page.locator("#theme").isVisible()).toBe(false);
    await page.locator("#d-docs .more > summary").click();
    expect(await page.locator("#d-docs .f:visible").count()).toBe(118);
    await page.locator("#d-secrets .f summary").first().click();
    expect(await page.locator("#d-secrets .f .fix").first().isVisible()).toBe(true);
    await page.context().close();
  });
});
