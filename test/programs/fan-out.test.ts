// Of p2, without limits, hedges and clocks: a map with named gaps, a pipeline for each item, results as they come.
import { agent, createFleet, isFlotillaError, TerminalError, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";

const File = z.object({ path: z.string(), bytes: z.int() });
const review = agent({
  name: "review",
  input: File,
  output: z.object({ path: z.string(), findings: z.array(z.string()) }),
  errors: { Unreadable: z.object({ path: z.string() }) },
  run({ path, bytes }, ctx) {
    if (bytes === 0) return ctx.fail("Unreadable", { path });
    if (bytes < 0) throw new TerminalError("a negative size");
    return { path, findings: Array.from({ length: bytes }, (_, i) => `${path}:${i}`) };
  },
});

const audit = workflow({
  name: "audit",
  input: z.object({ files: z.array(File), atLeast: z.number() }),
  output: z.object({ reviewed: z.int(), missing: z.array(z.object({ path: z.string(), why: z.string() })) }),
  async run({ files, atLeast }, ctx) {
    const reviews = await ctx.map(review, files, { key: (f) => f.path, concurrency: 100, join: { atLeast } });
    return {
      reviewed: reviews.values.length,
      missing: reviews.gaps.map((gap) => ({
        path: gap.input.path,
        why:
          gap.outcome.status === "failed" && gap.outcome.error.code === "FLOTILLA_DECLARED"
            ? gap.outcome.error.data.path
            : gap.outcome.status,
      })),
    };
  },
});

const strict = workflow({
  name: "strict",
  input: z.object({ files: z.array(File) }),
  run: async ({ files }, ctx) => (await ctx.map(review, files)).map((r) => r.path),
});
const pipeline = workflow({
  name: "pipeline",
  input: z.object({ files: z.array(File) }),
  run: ({ files }, ctx) => ctx.each(files, async (file, c) => (await c.call(review, file)).findings.length),
});
const firstTwo = workflow({
  name: "first-two",
  input: z.object({ files: z.array(File) }),
  async run({ files }, ctx) {
    const seen: string[] = [];
    for await (const item of ctx.map(review, files, { join: { atLeast: 2 } }).asCompleted()) {
      if (item.status === "succeeded") seen.push(item.value.path);
      if (seen.length === 2) break;
    }
    return seen.length;
  },
});

const definitions = [review, audit, strict, pipeline, firstTwo] as const;
const files = (n: number) => Array.from({ length: n }, (_, i) => ({ path: `f${i}`, bytes: 2 }));

test("a fan-out of 500 with two gaps names them", async () => {
  await using fleet = await createFleet({ definitions });
  const all = [...files(500), { path: "empty", bytes: 0 }, { path: "odd", bytes: -1 }];
  const result = await fleet.run(audit, { files: all, atLeast: 490 });
  expect(result).toEqual({
    reviewed: 500,
    missing: [
      { path: "empty", why: "empty" },
      { path: "odd", why: "failed" },
    ],
  });
});

test("too few successes fail the run with the numbers", async () => {
  await using fleet = await createFleet({ definitions });
  const error = await fleet
    .run(audit, { files: [...files(3), { path: "empty", bytes: 0 }], atLeast: 4 })
    .catch((e: unknown) => e);
  // The workflow let it through: it is the run's own error or the cause of it.
  const unmet = isFlotillaError(error, "FLOTILLA_JOIN_UNMET") ? error : (error as Error).cause;
  expect(unmet).toMatchObject({ code: "FLOTILLA_JOIN_UNMET", details: { wanted: 4, succeeded: 3, gaps: 1 } });
});

test("a plain map is an array in the order of its inputs, and fails with the first failure", async () => {
  await using fleet = await createFleet({ definitions });
  expect(await fleet.run(strict, { files: files(20) })).toEqual(files(20).map((f) => f.path));
  await expect(fleet.run(strict, { files: [...files(3), { path: "empty", bytes: 0 }] })).rejects.toThrow(/empty|strict/);
  expect(await fleet.run(strict, { files: [] })).toEqual([]);
});

test("code for each item runs in its own scope", async () => {
  await using fleet = await createFleet({ definitions });
  expect(
    await fleet.run(pipeline, {
      files: [
        { path: "a", bytes: 1 },
        { path: "a", bytes: 1 },
        { path: "b", bytes: 3 },
      ],
    }),
  ).toEqual([1, 1, 3]);
});

test("results can be taken as they come, and the rest let go", async () => {
  await using fleet = await createFleet({ definitions });
  expect(await fleet.run(firstTwo, { files: files(30) })).toBe(2);
});
