import { agent, workflow, limit, createFleet, isFlotillaError } from "flotilla";
import { anthropic, generateText, governed, Output } from "./ai.ts";
import * as z from "zod";

const claude = limit("anthropic:sonnet", { requestsPerMinute: 4000, inputTokensPerMinute: 400_000, inFlight: 64 });
const Review = z.object({ path: z.string(), findings: z.array(z.object({ rule: z.string(), line: z.int() })) });

export const review = agent({
  name: "review",
  description: "Reviews one source file",
  input: z.object({ path: z.string(), bytes: z.int() }),
  output: Review,
  errors: { Unreadable: z.object({ path: z.string() }) },
  limits: [
    {
      limit: claude,
      tokens: (i) => {
        i.bytes satisfies number;
        return Math.ceil(i.bytes / 3) + 2_000;
      },
    },
  ],
  retry: { attempts: 4, backoff: "exponential" },
  timeout: "5m",
  idleTimeout: "60s",
  async run({ path, bytes }, ctx) {
    if (bytes === 0) return ctx.fail("Unreadable", { path });
    const { output, usage } = await generateText({
      model: governed(ctx, anthropic("claude-sonnet"), { limit: claude }),
      prompt: `Review ${path}`,
      output: Output.object({ schema: Review }),
      abortSignal: ctx.signal,
    });
    ctx.spend({ ...usage, model: "anthropic/claude-sonnet" }); // accepts undefined counts; priced by table
    return output;
  },
});

export const audit = workflow({
  name: "audit",
  input: z.object({ files: z.array(z.object({ path: z.string(), bytes: z.int() })) }),
  output: z.object({ reviewed: z.int(), missing: z.array(z.string()) }),
  budget: { usd: 2, tasks: 500, time: "30m" },
  async run({ files }, ctx) {
    const reviews = await ctx.map(review, files, {
      key: (f) => f.path,
      concurrency: 100,
      join: { atLeast: "95%", within: "10m" },
      hedge: { after: "p95", atMost: "5%" },
    });
    for (const g of reviews.gaps) {
      g.input.path satisfies string;
      if (g.outcome.status === "failed" && g.outcome.error.code === "FLOTILLA_DECLARED")
        g.outcome.error.data.path satisfies string;
    }
    // default join: plain array; first: one value
    const all = await ctx.map(review, files);
    all satisfies z.infer<typeof Review>[];
    const first = await ctx.map(review, files, { join: "first" });
    first.value.findings satisfies unknown[];
    // no barrier
    for await (const r of ctx.map(review, files, { join: { atLeast: 10 } }).asCompleted()) {
      if (r.status === "succeeded") r.value.path satisfies string;
      else if (r.status === "stopped") r.error.details.spent satisfies number;
    }
    // per-item pipeline without a barrier, keys scoped
    const n = await ctx.each(files, async (file, c) => {
      const a = await c.call(review, file);
      return a.findings.length;
    });
    n satisfies number[];
    if (ctx.budget.remaining.usd < 0.1) ctx.log.warn("nearly out", { left: ctx.budget.remaining.usd });
    return { reviewed: reviews.values.length, missing: reviews.gaps.map((g) => g.input.path) };
  },
});

const fleet = await createFleet({ store: "sqlite:flotilla.db", definitions: [review, audit], workers: { slots: 64 } });
const run = await fleet.start(audit, { files: [] }, { idempotencyKey: "audit:main:abc123", budget: { usd: 1 } });
for await (const e of run.events({ types: ["stage.progress", "task.settled"] })) {
  if (e.type === "stage.progress") e.data.total satisfies number;
  else e.data.runMs satisfies number;
}
const o = await run.outcome();
switch (o.status) {
  case "succeeded":
    o.value.reviewed satisfies number;
    break;
  case "partial":
    o.value.reviewed satisfies number;
    o.gaps satisfies unknown[];
    break;
  case "stopped":
    o.error.details.budget satisfies string;
    await run.resume({ budget: { usd: 3 } });
    break;
  case "failed":
  case "canceled":
  case "quarantined":
    console.error(o.error);
    break;
  default:
    o satisfies never;
}
try {
  (await run.result()).missing satisfies string[];
} catch (e) {
  if (isFlotillaError(e, "FLOTILLA_JOIN_UNMET")) e.details.wanted satisfies number;
  else throw e;
}

// negative checks
agent({
  name: "x",
  input: z.object({ a: z.string() }),
  output: z.object({ n: z.number() }),
  // @ts-expect-error run must give the output schema's input
  run: ({ a }) => ({ n: a }),
});
agent({
  name: "y",
  input: z.object({ a: z.string() }),
  // @ts-expect-error not a duration
  timeout: "5 minutes",
  run: () => 1,
});
agent({
  name: "v",
  input: z.object({ a: z.string() }),
  errors: { No: z.object({ p: z.string() }) },
  // @ts-expect-error undeclared error
  run: (_i, ctx) => ctx.fail("Nope", { p: "x" }),
});
