// Runs that go on from others: what succeeded is never done again.
import { agent, createFleet, isFlotillaError, message, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";

const N = z.object({ n: z.int() });
const go = message("go", z.string());

/** Agents note what ran; `bad` fails while it is broken. */
function world() {
  const ran: string[] = [];
  const state = { broken: true };
  const good = agent({ name: "good", input: N, run: ({ n }) => (ran.push(`good ${n}`), n * 10) });
  const bad = agent({
    name: "bad",
    input: N,
    retry: { attempts: 1 },
    run({ n }) {
      ran.push(`bad ${n}`);
      if (state.broken && n % 2 === 1) throw new Error("broken");
      return n * 100;
    },
  });
  const team = workflow({
    name: "team",
    input: N,
    async run({ n }, ctx) {
      const plan = await ctx.step("plan", () => (ran.push(`plan ${n}`), { by: n }));
      const first = await ctx.call(good, { n: plan.by });
      const second = await ctx.call(bad, { n });
      return first + second;
    },
  });
  const lead = workflow({
    name: "lead",
    input: z.object({ teams: z.array(z.int()) }),
    async run({ teams }, ctx) {
      await ctx.step("begin", () => ran.push("begin"));
      const ok = await ctx.approve({ title: "go?", timeout: "1ms", onTimeout: "approve" });
      const word = await ctx.waitFor(go);
      await ctx.sleep("1ms");
      const sums = await ctx.map(
        team,
        teams.map((n) => ({ n })),
        { concurrency: 1 },
      );
      await ctx.step("end", () => ran.push("end"));
      return { sums, via: ok.via, word };
    },
  });
  return { ran, state, definitions: [good, bad, team, lead] as const, lead, good, bad };
}

test("a repair run does again what failed, and what comes after it", async () => {
  const { ran, state, definitions, lead } = world();
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(lead, { teams: [2, 4, 3, 6] }, { tenant: "acme" });
  await run.send(go, "now");
  expect(await run.outcome()).toMatchObject({ status: "failed" });
  expect(ran).toEqual(["begin", "plan 2", "good 2", "bad 2", "plan 4", "good 4", "bad 4", "plan 3", "good 3", "bad 3"]);

  ran.length = 0;
  state.broken = false;
  const repaired = await fleet.repair(run.id);
  expect(await repaired.result()).toEqual({ sums: [220, 440, 330, 660], via: "timeout", word: "now" });
  expect(ran).toEqual(["bad 3", "plan 6", "good 6", "bad 6", "end"]);
  // The closed run stays as it is.
  expect(await run.outcome()).toMatchObject({ status: "failed" });

  const again = await fleet.repair(repaired.id).catch((e: unknown) => e);
  expect(isFlotillaError(again, "FLOTILLA_TOO_LATE")).toBe(true);
});

test("a repair of a repair goes on from it", async () => {
  const { ran, state, definitions, lead } = world();
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(lead, { teams: [2, 3] });
  await run.send(go, "now");
  await run.outcome();
  const second = await fleet.repair(run.id);
  expect(await second.outcome()).toMatchObject({ status: "failed" });
  state.broken = false;
  ran.length = 0;
  expect(await (await fleet.repair(second.id)).result()).toMatchObject({ sums: [220, 330] });
  expect(ran).toEqual(["bad 3", "end"]);
});

test("a repaired run that continues takes nothing over in its next executions", async () => {
  const ran: string[] = [];
  let broken = true;
  const poll = agent({ name: "poll", input: z.object({}), run: () => ran.push("poll") });
  const odd = agent({
    name: "odd",
    input: N,
    retry: { attempts: 1 },
    run({ n }) {
      if (broken && n === 1) throw new Error("broken");
      return n;
    },
  });
  const loop = workflow({
    name: "loop",
    input: N,
    async run({ n }, ctx) {
      await ctx.call(poll, {});
      await ctx.step("note", () => ran.push(`note ${n}`));
      await ctx.call(odd, { n });
      if (n < 3) ctx.continueAs({ n: n + 1 });
      return n;
    },
  });
  await using fleet = await createFleet({ definitions: [poll, odd, loop] });
  const run = await fleet.start(loop, { n: 0 });
  expect(await run.outcome()).toMatchObject({ status: "failed" });
  expect(ran).toEqual(["poll", "note 0", "poll", "note 1"]);

  ran.length = 0;
  broken = false;
  // The same asks in each execution: those of the one that failed are done, the later ones are new work.
  expect(await (await fleet.repair(run.id)).result()).toBe(3);
  expect(ran).toEqual(["poll", "note 2", "poll", "note 3"]);
});

test("a repair takes nothing over from the executions before the last one", async () => {
  const ran: string[] = [];
  let broken = true;
  const gate = agent({
    name: "gate",
    input: N,
    retry: { attempts: 1 },
    run({ n }) {
      if (broken && n === 1) throw new Error("broken");
      return n;
    },
  });
  const sweep = agent({ name: "sweep", input: z.object({}), run: () => ran.push("sweep") });
  const rounds = workflow({
    name: "rounds",
    input: N,
    async run({ n }, ctx) {
      await ctx.call(gate, { n });
      await ctx.call(sweep, {});
      if (n < 1) ctx.continueAs({ n: n + 1 });
      return n;
    },
  });
  await using fleet = await createFleet({ definitions: [gate, sweep, rounds] });
  const run = await fleet.start(rounds, { n: 0 });
  expect(await run.outcome()).toMatchObject({ status: "failed" });
  expect(ran).toEqual(["sweep"]);
  broken = false;
  // The first round has swept; the second one, which failed, had not yet.
  expect(await (await fleet.repair(run.id)).result()).toBe(1);
  expect(ran).toEqual(["sweep", "sweep"]);
});

test("a fork asks one task again with another input, and keeps what does not depend on it", async () => {
  const { ran, state, definitions, lead } = world();
  state.broken = false;
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(lead, { teams: [2, 4] });
  await run.send(go, "now");
  expect(await run.result()).toMatchObject({ sums: [220, 440] });
  // The root's acts: step, approval, message, timer, then the two teams; in a team: step, good, bad.
  const second = `${run.id.replace(/^r_/, "t_")}.6.3`;
  ran.length = 0;
  const forked = await fleet.fork(second, { n: 7 });
  expect(await forked.result()).toEqual({ sums: [220, 740], via: "timeout", word: "now" });
  expect(ran).toEqual(["bad 7", "end"]);
});

test("a redriven task runs once more, by itself", async () => {
  const { ran, state, definitions, bad } = world();
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(bad, { n: 1 });
  expect(await run.outcome()).toMatchObject({ status: "failed" });
  state.broken = false;
  const again = await fleet.redrive(run.id.replace(/^r_/, "t_"));
  expect(await again.result()).toBe(100);
  expect(ran).toEqual(["bad 1", "bad 1"]);
  const late = await fleet.redrive(again.id).catch((e: unknown) => e);
  expect(isFlotillaError(late, "FLOTILLA_TOO_LATE")).toBe(true);
});

test("the repair of a partial run fills its gaps, and does nothing else again", async () => {
  const { ran, state, definitions, bad } = world();
  const many = workflow({
    name: "many",
    input: z.object({ of: z.array(z.int()) }),
    async run({ of }, ctx) {
      const found = await ctx.map(
        bad,
        of.map((n) => ({ n })),
        { key: (item) => `n${item.n}`, join: { atLeast: 1 }, concurrency: 1 },
      );
      return found.values;
    },
  });
  const above = workflow({
    name: "above",
    input: z.object({ of: z.array(z.int()) }),
    async run({ of }, ctx) {
      const by = await ctx.step("by", () => (ran.push("by"), 1));
      const values = await ctx.call(many, { of });
      return { by, values };
    },
  });
  await using fleet = await createFleet({ definitions: [...definitions, many, above] });
  const run = await fleet.start(above, { of: [2, 1, 4, 3] });
  const before = await run.outcome();
  expect(before).toMatchObject({ status: "partial", value: { by: 1, values: [200, 400] } });
  expect(ran).toEqual(["by", "bad 2", "bad 1", "bad 4", "bad 3"]);

  ran.length = 0;
  const still = await fleet.repair(run.id);
  expect(await still.outcome()).toMatchObject({ status: "partial", value: { values: [200, 400] } });
  expect(ran).toEqual(["bad 1", "bad 3"]);

  ran.length = 0;
  state.broken = false;
  const repaired = await fleet.repair(still.id);
  expect(await repaired.outcome()).toEqual({ status: "succeeded", value: { by: 1, values: [200, 100, 400, 300] } });
  expect(ran).toEqual(["bad 1", "bad 3"]);
  // Outcomes are immutable: the first run stays partial.
  expect(await run.outcome()).toEqual(before);
});
