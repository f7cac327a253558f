// Code that awaits what is not durable is refused in its first run, where its author sees it.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as immediate, setTimeout as timeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkflowContext } from "../../src/core/context.ts";
import { inc, program } from "./programs.ts";
import { rerun } from "./rerun.ts";

const first = { rows: [], deliveries: [] };
const server = createServer((_, response) => response.end("x"));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => server.close());

const foreign: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["a timer", () => timeout(1)],
  ["an immediate", () => immediate()],
  ["a file", () => readFile(import.meta.filename)],
  ["fetch", () => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)],
  ["crypto", () => crypto.subtle.digest("SHA-256", new Uint8Array(1_000_000))],
];

describe("is refused with FLOTILLA_FOREIGN_AWAIT", () => {
  const places: readonly (readonly [string, (wait: () => Promise<unknown>) => (ctx: WorkflowContext) => unknown])[] = [
    ["before a call", (wait) => async (ctx) => (await wait(), ctx.call(inc, { n: 1 }))],
    ["before the end", (wait) => async () => (await wait(), 1)],
    ["before a throw", (wait) => async () => (await wait(), Promise.reject(new Error("mine")))],
    ["beside a call", (wait) => (ctx) => Promise.all([ctx.call(inc, { n: 1 }), wait().then(() => ctx.call(inc, { n: 2 }))])],
    ["before the end, beside an open call", (wait) => async (ctx) => (void ctx.call(inc, { n: 1 }), await wait(), 1)],
    [
      "before a cancel",
      (wait) => async (ctx) => {
        const call = ctx.call(inc, { n: 1 });
        await wait();
        call.cancel();
        return call;
      },
    ],
    ["before a step", (wait) => async (ctx) => (await wait(), ctx.step("s", () => 1))],
  ];
  for (const [what, wait] of foreign) {
    test.each(places)(`${what} %s`, async (_, place) => {
      let waited = Promise.resolve<unknown>(undefined);
      const { result } = await rerun(program(place(() => (waited = wait()))), first, { also: () => waited });
      expect(result).toMatchObject({ status: "failed", terminal: true, error: { code: "FLOTILLA_FOREIGN_AWAIT" } });
    });
  }
});

test("code that waits for nothing of ours is told so at once, and not left hanging", async () => {
  const { result } = await rerun(
    program(() => new Promise(() => {})),
    first,
  );
  expect(result).toMatchObject({
    status: "failed",
    terminal: true,
    error: { code: "FLOTILLA_FOREIGN_AWAIT", fix: [expect.stringContaining("ctx.step"), expect.any(String)] },
  });
});

describe("is no false alarm", () => {
  const own: readonly (readonly [string, (ctx: WorkflowContext) => Promise<unknown>])[] = [
    [
      "100,000 microtasks",
      async () => {
        for (let i = 0; i < 100_000; i++) await Promise.resolve();
      },
    ],
    [
      "process.nextTick and queueMicrotask",
      async () => {
        for (let i = 0; i < 100; i++)
          await new Promise<void>((resolve) => (i % 2 ? process.nextTick(resolve) : queueMicrotask(resolve)));
      },
    ],
    [
      "nested combinators",
      async () => {
        await Promise.all(
          Array.from({ length: 50 }, async (_, i) =>
            Promise.race([Promise.resolve(i), Promise.any([Promise.resolve(2), Promise.reject(new Error("x"))])]),
          ),
        );
      },
    ],
    [
      "async generators",
      async () => {
        async function* numbers() {
          for (let i = 0; i < 100; i++) yield i;
        }
        for await (const _ of numbers());
      },
    ],
    [
      "20 ms of computing",
      async () => {
        for (const until = performance.now() + 20; performance.now() < until;);
      },
    ],
  ];
  test.each(own)("%s", async (_, wait) => {
    const run = program(async (ctx) => {
      await wait(ctx);
      const n = await ctx.call(inc, { n: 1 });
      await wait(ctx);
      return n + (await ctx.call(inc, { n }));
    });
    const once = await rerun(run, first);
    expect(once.result).toBeUndefined();
    expect(once.acts).toHaveLength(1);
  });
});

test("a step may await what it likes", async () => {
  const { acts, result } = await rerun(
    program((ctx) => ctx.step("s", async () => (await timeout(2), (await readFile(import.meta.filename)).length > 0))),
    first,
  );
  expect(result).toBeUndefined();
  expect(acts).toMatchObject([
    { kind: "step", key: "s" },
    { kind: "step-result", value: "true" },
  ]);
});

test("asking inside a step is refused there", async () => {
  const { acts } = await rerun(
    program((ctx) => ctx.step("s", () => ctx.call(inc, { n: 1 }))),
    first,
  );
  expect(acts).toMatchObject([{ kind: "step" }, { kind: "step-result", value: null, error: { code: "FLOTILLA_NOT_SUPPORTED" } }]);
});
