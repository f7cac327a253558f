/* oxlint-disable typescript/no-unsafe-call -- of lines that must not compile */
import { agent, contract, workflow, createFleet } from "flotilla";
import { agentTools, anthropic, generateText, governed, Output } from "./ai.ts";
import { limit } from "flotilla";
import * as z from "zod";

const claude = limit("anthropic:sonnet", { requestsPerMinute: 4000, inFlight: 64 });

// "any agent that fits": a contract, several implementations that differ by what they offer
export const translate = contract({
  name: "translate",
  input: z.object({ text: z.string(), lang: z.enum(["fr", "de"]) }),
  output: z.object({ text: z.string() }),
  errors: { Unsupported: z.object({ lang: z.string() }) },
});
export const translateFr = translate.agent({ name: "translate.fr", needs: ["lang:fr"], run: ({ text }) => ({ text }) });
export const translateDe = translate.agent({
  name: "translate.de",
  needs: ["lang:de"],
  run: ({ text, lang }, ctx) => (lang === "de" ? { text } : ctx.fail("Unsupported", { lang })),
});

export const search = agent({
  name: "search",
  input: z.object({ q: z.string() }),
  run: async ({ q }) => [{ url: `https://x/${q}`, date: new Date() }],
});

const Note = z.object({ topic: z.string(), text: z.string() });
const Digest = z.object({ title: z.string(), notes: z.int() });

export const team = workflow({
  // level 2: a lead of one topic
  name: "team",
  input: z.object({ topic: z.string(), lang: z.enum(["fr", "de"]) }),
  output: Note,
  async run({ topic, lang }, ctx) {
    const hits = await ctx.call(search, { q: topic });
    hits[0]?.date satisfies string | undefined; // Jsonify told the truth: dates travel as strings
    const t = await ctx
      .call(translate, { text: hits.map((h) => h.url).join(), lang }, { needs: [`lang:${lang}`], ifNoWorker: "fail" })
      .settled();
    if (t.status === "failed" && t.error.code === "FLOTILLA_DECLARED") return { topic, text: `no ${t.error.data.lang}` };
    if (t.status !== "succeeded") throw t.error;
    return { topic, text: t.value.text };
  },
});
export const summarize = agent({
  name: "summarize",
  input: z.object({ items: z.array(z.union([Note, Digest])) }),
  output: Digest,
  run: ({ items }) => ({ title: "x", notes: items.length }),
});

export const lead = workflow({
  // level 1: a model decides, the engine keeps
  name: "lead",
  input: z.object({ goal: z.string() }),
  output: Digest,
  budget: { usd: 5, depth: 3 },
  async run({ goal }, ctx) {
    const plan = await ctx.step(
      "plan",
      async ({ signal }) =>
        (
          await generateText({
            model: governed(ctx, anthropic("claude-sonnet"), { limit: claude }),
            prompt: goal,
            abortSignal: signal,
            output: Output.object({ schema: z.object({ topics: z.array(z.string()) }) }),
            tools: agentTools(ctx, [search, team]),
          })
        ).output,
    );
    const notes = await ctx.map(
      team,
      plan.topics.map((topic) => ({ topic, lang: "fr" as const })),
      {
        join: { atLeast: "80%" },
        budget: { usd: ctx.budget.remaining.usd / plan.topics.length },
      },
    );
    const digest = await ctx.reduce(summarize, notes.values, { fanIn: 8, empty: { title: "nothing", notes: 0 } });
    digest satisfies z.infer<typeof Digest>;
    return digest;
  },
});

// recursion needs a contract: a workflow that names itself inside its own initialiser has no type yet
const Tree = contract({ name: "tree", input: z.object({ depth: z.int() }), output: z.object({ leaves: z.int() }) });
export const tree = Tree.workflow({
  run: async ({ depth }, ctx) => {
    if (depth === 0) return { leaves: 1 };
    const [l, r] = await Promise.all([ctx.call(Tree, { depth: depth - 1 }), ctx.call(Tree, { depth: depth - 1 })]);
    return { leaves: l.leaves + r.leaves };
  },
});

const fleet = await createFleet({ definitions: [translateFr, translateDe, search, team, summarize, lead, tree] });
const d = await fleet.run(lead, { goal: "tides" });
d.notes satisfies number;
(await fleet.run("tree", { depth: 3 })).leaves satisfies number;

workflow({
  name: "neg",
  input: z.object({}),
  async run(_i, ctx) {
    // @ts-expect-error lang is missing
    await ctx.call(translate, { text: "x" });
    // @ts-expect-error wrong item type
    await ctx.map(search, [{ query: "x" }]);
    return 1;
  },
});
agent({
  name: "neg2",
  input: z.object({}),
  async run(_i, ctx) {
    // @ts-expect-error an agent is a leaf: it has no call; wrap it in a workflow
    await ctx.call(search, { q: "x" });
    return 1;
  },
});
