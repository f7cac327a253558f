// What a client sees of a run: one per idempotency key, its events, its cancel, its failure with the cause.
import { agent, createFleet, message, RetryableError, workflow, type RunEvent } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";
import { collect } from "./collect.ts";

const found = message("finding", z.object({ rule: z.string() }));
const step = agent({ name: "step", input: z.object({ n: z.int() }), run: ({ n }) => n * 2 });
const scan = workflow({
  name: "scan",
  input: z.object({ rules: z.array(z.string()) }),
  async run({ rules }, ctx) {
    for (const rule of rules) ctx.emit(found, { rule });
    const doubled = await ctx.map(
      step,
      rules.map((_, n) => ({ n })),
    );
    return { last: doubled.at(-1) ?? null };
  },
});
const flaky = agent({
  name: "flaky",
  input: z.object({}),
  retry: { attempts: 2, from: "1ms", to: "1ms" },
  run(_, ctx) {
    if (ctx.task.attempt === 1) throw new RetryableError("429", { retryAfter: "1ms" });
    return ctx.task.attempt;
  },
});
const hopeless = agent({
  name: "hopeless",
  input: z.object({}),
  retry: { attempts: 2, from: "1ms", to: "1ms" },
  run() {
    throw new TypeError("no such key");
  },
});
const forever = agent({
  name: "forever",
  input: z.object({}),
  run: (_, ctx) =>
    new Promise<never>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(new Error("aborted")))),
});
const definitions = [step, scan, flaky, hopeless, forever] as const;

test("the same idempotency key gives the same run, another input is refused", async () => {
  await using fleet = await createFleet({ definitions });
  const first = await fleet.start(step, { n: 1 }, { idempotencyKey: "k" });
  const again = await fleet.start(step, { n: 1 }, { idempotencyKey: "k" });
  expect(again.id).toBe(first.id);
  expect(await again.result()).toBe(2);
  expect((await fleet.start(step, { n: 1 }, { idempotencyKey: "k" })).id).toBe(first.id);
  await expect(fleet.start(step, { n: 2 }, { idempotencyKey: "k" })).rejects.toMatchObject({
    code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
    details: { key: "k", run: first.id },
  });
});

test("two starts with one key in the same turn are one run", async () => {
  await using fleet = await createFleet({ definitions });
  const runs = await Promise.all([1, 1, 1].map((n) => fleet.start(step, { n }, { idempotencyKey: "k" })));
  expect(new Set(runs.map((r) => r.id)).size).toBe(1);
});

test("events come in order, from the begin and from a cursor, filtered and to the end", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(scan, { rules: ["a", "b"] });
  const seen: RunEvent[] = [];
  for await (const event of run.events({ types: ["run.started", "custom", "task.settled", "run.finished"] })) seen.push(event);
  expect(seen[0]).toMatchObject({ type: "run.started", runId: run.id, data: { name: "scan" } });
  expect(seen.at(-1)).toMatchObject({ type: "run.finished", data: { outcome: "succeeded" } });
  expect(seen.filter((e) => e.type === "custom").map((e) => e.data.value)).toEqual([{ rule: "a" }, { rule: "b" }]);
  expect(seen.filter((e) => e.type === "task.settled" && e.data.agent === "step")).toHaveLength(2);
  const custom = seen.findIndex((e) => e.type === "custom");
  const rest = await collect(
    run.events({ after: seen[custom]?.cursor ?? "", types: ["run.started", "custom", "task.settled", "run.finished"] }),
  );
  expect(rest).toEqual(seen.slice(custom + 1));
});

test("messages are what the run emitted", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(scan, { rules: ["a", "b", "c"] });
  const findings = await collect(run.messages(found));
  expect(findings.map((finding) => finding.rule satisfies string)).toEqual(["a", "b", "c"]);
  expect(await run.result()).toEqual({ last: 4 });
});

test("a failed attempt is tried again", async () => {
  await using fleet = await createFleet({ definitions });
  expect(await fleet.run(flaky, {})).toBe(2);
});

test("a failure says which agent, how often, and why", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(hopeless, {});
  await expect(run.result()).rejects.toMatchObject({
    code: "FLOTILLA_AGENT_FAILED",
    details: { agent: "hopeless", attempts: 2 },
    cause: { name: "TypeError", message: "no such key" },
  });
  expect((await run.outcome()).status).toBe("failed");
});

test("a canceled run ends as canceled, and stays so", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(forever, {});
  await run.cancel("no longer wanted");
  expect(await run.outcome()).toMatchObject({
    status: "canceled",
    error: { code: "FLOTILLA_CANCELED", details: { by: expect.stringContaining("no longer wanted") } },
  });
  await expect(run.result()).rejects.toMatchObject({ code: "FLOTILLA_CANCELED" });
  await run.cancel("again");
  expect((await run.outcome()).status).toBe("canceled");
});

test("a run is found again by its id", async () => {
  await using fleet = await createFleet({ definitions });
  const { id } = await fleet.start(step, { n: 4 });
  expect(await (await fleet.get(id)).result()).toBe(8);
  await expect(fleet.get("r_nope")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
});
