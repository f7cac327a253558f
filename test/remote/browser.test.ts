// The client in a real browser: bundled without anything of Node, against a real fleet, over a wire that is cut once.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import sparticuz from "@sparticuz/chromium";
import { chromium, type Browser } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFleet } from "../../src/runtime/create-fleet.ts";
import { fleetDefinitions, go } from "./definitions.ts";
import { openWire, serveHttp } from "./serve.ts";

/** What a team pays for the client in its page, minified, before compression. A third of it is the catalogue of errors. */
const budgetBytes = 44 * 1024;

async function bundlePage(): Promise<{ readonly code: string; readonly imports: readonly string[] }> {
  const build = await rolldown({
    input: fileURLToPath(new URL("page.ts", import.meta.url)),
    platform: "browser",
    resolve: { alias: { "flotilla/client": fileURLToPath(new URL("../../src/client.ts", import.meta.url)) } },
  });
  try {
    const { output } = await build.generate({ format: "esm", minify: true });
    expect(output).toHaveLength(1);
    return { code: output[0].code, imports: [...output[0].imports, ...output[0].dynamicImports] };
  } finally {
    await build.close();
  }
}

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: await sparticuz.executablePath(), args: ["--no-sandbox", "--disable-gpu"] });
});
afterAll(() => browser.close());

test("a page starts a run, follows it over a connection that breaks, and shows the result", async () => {
  const { code, imports } = await bundlePage();
  const size = Buffer.byteLength(code);
  console.log(
    `the client in a page: ${(size / 1024).toFixed(1)} KiB minified, ${(gzipSync(code).length / 1024).toFixed(1)} KiB gzip`,
  );
  expect(imports).toEqual([]);
  expect(code.match(/["'`]node:\w+|\brequire\(|\bBuffer\./g)).toBeNull();
  expect(size).toBeLessThan(budgetBytes);

  const { definitions } = fleetDefinitions();
  const { fleet, orchestrator } = await openFleet({ definitions });
  const lists = ["refused", "run", "events", "result", "failed"].map((id) => `<ul id="${id}"></ul>`).join("");
  const html = (text: string, type: string) => new Response(text, { headers: { "content-type": type } });
  const served = await serveHttp(orchestrator, (path) => {
    if (path === "/")
      return html(`<!doctype html><title>t</title>${lists}<script type="module" src="page.js"></script>`, "text/html");
    if (path === "/page.js") return html(code, "text/javascript");
    return undefined;
  });
  const wire = await openWire(served.port);
  const page = await browser.newPage();
  try {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(wire.url);
    const lines = (id: string): Promise<string[]> => page.locator(`#${id} li`).allTextContents();
    await expect.poll(() => lines("events")).toEqual(["run.started"]);
    expect(await lines("refused")).toEqual([expect.stringContaining("FLOTILLA_INPUT_INVALID: topic: ")]);
    const [id = ""] = await lines("run");
    const run = await fleet.get(id);

    const before = wire.made;
    wire.cut();
    await run.send(go, { word: "yes" });
    await expect.poll(() => lines("events")).toEqual(["run.started", "approval.asked"]);
    expect(wire.made).toBeGreaterThan(before);

    const [approval] = await fleet.approvals.list();
    await fleet.approvals.approve(approval?.id ?? "", { by: "ada", value: "green" });
    await expect.poll(() => lines("result")).toEqual(['{"word":"yes","value":"green","by":"ada"}']);
    expect(await lines("events")).toEqual(["run.started", "approval.asked", "run.finished"]);
    expect([await lines("failed"), errors]).toEqual([[], []]);
  } finally {
    await page.close();
    await wire[Symbol.asyncDispose]();
    await served[Symbol.asyncDispose]();
    await fleet.close();
  }
});
