// The programs that break when a part of the rule is missing. Each gives a value that shows the order in which it
// learned of things, so that two runs differ when the order does.
import { agent } from "../../src/client/agent.ts";
import { message } from "../../src/client/message.ts";
import { parsePlan, plan } from "../../src/client/plan.ts";
import { workflow } from "../../src/client/workflow.ts";
import type { WorkflowContext } from "../../src/core/context.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { isFlotillaError } from "../../src/core/error.ts";
import type { Schema } from "../../src/core/schema.ts";

/** Accepts everything: the engine is under test, not a schema library. */
export function open<T>(): Schema<T, T> {
  return { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value: value as T }) } };
}

interface In {
  n?: number;
  fail?: boolean;
  /** It ends with gaps. */
  partial?: boolean;
}
export const inc = agent({ name: "inc", input: open<In>(), output: open<number>(), run: ({ n }) => (n ?? 0) + 1 });
export const double = agent({ name: "double", input: open<In>(), output: open<number>(), run: ({ n }) => (n ?? 0) * 2 });
export const sum = agent({
  name: "sum",
  input: open<{ items: number[] }>(),
  output: open<number>(),
  run: ({ items }) => items.length,
});
export const note = message("note", open<number>());
/** Gives what it is sent, when it is sent something. */
export const listener = workflow({
  name: "listener",
  input: open<In>(),
  output: open<number>(),
  run: ({ n }, ctx) => ctx.waitFor(note, { timeout: "100ms" }).catch(() => (n ?? 0) + 1),
});
/** A child that ends with gaps when it is told to. */
export const gappy = workflow({
  name: "gappy",
  input: open<In>(),
  output: open<number>(),
  async run({ n = 0, partial = false }, ctx) {
    const joined = await ctx.map(inc, [{ n }, { n, fail: partial }], { join: { atLeast: 1 } });
    return joined.values[0] as number;
  },
});
export const said = message("said", open<unknown>());

export function program(run: (ctx: WorkflowContext) => unknown): AnyCallable {
  return workflow({ name: "program", input: open<null>(), output: open<unknown>(), run: (_, ctx) => run(ctx) });
}

/** The same with an input of its own, for `continueAs`; it begins with 0. */
export function generations(run: (ctx: WorkflowContext, generation: number) => unknown): AnyCallable {
  return workflow({ name: "program", input: open<number | null>(), output: open<unknown>(), run: (n, ctx) => run(ctx, n ?? 0) });
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const tick = (n = 1): Promise<void> => (n <= 1 ? Promise.resolve() : Promise.resolve().then(() => tick(n - 1)));
/** What steps await outside the engine: a world with a clock of its own puts that in its place. */
export const outside = { nap: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)) };
const nap = (ms = 0): Promise<void> => outside.nap(ms);
export const statusOf = (s: { status: string }): string => s.status;

export const programs: Readonly<Record<string, AnyCallable>> = {
  "one call": program((ctx) => ctx.call(inc, { n: 1 })),

  "calls in sequence": program(async (ctx) => {
    let n = 0;
    for (let i = 0; i < 6; i++) n = await ctx.call(i % 2 ? double : inc, { n });
    return n;
  }),

  map: program(async (ctx) => {
    const first = await ctx.map(
      inc,
      range(8).map((n) => ({ n })),
    );
    return ctx.map(
      double,
      first.map((n) => ({ n })),
    );
  }),

  "pipelines per item by Promise.all": program(async (ctx) => {
    const log: string[] = [];
    const out = await Promise.all(
      range(5).map(async (i) => {
        const a = await ctx.call(inc, { n: i });
        log.push(`a${i}`);
        const b = await ctx.call(double, { n: a });
        log.push(`b${i}`);
        return b;
      }),
    );
    return { out, log };
  }),

  "each with pipelines": program(async (ctx) => {
    const log: string[] = [];
    const out = await ctx.each(range(5), async (i, c) => {
      const a = await c.call(inc, { n: 7 });
      log.push(`${i}`);
      return c.call(double, { n: a + i });
    });
    return { out, log };
  }),

  "each with bounded concurrency": program(async (ctx) => {
    const log: string[] = [];
    const out = await ctx.each(
      range(7),
      async (i, c) => {
        log.push(`+${i}`);
        const n = (await c.call(inc, { n: 1 })) + (await c.call(double, { n: i }));
        log.push(`-${i}`);
        return n;
      },
      { concurrency: 2 },
    );
    return { out, log };
  }),

  "parallel state": program(async (ctx) => {
    let total = 0;
    const seen: number[] = [];
    await Promise.all(
      range(5).map(async (i) => {
        const n = await ctx.call(inc, { n: i });
        total = total * 3 + n;
        seen.push(await ctx.call(double, { n: total }));
      }),
    );
    return { total, seen };
  }),

  scopes: program(async (ctx) => {
    const log: string[] = [];
    const branch = (name: string) =>
      ctx.scope(name, async (c) => {
        const n = await c.call(inc, { n: 1 });
        log.push(name);
        return (await c.call(inc, { n })) + (await c.call(inc, { n: 1 }));
      });
    return { out: await Promise.all(["x", "y", "x"].map(branch)), log };
  }),

  "nested scopes with equal calls": program((ctx) =>
    Promise.all(
      ["a", "b"].map((outer) =>
        ctx.scope(outer, (o) =>
          Promise.all(
            ["a", "b"].map((inner) =>
              o.scope(
                inner,
                async (i) => (await i.call(inc, { n: 1 })) + (await i.call(inc, { n: 1 })) + (await o.call(inc, { n: 1 })),
              ),
            ),
          ),
        ),
      ),
    ),
  ),

  race: program(async (ctx) => {
    const won = await ctx.race({ a: ctx.call(inc, { n: 1 }), b: ctx.call(inc, { n: 2 }), c: ctx.call(inc, { n: 3 }) });
    return { won, next: await ctx.call(double, { n: won.value }) };
  }),

  "Promise.race at the end": program((ctx) => Promise.race([ctx.call(inc, { n: 1 }), ctx.call(inc, { n: 2 })])),

  "race of branches with code": program(async (ctx) => {
    const branch = (name: string, n: number) =>
      ctx.scope(name, async (c) => {
        let m = n;
        for (let i = 0; i < 3; i++) m = await c.call(inc, { n: m });
        return m;
      });
    const won = await ctx.race({ left: branch("left", 0), right: branch("right", 10) });
    return { won, next: await ctx.call(inc, { n: won.value }) };
  }),

  "microtask depth": program(async (ctx) => {
    const log: string[] = [];
    const deep = async (i: number) => {
      const n = await ctx.call(inc, { n: i });
      await tick(1 + ((i * 37) % 50));
      log.push(`d${i}`);
      const m = await ctx.call(double, { n: log.length * 100 + n });
      await tick(i % 3);
      return m;
    };
    return { out: await Promise.all(range(5).map(deep)), log };
  }),

  "random, uuid and now": program(async (ctx) => {
    const draws: unknown[] = [ctx.random(), ctx.uuid(), ctx.now().getTime()];
    await Promise.all(
      range(4).map(async (i) => {
        const n = await ctx.call(inc, { n: i });
        draws.push(n, ctx.random(), ctx.uuid(), ctx.now().getTime());
        await ctx.call(double, { n: Math.floor(ctx.random() * 1e9) });
        draws.push(ctx.random());
      }),
    );
    await ctx.scope("s", (c) => void draws.push(c.random()));
    return draws;
  }),

  duplicates: program(async (ctx) => {
    const order: number[] = [];
    await Promise.all(
      range(6).map(async (i) => {
        await ctx.call(inc, { n: 1 });
        order.push(i);
      }),
    );
    return { order, again: await ctx.call(inc, { n: 1 }) };
  }),

  "shared state": program(async (ctx) => {
    const queue = [0, 1, 2, 3, 4, 5, 6];
    const done: string[] = [];
    const lane = async (name: string) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        await ctx.call(inc, { n: item });
        done.push(`${name}${item}`);
      }
    };
    await Promise.all([lane("a"), lane("b"), lane("c")]);
    return done;
  }),

  loops: program(async (ctx) => {
    let best = 0;
    for (let round = 0; round < 4; round++) {
      const tries = await ctx.map(
        inc,
        range(3).map((i) => ({ n: best + i })),
      );
      best = Math.max(...tries);
      if (best > 7) break;
    }
    return best;
  }),

  "steps in sequence": program(async (ctx) => {
    const a = await ctx.step("a", () => 1);
    const b = await ctx.step("b", async () => (await nap(), a + 1));
    const n = await ctx.call(inc, { n: b });
    return ctx.step("c", () => n * 10);
  }),

  "parallel steps": program(async (ctx) => {
    const log: string[] = [];
    const out = await Promise.all(
      range(4).map(async (i) => {
        const n = await ctx.step("s", async () => (i % 2 ? nap() : undefined, i));
        log.push(`s${i}`);
        return ctx.call(inc, { n: n + log.length * 10 });
      }),
    );
    return { out, log };
  }),

  "steps that throw": program(async (ctx) => {
    const log: string[] = [];
    for (let i = 0; i < 3; i++) {
      try {
        await ctx.step("try", () => {
          if (i < 2) throw new Error(`no ${i}`);
          return i;
        });
        log.push("ok");
      } catch (e) {
        log.push((e as Error).message);
      }
    }
    return log;
  }),

  "steps beside calls": program(async (ctx) => {
    const log: string[] = [];
    const one = ctx.step("slow", async () => (await nap(1), "s")).then((v) => log.push(v));
    const many = range(4).map((i) => ctx.call(inc, { n: i }).then((v) => log.push(String(v))));
    await Promise.all([one, ...many]);
    return log;
  }),

  "start handles": program(async (ctx) => {
    const handles = [];
    for (let i = 0; i < 4; i++) handles.push(await ctx.start(inc, { n: i }));
    const ids = handles.map((h) => h.id);
    const last = await (handles[3] as (typeof handles)[0]).result();
    await ctx.call(double, { n: last });
    return { ids, all: await Promise.all(handles.map((h) => h.result())) };
  }),

  "cancel of losers": program(async (ctx) => {
    const handles = await Promise.all(range(4).map((i) => ctx.start(inc, { n: i })));
    const first = await Promise.race(handles.map(async (h, i) => ({ i, v: await h.result() })));
    for (const [i, h] of handles.entries()) if (i !== first.i) await h.cancel("lost");
    const rest = await Promise.all(handles.map((h) => h.result().settled()));
    return { first, rest: rest.map(statusOf) };
  }),

  emits: program(async (ctx) => {
    ctx.emit(said, "begin");
    ctx.emit(said, "begin");
    await ctx.each(range(4), async (i, c) => {
      c.emit(said, { asks: i });
      const n = await c.call(inc, { n: i });
      ctx.emit(said, { i, n });
      ctx.emit(said, "same");
    });
    ctx.emit(said, "end");
    return "done";
  }),

  "asCompleted with break": program(async (ctx) => {
    const seen: number[] = [];
    for await (const item of ctx
      .map(
        inc,
        range(6).map((n) => ({ n })),
      )
      .asCompleted()) {
      seen.push(item.index);
      if (item.status === "succeeded") await ctx.call(double, { n: item.value });
      if (seen.length === 3) break;
    }
    return { seen, after: await ctx.call(inc, { n: seen[0] as number }) };
  }),

  "asCompleted to the end": program(async (ctx) => {
    const seen: string[] = [];
    for await (const item of ctx
      .map(
        inc,
        range(5).map((n) => ({ n, fail: n === 2 })),
      )
      .asCompleted())
      seen.push(`${item.index} ${item.status}`);
    return seen;
  }),

  reduce: program(async (ctx) => {
    const leaves = await ctx.map(
      inc,
      range(9).map((n) => ({ n })),
    );
    return ctx.reduce(sum, leaves, { fanIn: 3, empty: 0 });
  }),

  "Promise.allSettled": program(async (ctx) => {
    const all = await Promise.allSettled(range(5).map((n) => ctx.call(inc, { n, fail: n % 2 === 1 })));
    return { all: all.map(statusOf), next: await ctx.call(inc, { n: 9 }) };
  }),

  "Promise.any": program(async (ctx) => {
    const n = await Promise.any(range(4).map((n) => ctx.call(inc, { n, fail: n < 2 })));
    return ctx.call(double, { n });
  }),

  "catch and continue": program(async (ctx) => {
    const log: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      try {
        log.push(await ctx.call(inc, { n: i, fail: i % 2 === 0 }));
      } catch (e) {
        log.push((e as { code: string }).code);
        log.push(await ctx.call(double, { n: i }));
      }
    }
    return log;
  }),

  "settled of a map with failures": program(async (ctx) => {
    const joined = await ctx
      .map(
        inc,
        range(6).map((n) => ({ n, fail: n === 1 || n === 4 })),
      )
      .settled();
    return {
      gaps: joined.gaps.map((g) => [g.index, g.task, g.outcome.status]),
      values: joined.values,
      next: await ctx.call(inc, { n: joined.values.length }),
    };
  }),

  "map that fails and is caught": program(async (ctx) => {
    try {
      return await ctx.map(
        inc,
        range(6).map((n) => ({ n, fail: n === 3 })),
      );
    } catch (e) {
      return { code: (e as { code: string }).code, next: await ctx.call(inc, { n: 1 }) };
    }
  }),

  "bounded map": program(async (ctx) => {
    const beside = ctx.call(double, { n: 5 });
    const out = await ctx.map(
      inc,
      range(9).map((n) => ({ n })),
      { concurrency: 2 },
    );
    return { out, beside: await beside };
  }),

  "items that are refused": program(async (ctx) => {
    // JSON has no NaN: the ask is refused, in the first launch and in the middle of a delivery.
    const inputs = range(8).map((n) => ({ n: n % 3 === 1 ? Number.NaN : n }));
    const joined = await ctx.map(inc, inputs, { concurrency: 2 }).settled();
    const rest = await ctx.map(double, inputs).catch((e: unknown) => (e as { code: string }).code);
    return { items: joined.items.map(statusOf), rest, next: await ctx.call(inc, { n: joined.values.length }) };
  }),

  "join first": program(async (ctx) => {
    const first = await ctx.map(
      inc,
      range(5).map((n) => ({ n, fail: n === 0 })),
      { join: "first" },
    );
    return { first, next: await ctx.call(double, { n: first.value }) };
  }),

  "join at least, early": program(async (ctx) => {
    const joined = await ctx.map(
      inc,
      range(8).map((n) => ({ n, fail: n === 2 })),
      { join: { atLeast: "50%", early: true } },
    );
    return { items: joined.items.map(statusOf), next: await ctx.call(double, { n: joined.values.length }) };
  }),

  detach: program(async (ctx) => {
    const { id } = await ctx.detach(inc, { n: 1 });
    const n = await ctx.call(inc, { n: 1 });
    const other = await ctx.detach(double, { n });
    return { id, other: other.id, n };
  }),

  "keys by the caller": program(async (ctx) => {
    const a = await ctx.map(
      inc,
      range(3).map((n) => ({ n })),
      { key: (i) => `src/${i.n}.ts` },
    );
    const b = await ctx.map(
      double,
      range(3).map((n) => ({ n })),
      { key: (i) => `src/${i.n}.ts` },
    );
    return [a, b, await ctx.call(inc, { n: 1 }, { key: "src/1.ts" })];
  }),

  "asks that are never awaited": program(async (ctx) => {
    void ctx.call(inc, { n: 1 });
    void ctx.map(
      inc,
      range(3).map((n) => ({ n })),
    );
    const n = await ctx.call(double, { n: 4 });
    void ctx.call(inc, { n: 2, fail: true });
    return n;
  }),

  "a plan": program(async (ctx) => {
    // Two ways that meet: which node starts when depends on the order of outcomes.
    const diamond = plan<number>((p) => {
      const a = p.call(inc, { n: 1 }, { key: "a" });
      const b = p.call(inc, { n: 10 }, { key: "b" });
      const left = p.call(double, { n: a }, { key: "left" });
      const right = p.call(double, { n: b }, { key: "right" });
      const many = p.map(inc, [{ n: left }, { n: right }, { n: 7 }], { key: "many" });
      return p.call(sum, { items: many }, { key: "sum", after: [left] });
    });
    const log: unknown[] = [];
    const first = ctx.execute(diamond, { concurrency: 2 }).then((v) => log.push(["diamond", v]));
    const beside = ctx.call(inc, { n: 5 }).then((v) => log.push(["beside", v]));
    const again = ctx.execute(diamond).then((v) => log.push(["again", v]));
    await Promise.all([first, beside, again]);
    return log;
  }),

  "a plan that fails and is planned anew": program(async (ctx) => {
    const answer = (n: number, fail: boolean) =>
      parsePlan(
        {
          kind: "plan",
          nodes: [
            { id: "a", call: "inc", input: { n: 1 } },
            { id: "bad", call: "inc", input: { n: { $node: "a" }, fail } },
            { id: "beside", call: "double", input: { n: { $node: "a" } } },
            { id: "many", map: "inc", items: [{ n: 1 }, { n: 2, fail }, { n: 3 }, { n: 3 }] },
            {
              id: "sum",
              call: "sum",
              input: { items: [{ $node: "bad" }, { $node: "beside" }, { $node: "many", path: "[1]" }, n] },
            },
          ],
          result: "sum",
        },
        [inc, double, sum],
      );
    const checked = answer(1, true);
    if (!checked.ok) return checked.issues;
    const failed = await ctx.execute(checked.plan).settled();
    if (failed.status !== "failed" || !isFlotillaError(failed.error, "FLOTILLA_PLAN_FAILED")) return failed.status;
    const next = answer(await ctx.call(inc, { n: 100 }), false);
    if (!next.ok) return next.issues;
    const { failed: nodes, ...rest } = failed.error.details;
    return [nodes.map((f) => [f.node, f.task]), rest, await ctx.execute(next.plan, { after: failed.error })];
  }),

  "a plan that loses a race": program(async (ctx) => {
    const line = plan<number>((p) => {
      let n = p.call(inc, { n: 0 });
      for (let i = 0; i < 3; i++) n = p.call(inc, { n });
      return n;
    });
    const won = await ctx.race({ plan: ctx.execute(line), call: ctx.call(double, { n: 2 }) });
    return { won, next: await ctx.call(inc, { n: 1 }) };
  }),

  "map of an async iterable": program(async (ctx) => {
    async function* inputs() {
      for (let i = 0; i < 3; i++) yield { n: await ctx.call(inc, { n: i }) };
    }
    return ctx.map(double, inputs());
  }),
};

/** Slower, so with fewer seeds. */
export const largePrograms: Readonly<Record<string, AnyCallable>> = {
  "large map": program(async (ctx) => {
    const out = await ctx.map(
      inc,
      range(300).map((n) => ({ n })),
    );
    return ctx.map(
      double,
      out.slice(0, 50).map((n) => ({ n })),
      { concurrency: 10 },
    );
  }),
};
