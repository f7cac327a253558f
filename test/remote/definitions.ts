// What the fleets of these tests run.
import * as z from "zod";
import { agent, message, workflow } from "flotilla";

export const note = message("note", z.object({ n: z.int() }));
export const go = message("go", z.object({ word: z.string() }));

/** Notes what ran; `odd` fails while it is broken. */
export function fleetDefinitions() {
  const ran: string[] = [];
  const state = { broken: true };
  const greet = agent({
    name: "greet",
    description: "Greets somebody",
    input: z.object({ who: z.string().min(1) }),
    errors: { Nobody: z.object({ who: z.string() }) },
    run({ who }, ctx) {
      if (who === "nobody") ctx.fail("Nobody", { who });
      ran.push(`greet ${who}`);
      return { text: `Hello, ${who}` };
    },
  });
  const odd = agent({
    name: "odd",
    input: z.object({ n: z.int() }),
    retry: { attempts: 1 },
    run({ n }) {
      ran.push(`odd ${n}`);
      if (state.broken && n % 2 === 1) throw new Error(`${n} is odd`);
      return n;
    },
  });
  const team = workflow({
    name: "team",
    input: z.object({ n: z.int() }),
    run: async ({ n }, ctx) =>
      ctx.map(
        odd,
        Array.from({ length: n }, (_, i) => ({ n: i })),
        { concurrency: 1 },
      ),
  });
  /** Emits 0 to n - 1, then says so. */
  const count = workflow({
    name: "count",
    input: z.object({ n: z.int() }),
    async run({ n }, ctx) {
      for (let i = 0; i < n; i++) ctx.emit(note, { n: i });
      return n;
    },
  });
  const talk = workflow({
    name: "talk",
    input: z.object({ topic: z.string() }),
    async run({ topic }, ctx) {
      let stage = "listens";
      ctx.query("stage", () => ({ stage, topic }));
      const { word } = await ctx.waitFor(go);
      stage = "asks";
      const ok = await ctx.approve({ title: `${topic}?`, edit: { schema: z.string(), value: word } });
      return { word, value: ok.value, by: ok.by };
    },
  });
  /** Canceled, it tidies up when it is told to, and notes that it did. */
  const tidy = workflow({
    name: "tidy",
    input: z.object({}),
    async run(_, ctx) {
      ctx.emit(note, { n: 0 });
      try {
        await ctx.waitFor(go);
      } finally {
        await ctx.shield(
          async (c) => {
            const ok = await c.approve({ title: "tidy up?" });
            await c.call(greet, { who: ok.by });
          },
          { within: "1m" },
        );
      }
    },
  });
  return { ran, state, definitions: [greet, odd, team, count, talk, tidy] as const, greet, odd, team, count, talk };
}

export type Definitions = ReturnType<typeof fleetDefinitions>["definitions"];
