// What the fleets of these tests run: small tasks, in trees of two levels, each attempt with a result of its own, and
// workflows that wait for time, for a message and for their children.
import { randomUUID } from "node:crypto";
import * as z from "zod";
import { agent, message, workflow } from "../../../src/index.ts";
import { note } from "./history.ts";
import type { Tap } from "./tap.ts";

/** Past any patience of the load's fleet; bounded, should nobody end it. */
const blockMs = 20_000;
const Piece = z.object({ n: z.int(), ms: z.int() });
const Parts = z.object({ n: z.int(), parts: z.array(z.object({ kind: z.enum(["piece", "flaky", "late"]), ms: z.int() })) });

/** What a wave waits for. */
export const word = message("word", z.string());

interface Attempted {
  readonly task: { readonly id: string; readonly attempt: number };
  readonly signal: AbortSignal;
}

/** @param tap what writes down here; undefined where no code runs */
export function createLoad(tap: Tap | undefined) {
  /** What an attempt does: written down at its begin and its end, under its fence. */
  async function effect(ctx: Attempted, work: () => Promise<void>): Promise<string> {
    if (!tap) throw new Error("the load runs in worker processes only");
    const { task, leaseNo } = tap.fenceOf(ctx.task.id);
    const token = randomUUID();
    const of = { pid: process.pid, task, leaseNo, token };
    note(tap.log, { e: "begun", ...of });
    ctx.signal.addEventListener("abort", () => note(tap.log, { e: "told", ...of, why: String(ctx.signal.reason) }));
    if (tap.mustBlock()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
    await work();
    note(tap.log, { e: "ended", ...of });
    return token;
  }
  const nap = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  const piece = agent({
    name: "piece",
    input: Piece,
    run: async ({ n, ms }, ctx) => ({ n, token: await effect(ctx, () => nap(ms)) }),
  });

  /** Fails at its first attempt: its retry waits, by the clock that jumps. */
  const flaky = agent({
    name: "flaky",
    input: Piece,
    retry: { attempts: 3, backoff: "fixed", from: "50ms" },
    async run({ n, ms }, ctx) {
      const token = await effect(ctx, () => nap(ms));
      if (ctx.task.attempt === 1) throw new Error("the first attempt always fails");
      return { n, token };
    },
  });

  /** Its first attempt outlives its timeout, ignores that it was told to stop, and reports a result that must not count. */
  const late = agent({
    name: "late",
    input: Piece,
    timeout: "300ms",
    retry: { attempts: 20, backoff: "fixed", from: "20ms" },
    run: async ({ n, ms }, ctx) => ({ n, token: await effect(ctx, () => nap(ctx.task.attempt === 1 ? 600 : ms)) }),
  });

  const batch = workflow({
    name: "batch",
    input: Parts,
    async run({ n, parts }, ctx) {
      const opened = await ctx.step("open", () => `open ${n}`);
      await ctx.sleep("20ms");
      const calls = parts.map(({ kind, ms }, i) => ctx.call({ piece, flaky, late }[kind], { n: n * 100 + i, ms }).settled());
      const settled = await Promise.all(calls);
      return { n, opened, parts: settled.map((s) => (s.status === "succeeded" ? s.value.token : s.status)) };
    },
  });

  const wave = workflow({
    name: "wave",
    input: z.object({ n: z.int(), batches: z.array(Parts) }),
    async run({ n, batches }, ctx) {
      const done = await Promise.all(batches.map((b) => ctx.call(batch, b)));
      return { n, word: await ctx.waitFor(word), batches: done };
    },
  });

  return { piece, flaky, late, batch, wave };
}
