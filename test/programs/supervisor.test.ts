// Of p3: "any agent that fits", recursion through a contract, dates that travel as strings, declared errors as values.
import { agent, contract, createFleet, isFlotillaError, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";

const translate = contract({
  name: "translate",
  input: z.object({ text: z.string(), lang: z.enum(["fr", "de", "it"]) }),
  output: z.object({ text: z.string() }),
  errors: { Unsupported: z.object({ lang: z.string() }) },
});
const translateFr = translate.agent({ name: "translate.fr", needs: ["lang:fr"], run: ({ text }) => ({ text: `fr: ${text}` }) });
const translateDe = translate.agent({
  name: "translate.de",
  needs: ["lang:de"],
  run: ({ text, lang }, ctx) => (lang === "de" ? { text: `de: ${text}` } : ctx.fail("Unsupported", { lang })),
});

const search = agent({
  name: "search",
  input: z.object({ q: z.string() }),
  run: async ({ q }) => [{ url: `https://x/${q}`, date: new Date(0) }],
});

/** `need`: which worker is asked for. */
const team = workflow({
  name: "team",
  input: z.object({ topic: z.string(), lang: z.enum(["fr", "de", "it"]), need: z.string() }),
  async run({ topic, lang, need }, ctx) {
    const hits = await ctx.call(search, { q: topic });
    const date = hits[0]?.date satisfies string | undefined;
    const t = await ctx
      .call(translate, { text: hits.map((h) => h.url).join(), lang }, { needs: [need], ifNoWorker: "fail" })
      .settled();
    if (t.status === "failed" && t.error.code === "FLOTILLA_DECLARED") return { text: `no ${t.error.data.lang}`, date };
    if (t.status === "failed" && isFlotillaError(t.error, "FLOTILLA_NO_WORKER"))
      return { text: `nobody for ${t.error.details.needs.join()}`, date };
    if (t.status !== "succeeded") throw t.error;
    return { text: t.value.text, date };
  },
});

const Tree = contract({ name: "tree", input: z.object({ depth: z.int() }), output: z.object({ leaves: z.int() }) });
const tree = Tree.workflow({
  run: async ({ depth }, ctx) => {
    if (depth === 0) return { leaves: 1 };
    const [l, r] = await Promise.all([ctx.call(Tree, { depth: depth - 1 }), ctx.call(Tree, { depth: depth - 1 })]);
    return { leaves: l.leaves + r.leaves };
  },
});

const definitions = [translateFr, translateDe, search, team, tree] as const;

test("a contract's call is run by the implementation that fits its needs", async () => {
  await using fleet = await createFleet({ definitions, workers: { offers: ["lang:fr", "lang:de"] } });
  expect(await fleet.run(team, { topic: "tides", lang: "fr", need: "lang:fr" })).toEqual({
    text: "fr: https://x/tides",
    date: "1970-01-01T00:00:00.000Z",
  });
  expect((await fleet.run(team, { topic: "tides", lang: "de", need: "lang:de" })).text).toBe("de: https://x/tides");
});

test("a declared error is a value with its data, and reaches a client as itself", async () => {
  await using fleet = await createFleet({ definitions, workers: { offers: ["lang:de"] } });
  expect((await fleet.run(team, { topic: "tides", lang: "it", need: "lang:de" })).text).toBe("no it");
  await expect(fleet.run(translate, { text: "x", lang: "it" })).rejects.toMatchObject({
    code: "FLOTILLA_DECLARED",
    name: "Unsupported",
    data: { lang: "it" },
  });
  const outcome = await (await fleet.start(translate, { text: "x", lang: "it" })).outcome();
  expect(outcome).toMatchObject({ status: "failed", error: { data: { lang: "it" } } });
});

test("needs that no worker offers fail at once when asked to", async () => {
  await using fleet = await createFleet({ definitions, workers: { offers: ["lang:fr"] } });
  expect((await fleet.run(team, { topic: "tides", lang: "fr", need: "lang:it" })).text).toBe("nobody for lang:it");
});

test("a workflow calls itself through its contract, with one slot for the whole tree", async () => {
  await using fleet = await createFleet({ definitions, workers: { slots: 1 } });
  expect((await fleet.run("tree", { depth: 5 })).leaves satisfies number).toBe(32);
});
