// When a script ends: only a process of its own can show it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const door = JSON.stringify(join(import.meta.dirname, "../index.ts"));

/** What a script prints; it fails when Node ends it with an unsettled await (exit code 13). */
async function script(code: string): Promise<string> {
  const head = `
    import { agent, createFleet, RetryableError } from ${door};
    const input = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
    const quick = agent({ name: "quick", input, run: () => "done" });
    const flaky = agent({ name: "flaky", input, run(_, ctx) {
      if (ctx.task.attempt === 1) throw new RetryableError("busy", { retryAfter: "50ms" });
      return "at last";
    } });
    const fleet = await createFleet({ definitions: [quick, flaky] });`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", head + code], { timeout: 20_000 });
  return stdout.trim();
}

test.concurrent.each([
  ["that closes its fleet ends", "console.log(await fleet.run(quick, {})); await fleet.close();", "done"],
  ["that forgot to close ends, when nothing is waited for", "console.log(await fleet.run(quick, {}));", "done"],
  [
    "that waits for a result is kept, also while only a timer of ours is left",
    "console.log(await fleet.run(flaky, {}));",
    "at last",
  ],
  [
    "that reads events is kept to the end of the run",
    "for await (const e of (await fleet.start(flaky, {})).events({ types: ['run.finished'] })) console.log(e.data.outcome);",
    "succeeded",
  ],
])("a script %s", async (_, code, printed) => {
  expect(await script(code)).toBe(printed);
});
