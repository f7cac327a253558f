// Programs that wait: for time, messages and people, with joins that have a time, shields, cancels and executions that go
// on under another input. As in programs.ts each gives a value that shows the order in which it learned of things.
import type { Approval, WorkflowContext } from "../../src/core/context.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import type { Pending } from "../../src/core/settled.ts";
import { double, gappy, generations, inc, listener, note, open, program, range, said, statusOf, sum } from "./programs.ts";

const codeOf = (e: unknown): string => (e as { code?: string }).code ?? String(e);

/** What came of it, and when: the same in every run of the same order. */
async function told<O>(pending: Pending<O>): Promise<unknown> {
  const settled = await pending.settled();
  return settled.status === "succeeded" ? (settled.value ?? "done") : `${settled.status} ${codeOf(settled.error)}`;
}

/** What a person may say, without who said it. */
async function answered(pending: Pending<Approval<unknown>>): Promise<unknown> {
  const settled = await pending.settled();
  return settled.status === "succeeded" ? [settled.value.via, settled.value.value ?? "nothing"] : codeOf(settled.error);
}

/** What no run may say. */
export const notUndone = "not undone";

const items = (n: number, fails: (i: number) => boolean = () => false) => range(n).map((i) => ({ n: i, fail: fails(i) }));

export const waitPrograms: Readonly<Record<string, AnyCallable>> = {
  "sleep in a loop": program(async (ctx) => {
    const log: number[] = [];
    for (let i = 0; i < 4; i++) {
      await ctx.sleep("20ms");
      log.push(ctx.now().getTime(), await ctx.call(inc, { n: i }));
    }
    return log;
  }),

  "sleeps side by side": program(async (ctx) => {
    const log: string[] = [];
    await Promise.all(
      [30, 10, 20, 10].map(async (ms, i) => {
        await ctx.sleep(`${ms}ms`);
        log.push(`${i} after ${ms}`);
        await ctx.call(inc, { n: log.length });
      }),
    );
    return log;
  }),

  "sleep until": program(async (ctx) => {
    await ctx.sleepUntil(new Date(ctx.now().getTime() + 40));
    const n = await ctx.call(inc, { n: 1 });
    // Long ago is at once.
    await ctx.sleepUntil(new Date(0));
    return [n, ctx.now().getTime()];
  }),

  "sleep against a call": program(async (ctx) => {
    const log: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const won = await ctx.race({ call: ctx.call(inc, { n: i }), sleep: ctx.sleep("25ms") });
      log.push(won.winner, won.value ?? null);
      await ctx.call(double, { n: log.length });
    }
    return log;
  }),

  "Promise.race of a sleep and code": program(async (ctx) => {
    const branch = ctx.scope("work", async (c) => {
      let n = 0;
      for (let i = 0; i < 4; i++) n = await c.call(inc, { n });
      return n;
    });
    const first = await Promise.race([branch, ctx.sleep("60ms").then(() => "late")]);
    branch.cancel("late");
    return [first, await told(branch), await ctx.call(inc, { n: 0 })];
  }),

  "a message or its timeout": program(async (ctx) => {
    const log: unknown[] = [];
    for (let i = 0; i < 4; i++) log.push(await told(ctx.waitFor(note, { timeout: "30ms" })));
    return { log, next: await ctx.call(inc, { n: log.length }) };
  }),

  "messages before and after the wait": program(async (ctx) => {
    const log: unknown[] = [await ctx.call(inc, { n: 1 })];
    for (let i = 0; i < 3; i++) {
      await ctx.step(`s${i}`, () => i);
      log.push(await ctx.waitFor(note));
    }
    return log;
  }),

  "messages beside calls": program(async (ctx) => {
    const log: unknown[] = [];
    const messages = async () => {
      for (let i = 0; i < 3; i++) log.push(`message ${await ctx.waitFor(note)}`);
    };
    const calls = range(4).map(async (n) => {
      log.push(await ctx.call(inc, { n }));
      log.push(await ctx.call(double, { n: log.length }));
    });
    await Promise.all([messages(), ...calls]);
    return log;
  }),

  "several waits of one name": program(async (ctx) => {
    const seen: string[] = [];
    const wait = async (c: WorkflowContext, name: string) => {
      const n = await c.waitFor(note);
      seen.push(`${name} ${n}`);
      return n;
    };
    const got = await Promise.all([wait(ctx, "a"), wait(ctx, "b"), ctx.scope("s", (c) => wait(c, "c"))]);
    return { seen, got, next: await ctx.call(double, { n: got[0] }) };
  }),

  "the oldest wait gets the oldest message": program(async (ctx) => {
    const got = await Promise.all(range(4).map(() => ctx.waitFor(note)));
    if (got.some((n, i) => i > 0 && n <= (got[i - 1] as number))) throw new Error(`out of order: ${got.join(" ")}`);
    return got;
  }),

  "messages to itself": program(async (ctx) => {
    const log: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      await ctx.send(ctx.task.id, note, i * 100);
      await ctx.send(ctx.task.id, note, i * 100);
      log.push(await ctx.waitFor(note), await ctx.call(inc, { n: i }));
    }
    return log.length;
  }),

  "messages between siblings": program(async (ctx) => {
    const [a, b] = [await ctx.start(listener, { n: 1 }), await ctx.start(listener, { n: 2 })];
    await a.send(note, 10);
    const first = await ctx.call(inc, { n: 1 });
    await ctx.send(b.id, note, first);
    await ctx.send("t_00000000000000000000000000zzz", note, 0); // Nobody has that name.
    return [typeof (await a.result()), typeof (await b.result()), first];
  }),

  approvals: program(async (ctx) => {
    const log: unknown[] = [await answered(ctx.approve({ title: "go?" }))];
    log.push(await answered(ctx.approve({ title: "how many?", edit: { schema: open<number>(), value: 7 } })));
    await ctx.call(inc, { n: 1 });
    log.push(await answered(ctx.approve({ title: "in time?", timeout: "30ms" })));
    log.push(
      await answered(
        ctx.approve({ title: "or else", timeout: "30ms", onTimeout: "approve", edit: { schema: open<number>(), value: 3 } }),
      ),
    );
    return log;
  }),

  "approvals beside calls": program(async (ctx) => {
    const log: unknown[] = [];
    await Promise.all([
      ctx.approve({ title: "a" }).then(
        () => log.push("a"),
        (e) => log.push(codeOf(e)),
      ),
      ctx.approve({ title: "b", timeout: "20ms", onTimeout: "approve" }).then(
        () => log.push("b"),
        (e) => log.push(codeOf(e)),
      ),
      ...range(3).map((n) => ctx.call(inc, { n }).then((v) => log.push(v))),
    ]);
    return log;
  }),

  "a join with time": program(async (ctx) => {
    const joined = await ctx
      .map(
        inc,
        items(6, (i) => i === 2),
        { join: { atLeast: 2, within: "60ms" } },
      )
      .catch(codeOf);
    if (typeof joined === "string") return joined;
    return [joined.items.map(statusOf), joined.gaps.length, await ctx.call(double, { n: joined.values.length })];
  }),

  "a join with time, out of reach": program(async (ctx) => {
    const joined = await ctx.map(inc, items(5), { join: { atLeast: 5, within: "20ms" } }).catch(codeOf);
    return [typeof joined === "string" ? joined : joined.values.length, await ctx.call(inc, { n: 1 })];
  }),

  "a join with time, early and bounded": program(async (ctx) => {
    const joined = await ctx
      .map(
        inc,
        items(8, (i) => i === 1),
        { join: { atLeast: "50%", within: "80ms", early: true }, concurrency: 3 },
      )
      .catch(codeOf);
    return [typeof joined === "string" ? joined : joined.items.map(statusOf), await ctx.call(inc, { n: 1 })];
  }),

  "a join with time, read as it comes": program(async (ctx) => {
    const seen: string[] = [];
    for await (const item of ctx.map(inc, items(5), { join: { atLeast: 1, within: "60ms" } }).asCompleted()) {
      seen.push(`${item.index} ${item.status}`);
      await ctx.call(double, { n: seen.length });
    }
    return seen;
  }),

  "each with sleeps": program(async (ctx) => {
    const log: string[] = [];
    const out = await ctx.each(
      range(5),
      async (i, c) => {
        await c.sleep(`${10 * (1 + (i % 3))}ms`);
        log.push(`${i}`);
        return c.call(inc, { n: i });
      },
      { concurrency: 2 },
    );
    return { out, log };
  }),

  "each with time": program(async (ctx) => {
    const joined = await ctx
      .each(
        range(5),
        async (i, c) => {
          await c.sleep(`${10 * (i + 1)}ms`);
          return (await c.call(inc, { n: i })) + (await c.waitFor(note));
        },
        { join: { atLeast: 1, within: "90ms" } },
      )
      .catch(codeOf);
    return [typeof joined === "string" ? joined : joined.items.map(statusOf), await ctx.call(inc, { n: 9 })];
  }),

  "scopes with waits that are canceled": program(async (ctx) => {
    const log: unknown[] = [];
    const scopes = ["a", "b", "c"].map((name) =>
      ctx.scope(name, async (c) => {
        const got = await Promise.all([told(c.waitFor(note)), told(c.sleep("1h")), told(c.call(inc, { n: 1 }))]);
        log.push(name, got);
        return got.length;
      }),
    );
    await ctx.call(double, { n: 1 });
    for (const s of scopes) s.cancel("enough");
    return [await Promise.all(scopes.map(told)), log, await ctx.call(inc, { n: 2 })];
  }),

  "waits that lose": program(async (ctx) => {
    const log: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const won = await ctx.race({
        note: ctx.waitFor(note),
        sleep: ctx.sleep("20ms"),
        yes: ctx.approve({ title: `go ${i}?`, timeout: "30ms", onTimeout: "approve" }).settled(),
      });
      log.push(won.winner, ctx.random());
    }
    return log;
  }),

  "results by reference": program(async (ctx) => {
    const refs = await ctx.map(
      inc,
      range(9).map((n) => ({ n })),
      { results: "refs" },
    );
    const total = await ctx.reduce(sum, refs, { fanIn: 3, empty: 0 });
    return [refs.length, total];
  }),

  "children that end with gaps": program(async (ctx) => {
    const first = await ctx.call(gappy, { n: 1, partial: true });
    const all = await ctx.map(
      gappy,
      range(4).map((n) => ({ n, partial: n % 2 === 1 })),
    );
    return [first, all];
  }),

  "continueAs with children and waits under way": generations(async (ctx, n) => {
    ctx.emit(said, n);
    const kept = await ctx.start(inc, { n: 100 + n });
    void ctx.waitFor(note);
    void ctx.sleep("1h");
    await ctx.detach(double, { n });
    const got = await ctx.call(inc, { n });
    if (n < 6) ctx.continueAs(got);
    return [got, await kept.result(), await ctx.waitFor(note), ctx.random()];
  }),

  "continueAs in a branch": generations(async (ctx, n) => {
    await Promise.race([
      ctx.sleep("30ms").then(() => (n < 5 ? ctx.continueAs(n + 1) : undefined)),
      ctx.each(range(3), (i, c) => c.call(inc, { n: i + n })).then(() => (n < 5 ? ctx.continueAs(n + 2) : undefined)),
    ]);
    return n;
  }),
};

/** Somebody cancels them at a random moment; most see it, some have ended before. */
export const canceledPrograms: Readonly<Record<string, AnyCallable>> = {
  "cancel in a sequence": program(async (ctx) => {
    let n = 0;
    for (let i = 0; i < 5; i++) {
      n = await ctx.call(inc, { n });
      await ctx.sleep("10ms");
    }
    return n;
  }),

  "cancel during a bounded map": program((ctx) => ctx.map(inc, items(9), { concurrency: 2 })),

  "cancel of code that goes on": program(async (ctx) => {
    const log: string[] = [];
    for (let i = 0; i < 6; i++) {
      try {
        await ctx.call(inc, { n: i });
        log.push("ok");
      } catch (e) {
        log.push(codeOf(e));
        ctx.log.info("canceled");
      }
    }
    return log;
  }),

  "cancel of a tree": program(async (ctx) => {
    const ear = await ctx.start(listener, { n: 1 });
    const all = ctx.map(
      gappy,
      range(4).map((n) => ({ n, partial: n % 2 === 1 })),
    );
    try {
      return [await all, typeof (await ear.result()), await ctx.call(inc, { n: 1 })];
    } finally {
      await ctx.shield((c) => c.call(gappy, { n: 7 }), { within: "10m" });
    }
  }),

  "shield in finally": program(async (ctx) => {
    try {
      await ctx.map(inc, items(3));
      await ctx.sleep("40ms");
      await ctx.call(double, { n: 1 });
    } finally {
      await ctx.shield(
        async (c) => {
          try {
            const n = await c.call(inc, { n: 50 });
            c.emit(said, { undone: n });
            await c.step("undo", () => n);
            await c.sleep("10ms");
            c.emit(said, { undone: await c.call(double, { n }) });
          } catch {
            // Nothing of a shield is rejected by the cancel, and code whose time is over does not run.
            c.emit(said, notUndone);
          }
        },
        { within: "10m" },
      );
    }
    return "done";
  }),

  "shield whose time runs out": program(async (ctx) => {
    const log: unknown[] = [];
    try {
      log.push(await ctx.map(inc, items(4)));
    } finally {
      await ctx.shield(
        async (c) => {
          for (let i = 0; i < 8; i++) {
            await c.call(inc, { n: i });
            c.emit(said, i);
          }
        },
        { within: "40ms" },
      );
    }
    return log;
  }),

  "nested shields": program(async (ctx) => {
    const around = ctx.shield(
      async (c) => {
        const a = await c.call(inc, { n: 1 });
        const b = await c.shield(
          async (d) => (await d.call(double, { n: a })) + ((await told(d.waitFor(note, { timeout: "30ms" }))) ? 1 : 0),
          {
            within: "60ms",
          },
        );
        c.emit(said, b);
        return c.call(inc, { n: b });
      },
      { within: "200ms" },
    );
    const beside = ctx.call(inc, { n: 7 }).catch(codeOf);
    return [await around, await beside, await ctx.call(double, { n: 1 })];
  }),

  "shields one after the other": program(async (ctx) => {
    const log: unknown[] = [];
    try {
      await ctx.waitFor(note);
      await ctx.approve({ title: "go?" });
    } catch (e) {
      log.push(codeOf(e));
    }
    for (const name of ["a", "b"])
      log.push(await ctx.shield((c) => c.each([1, 2], (i, d) => d.call(inc, { n: i })), { within: "1h" }), name);
    ctx.emit(said, log.length);
    return log;
  }),

  "shield that was running": program(async (ctx) => {
    const both = Promise.all([
      ctx.shield((c) => c.map(inc, items(5), { concurrency: 2, join: { atLeast: 0, within: "90ms" } }), { within: "1h" }),
      ctx.scope("beside", async (c) => {
        for (let i = 0; i < 5; i++) await c.call(double, { n: i });
      }),
    ]);
    return (await both)[0].values.length;
  }),

  "cancel between executions": generations(async (ctx, n) => {
    ctx.emit(said, n);
    await ctx.call(inc, { n });
    if (n < 12) ctx.continueAs(n + 1);
    return n;
  }),

  "steps and races under a cancel": program(async (ctx) => {
    const log: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const won = await ctx.race({ s: ctx.step(`s${i}`, () => i), c: ctx.call(inc, { n: i }), t: ctx.sleep("15ms") });
      log.push(won.winner);
    }
    return log;
  }),
};

/** Slower, so with fewer seeds. */
export const largeWaitPrograms: Readonly<Record<string, AnyCallable>> = {
  "100 executions": generations(async (ctx, n) => {
    const next = await ctx.call(inc, { n });
    if (next < 100) ctx.continueAs(next);
    return [next, ctx.uuid()];
  }),
};
