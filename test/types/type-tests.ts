import type { WireOf, OutOf, ErrorsOf, DeclaredError, Settled, RunEvent, Ref } from "flotilla";
import { agent, contract, workflow, connect, limit, isFlotillaError, schedule } from "flotilla";
import type { review, audit } from "./p2-fanout.ts";
import type { lead, search, tree } from "./p3-supervisor.ts";
import type config from "./p5-fleet.ts";
import * as z from "zod";
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Is<T extends true> = T;
export type T1 = [
  Is<Equal<WireOf<typeof review>, { path: string; bytes: number }>>,
  Is<Equal<OutOf<typeof audit>, { reviewed: number; missing: string[] }>>,
  Is<Equal<ErrorsOf<typeof review>, DeclaredError<"Unreadable", { path: string }>>>,
  Is<Equal<OutOf<typeof search>, { url: string; date: string }[]>>,
  Is<Equal<OutOf<typeof lead>, { title: string; notes: number }>>,
  Is<Equal<OutOf<typeof tree>, { leaves: number }>>,
  Is<Equal<(typeof review)["name"], "review">>,
  Is<Equal<Extract<RunEvent, { type: "task.waiting" }>["data"], { task: string; reason: string; fix: string }>>,
];
// transform: wire != parsed on both sides
const tr = agent({
  name: "tr",
  input: z.object({ n: z.string().transform(Number) }),
  output: z.object({ d: z.coerce.date() }),
  run: ({ n }) => ({ d: new Date(n) }),
});
export type T2 = [Is<Equal<WireOf<typeof tr>, { n: string }>>, Is<Equal<OutOf<typeof tr>, { d: string }>>];
// no output: widened JSON of what run returns, also async
const a1 = agent({
  name: "a1",
  input: z.object({}),
  async run() {
    return { ok: true, when: new Date(), tags: ["x"] };
  },
});
export type T3 = [Is<Equal<OutOf<typeof a1>, { ok: boolean; when: string; tags: string[] }>>];
const l = limit("x", {});
const a2 = agent({
  name: "a2",
  input: z.object({ s: z.string() }),
  limits: [l, { limit: l, tokens: (i) => i.s.length, key: (i) => i.s }],
  run: ({ s }) => s,
});
export type T4 = [Is<Equal<OutOf<typeof a2>, string>>];
const c = connect<typeof config>("https://x");
export async function t5() {
  const r = await c.start("audit", { files: [] });
  const o = await r.outcome();
  if (o.status === "partial") {
    const v: { reviewed: number; missing: string[] } = o.value;
    return v;
  }
  const x: Exclude<typeof o.status, "partial"> = o.status;
  return x satisfies Settled<unknown>["status"];
}
export const w1 = workflow({
  name: "w1",
  input: z.object({ x: z.int() }),
  async run({ x }, ctx) {
    const [p, q] = await Promise.all([ctx.call(tr, { n: "1" }), ctx.call(a2, { s: "x" })]);
    const pp: string = p.d;
    const qq: string = q;
    const s = await Promise.allSettled([ctx.call(a2, { s: "" })]);
    if (s[0].status === "fulfilled") s[0].value satisfies string;
    const m = await ctx.map(a2, [{ s: "a" }]);
    const mm: string[] = m;
    const j = await ctx.map(a2, [{ s: "a" }], { join: { atLeast: 1 } });
    type TJ = Is<Equal<typeof j.values, string[]>>;
    const tj: TJ = true;
    const st = await ctx.step("k", () => ({ d: new Date(), m: 1n.toString() }));
    type TS = Is<Equal<typeof st, { d: string; m: string }>>;
    const ts: TS = true;
    const ref = await ctx.artifact.put({ big: [1] });
    type TR = Is<Equal<typeof ref, Ref<{ big: number[] }>>>;
    const tr2: TR = true;
    return { pp, qq, mm, x, tj, ts, tr2 };
  },
});
export function te(e: unknown) {
  if (isFlotillaError(e)) {
    if (e.code === "FLOTILLA_NO_WORKER") return e.details.nearest[0];
    if (e.code === "FLOTILLA_TIMEOUT") {
      const a: "timeout" | "idleTimeout" | "deadline" | "ttl" | "waitFor" | "query" = e.details.after;
      return a;
    }
  }
  return null;
}
const k = contract({ name: "k", input: z.object({}), output: z.object({ n: z.number().default(3) }) });
// @ts-expect-error wrong output of an implementation
k.agent({ run: () => ({ n: "x" }) });
// self-reference without a contract: needs the result annotated by hand
export const selfish = workflow({
  name: "s",
  input: z.object({ d: z.int() }),
  output: z.object({ n: z.int() }),
  async run({ d }, ctx) {
    if (d === 0) return { n: 1 };
    const r: { n: number } = await ctx.call(selfish, { d: d - 1 });
    return { n: r.n };
  },
});

import { plan, message } from "flotilla";
import { summarize, team } from "./p3-supervisor.ts";
const ls = agent({ name: "ls", input: z.object({ dir: z.string() }), run: () => [{ s: "a" }] });
const join = agent({
  name: "join",
  input: z.object({ parts: z.array(z.string()), title: z.string() }),
  run: ({ parts }) => parts.length,
});
export const pl = plan((p) => {
  const files = p.call(ls, { dir: "." });
  const parts = p.map(a2, files);
  return p.call(join, { parts, title: "t" });
});
// a part of a result has the type of the part
plan((p) => p.call(join, { parts: [p.part(p.call(ls, { dir: "." }), 0, "s")], title: "t" }));
// @ts-expect-error there is no such part
plan((p) => p.call(a2, { s: p.part(p.call(ls, { dir: "." }), 0, "t") }));
// @ts-expect-error a list of objects is no list of inputs of tr
plan((p) => p.map(tr, p.call(ls, { dir: "." })));
// @ts-expect-error the result of a node is not there yet
plan((p) => p.call(a2, { s: p.call(a2, { s: "x" }).length }));
// @ts-expect-error join wants strings, ls gives objects
plan((p) => p.call(join, { parts: p.call(ls, { dir: "." }), title: "t" }));
const found = message("finding", z.object({ rule: z.string() }));
export const w2 = workflow({
  name: "w2",
  input: z.object({}),
  async run(_i, ctx) {
    const n = await ctx.execute(pl);
    const nn: number = n;
    const outcome = await ctx.execute(pl, { budget: { tasks: 9 }, concurrency: 2 }).settled();
    if (outcome.status === "failed" && isFlotillaError(outcome.error, "FLOTILLA_PLAN_FAILED"))
      outcome.error.details.notRun satisfies readonly string[];
    // @ts-expect-error what a plan costs cannot be known
    void ctx.execute(pl, { budget: { usd: 1 } });
    ctx.emit(found, { rule: "x" });
    const r = await ctx.race({ a: ctx.call(a2, { s: "x" }), m: ctx.waitFor(found), t: ctx.sleep("5m") });
    if (r.winner === "m") {
      const v: { rule: string } = r.value;
      return { v, nn };
    }
    if (r.winner === "a") {
      const v: string = r.value;
      return { v, nn };
    }
    // @ts-expect-error wrong leaf
    await ctx.reduce(summarize, [{ wrong: 1 }], { fanIn: 4, empty: { title: "", notes: 0 } });
    const refs = await ctx.map(team, [{ topic: "a", lang: "fr" as const }]);
    const d = await ctx.reduce(summarize, refs, { fanIn: 4, empty: { title: "", notes: 0 } });
    type TD = Is<Equal<typeof d, { title: string; notes: number }>>;
    const td: TD = true;
    return { v: td, nn };
  },
});

// a schedule's input is the target's wire input
export const s1 = schedule({ name: "s1", every: "1h", target: tr, input: { n: "5" } });
// @ts-expect-error the target wants another input
export const s2 = schedule({ name: "s2", every: "1h", target: tr, input: { depth: 5 } });
export const s3 = schedule({ name: "s3", cron: "0 3 * * *", target: "by name", input: { any: "thing" } });
// @ts-expect-error an interval is a duration
export const s4 = schedule({ name: "s4", every: 60, target: "by name", input: null });
