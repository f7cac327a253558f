import fc from "fast-check";
import { agent, workflow } from "flotilla";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { FlotillaError } from "../../src/core/error.ts";
import { createRandom } from "../../src/core/random.ts";
import { pass, testClock, turns, until } from "./time.ts";
import { cutter, network, openWorld, type Cutter } from "./world.ts";

/** An agent that runs until it is let go, or is told to stop. */
function holding() {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const seen = { runs: 0, stoppedAt: undefined as number | undefined, now: () => 0 };
  const hold = agent({
    name: "hold",
    description: "waits",
    input: z.object({}),
    output: z.string(),
    async run(_, ctx) {
      seen.runs += 1;
      ctx.signal.addEventListener("abort", () => (seen.stoppedAt ??= seen.now()), { once: true });
      begun.resolve();
      await Promise.race([
        go.promise,
        new Promise((_resolve, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error), { once: true }),
        ),
      ]);
      return "done";
    },
  });
  return { hold, begun: begun.promise, go: () => go.resolve(), seen };
}

async function held(links: Cutter, o: Parameters<typeof openWorld>[0] = {}, over = {}) {
  const clock = testClock();
  const world = await openWorld({ clock, ...o });
  const { hold, begun, go, seen } = holding();
  seen.now = () => clock.elapsedMs();
  await world.worker([hold], { dial: links.dial, ...over });
  const id = await world.start("hold", {});
  await begun;
  return { clock, world, id, go, seen };
}

describe("a link that breaks", () => {
  test("for a second does not repeat a task of five minutes", async () => {
    const links = cutter();
    const { clock, world, id, go, seen } = await held(links);
    await using _ = world;
    await pass(clock, 150_000, 1_000);
    links.block(true);
    links.cut();
    await pass(clock, 1_000, 100);
    links.block(false);
    await until(clock, () => links.links === 2);
    await pass(clock, 150_000, 1_000);
    go();
    expect(await world.outcome(id)).toEqual({ status: "succeeded", value: "done" });
    expect(seen.runs).toBe(1);
    expect(seen.stoppedAt).toBeUndefined();
  });

  test("for longer than the grace: what ran there is stopped before it is given to others", async () => {
    const links = cutter();
    const { clock, world, id, seen } = await held(links);
    await using _ = world;
    let given: number | undefined;
    await world.worker(
      [
        agent({
          name: "hold",
          description: "at once",
          input: z.object({}),
          output: z.string(),
          run: () => {
            given = clock.elapsedMs();
            return "by another";
          },
        }),
      ],
      { name: "other" },
    );
    links.block(true);
    links.cut();
    const cutAt = clock.elapsedMs();
    const outcome = world.outcome(id);
    await until(clock, () => given !== undefined);
    expect(await outcome).toEqual({ status: "succeeded", value: "by another" });
    // Each side counts from the cut: three seconds, and the worker's timer is armed first.
    expect((seen.stoppedAt as number) - cutAt).toBeLessThanOrEqual(3_100);
    expect((given as number) - (seen.stoppedAt as number)).toBeGreaterThanOrEqual(0);
    links.block(false);
    await until(clock, () => links.links === 2);
  });

  test("a worker may ask for a longer grace, up to the orchestrator's limit", async () => {
    const links = cutter();
    const { clock, world, id, go, seen } = await held(links, {}, { graceMs: 8_000 });
    await using _ = world;
    links.block(true);
    links.cut();
    await pass(clock, 7_000);
    links.block(false);
    await until(clock, () => links.links === 2, { stepMs: 10 });
    go();
    expect(await world.outcome(id)).toMatchObject({ status: "succeeded" });
    expect(seen).toMatchObject({ runs: 1, stoppedAt: undefined });
  });

  test("without being closed: the worker gives it up and resumes on another", async () => {
    const links = cutter();
    const { clock, world, id, go, seen } = await held(links);
    await using _ = world;
    links.deaf(true);
    await until(clock, () => links.links === 2, { stepMs: 200 });
    go();
    expect(await world.outcome(id)).toMatchObject({ status: "succeeded" });
    expect(seen).toMatchObject({ runs: 1, stoppedAt: undefined });
  });

  test("silent for long: the worker stops first, the orchestrator gives the task away after", async () => {
    const clock = testClock();
    await using world = await openWorld({ clock });
    await using between = await network(world.url);
    const { hold, begun, seen } = holding();
    seen.now = () => clock.elapsedMs();
    await world.worker([hold], { urls: [between.url] });
    await world.start("hold", {});
    await begun;
    between.stall();
    const silentAt = clock.elapsedMs();
    let lostAt: number | undefined;
    await until(clock, async () => {
      if ((await world.orchestrator.workers()).length === 0) lostAt ??= clock.elapsedMs();
      return lostAt !== undefined;
    });
    expect(seen.stoppedAt).toBeDefined();
    expect((seen.stoppedAt as number) - silentAt).toBeLessThanOrEqual(10_100);
    expect(lostAt as number).toBeGreaterThanOrEqual(seen.stoppedAt as number);
  });

  test("while the database is away: it runs on, and has its time for coming back when that is back", async () => {
    const links = cutter();
    let answeringSince: number | null = null;
    let now = (): number => 0;
    const answeringMs = () => (answeringSince === null ? 0 : now() - answeringSince);
    const { clock, world, id, go, seen } = await held(links, { answeringMs });
    await using _ = world;
    now = () => clock.elapsedMs();
    links.block(true, new FlotillaError("FLOTILLA_STORE_UNREACHABLE", { path: "the store of the fleet", problem: "it is down" }));
    links.cut();
    await pass(clock, 25_000, 100);
    answeringSince = clock.elapsedMs();
    await pass(clock, 2_000, 100);
    links.block(false);
    await until(clock, () => links.links === 2, { stepMs: 10 });
    await pass(clock, 10_000);
    go();
    expect(await world.outcome(id)).toMatchObject({ status: "succeeded" });
    expect(seen).toMatchObject({ runs: 1, stoppedAt: undefined });
  });

  test("silent on one way only: it comes by another, and the dead link's end is nobody's", async () => {
    const clock = testClock();
    await using world = await openWorld({ clock });
    await using between = await network(world.url);
    const { hold, begun, seen, go } = holding();
    await world.worker([hold], { urls: [between.url, world.url] });
    const id = await world.start("hold", {});
    await begun;
    between.stall();
    // Past the time after which the orchestrator takes a silent link for dead.
    await pass(clock, 40_000);
    go();
    expect(await world.outcome(id)).toMatchObject({ status: "succeeded" });
    expect(seen).toMatchObject({ runs: 1, stoppedAt: undefined });
  });

  test("silent while a task times out there: that it was not heard to stop ends nobody else", async () => {
    const clock = testClock();
    await using world = await openWorld({ clock });
    await using between = await network(world.url);
    const { hold, begun, seen, go } = holding();
    const late = Promise.withResolvers<void>();
    const lateBegun = Promise.withResolvers<void>();
    const slow = agent({
      name: "slow",
      input: z.object({}),
      output: z.string(),
      timeout: "1s",
      retry: { attempts: 1 },
      async run() {
        lateBegun.resolve();
        await late.promise;
        return "late";
      },
    });
    await world.worker([hold, slow], { urls: [between.url, world.url] });
    const id = await world.start("hold", {});
    const other = await world.start("slow", {});
    await Promise.all([begun, lateBegun.promise]);
    between.stall();
    late.resolve();
    await pass(clock, 40_000);
    expect((await world.outcome(other)).status).toBe("failed");
    go();
    expect(await world.outcome(id)).toMatchObject({ status: "succeeded" });
    expect(seen).toMatchObject({ runs: 1, stoppedAt: undefined });
  });

  test("a worker that would run on for longer than its orchestrator waits is refused", async () => {
    await using world = await openWorld({ silentMs: 5_000 });
    const { hold } = holding();
    await expect(world.worker([hold], { fenceMs: 6_000 })).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
  });

  test("an orchestrator that restarts: what ran is offered, and what it does not take is stopped", async () => {
    const links = cutter();
    const { clock, world, seen } = await held(links);
    await using _ = world;
    const port = Number(new URL(world.url).port);
    world.door.close();
    await turns();
    await world.unlisten();
    await using second = await openWorld({ clock, port });
    await until(clock, async () => (await second.orchestrator.workers()).length === 1);
    await until(clock, () => seen.stoppedAt !== undefined);
    expect(second.orchestrator).toBeDefined();
  });
});

describe("a workflow whose worker's link breaks at any frame", () => {
  test("loses nothing and does nothing twice", { timeout: 120_000 }, async () => {
    let cuts = 0;
    const runs = Number(process.env["FLOTILLA_WIRE_RUNS"] ?? 12);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), async (seed) => {
        const random = createRandom(seed);
        const clock = testClock();
        await using world = await openWorld({ clock });
        const links = cutter();
        const done = new Map<number, number>();
        let steps = 0;
        const item = agent({
          name: "item",
          description: "counts",
          input: z.object({ n: z.number() }),
          output: z.number(),
          async run({ n }, ctx) {
            done.set(n, (done.get(n) ?? 0) + 1);
            return ctx.step("twice", () => n * 2);
          },
        });
        const fan = workflow({
          name: "fan",
          description: "fans out twice",
          input: z.object({}),
          output: z.number(),
          async run(_, ctx) {
            const first = await ctx.map(
              item,
              Array.from({ length: 15 }, (_x, n) => ({ n })),
            );
            const extra = await ctx.step("extra", () => ++steps);
            await ctx.sleep("1s");
            const second = await ctx.map(
              item,
              Array.from({ length: 15 }, (_x, n) => ({ n: n + 15 })),
            );
            return [...first, ...second].reduce((a, b) => a + b, 0) + extra;
          },
        });
        // So that no streak of broken links is longer than the grace.
        await world.worker([item, fan], { dial: links.dial, graceMs: 15_000 });
        // Links break while they are made as well, but not so often in a row that the worker has to give up.
        let streak = 0;
        links.onFrame = () => {
          if (!links.making) streak = 0;
          if (streak > 2 || random() >= 0.12) return;
          streak += 1;
          links.cut();
        };
        const id = await world.start("fan", {});
        let outcome: unknown;
        void world.outcome(id).then((o) => (outcome = o));
        await until(clock, () => outcome !== undefined, { still: () => links.making });
        links.onFrame = undefined;
        expect(outcome).toEqual({ status: "succeeded", value: 29 * 30 + 1 });
        expect([...done].filter(([, n]) => n !== 1)).toEqual([]);
        expect(done.size).toBe(30);
        expect(steps).toBe(1);
        cuts += links.links - 1;
      }),
      { numRuns: runs },
    );
    expect(cuts).toBeGreaterThan(runs);
  });
});
