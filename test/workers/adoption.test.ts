// A workflow whose orchestrator is gone goes on at another one: what was stored is not asked again, what was not is.
import { agent, workflow } from "flotilla";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { createRandom } from "../../src/core/random.ts";
import type { Act, Delivery } from "../../src/protocol/worker.ts";
import { startRemoteWorker, type RemoteWorker } from "../../src/runtime/remote-worker.ts";
import { fence, openDriver, task, type Driver, type Link } from "../protocol/driver.ts";

const leaf = agent({
  name: "leaf",
  description: "far away",
  input: z.object({ n: z.number() }),
  output: z.number(),
  run: ({ n }) => n,
});
let steps = 0;
const tree = workflow({
  name: "tree",
  description: "calls, steps and calls again",
  input: z.object({}),
  output: z.number(),
  async run(_, ctx) {
    const first = await ctx.call(leaf, { n: 1 });
    const step = await ctx.step("count", () => ++steps);
    const second = await ctx.call(leaf, { n: 2 });
    return first + step + second;
  },
});

let open: { driver: Driver; worker: RemoteWorker } | undefined;
afterEach(async () => {
  await open?.worker.stop();
  await open?.driver.close();
  open = undefined;
});

async function begun(): Promise<{ link: Link; driver: Driver }> {
  const driver = await openDriver();
  const starting = startRemoteWorker(
    {
      name: "far",
      definitions: [tree["~definition"]],
      urls: [`${driver.url}/api/v1/workers/connect`],
      token: "t",
      slots: 1,
      offers: [],
      pool: undefined,
      build: "b",
      graceMs: undefined,
      fenceMs: 10_000,
    },
    { clock: systemClock, random: createRandom(3), log: () => {} },
  );
  const link = await driver.link();
  await link.begin();
  open = { driver, worker: await starting };
  return { link, driver };
}

const kinds = (acts: readonly Act[]): string[] => acts.map((a) => ("act" in a ? `${a.kind} ${a.act}` : a.kind));
const settled = (seq: number, act: number, value: unknown): Delivery => ({
  seq,
  act,
  status: "succeeded",
  value: JSON.stringify(value),
  error: null,
  at: 1_700_000_000_000 + seq,
});
/** All acts until the code waits. */
async function untilWaits(link: Link): Promise<Act[]> {
  const all: Act[] = [];
  while (all.at(-1)?.kind !== "wait") all.push(...(await link.next("acts")).acts);
  return all;
}
/** The worker comes to an orchestrator that knows nothing of it. */
async function elsewhere(driver: Driver, link: Link, session: string): Promise<Link> {
  link.cut();
  const next = await driver.link();
  expect((await next.frame()).t).toBe("resume");
  next.raw({ t: "unknown" });
  const { inventory } = await next.begin({ session });
  expect(inventory?.held).toHaveLength(1);
  return next;
}

test("a workflow goes on under its new fences, and asks again only for what was not stored", { timeout: 30_000 }, async () => {
  const { link, driver } = await begun();
  link.say({ t: "assign", tasks: [task(1, "tree", {})] });
  expect(kinds(await untilWaits(link))).toEqual(["child 1", "wait"]);

  // Nothing of it was stored: all of it comes again.
  const second = await elsewhere(driver, link, "s_2");
  second.say({ t: "adopted", fence: fence(1), next: fence(1, 2, 8), acts: 0 });
  const again = await second.next("acts");
  expect(again.fence).toEqual(fence(1, 2, 8));
  expect(kinds(again.acts)).toEqual(["child 1", "wait"]);
  second.say(
    { t: "ack", fence: fence(1, 2, 8), act: 1 },
    { t: "deliver", fence: fence(1, 2, 8), deliveries: [settled(1, 1, 1)] },
  );
  const stepped = [...(await second.next("acts")).acts];
  while (!kinds(stepped).includes("step-result 2")) stepped.push(...(await second.next("acts")).acts);
  expect(kinds(stepped)).toEqual(["step 2", "step-result 2"]);

  // The step was stored, its result was not, and what was delivered is known.
  const third = await elsewhere(driver, second, "s_3");
  third.say({ t: "adopted", fence: fence(1, 2, 8), next: fence(1, 3, 9), acts: 2 });
  const result = await third.next("acts");
  expect(result.fence).toEqual(fence(1, 3, 9));
  expect(kinds(result.acts)).toEqual(["step-result 2"]);
  third.say({ t: "deliver", fence: fence(1, 3, 9), deliveries: [settled(2, 2, 1)] });
  expect(kinds(await untilWaits(third))).toEqual(["child 3", "wait"]);

  // Delivered twice, as a new orchestrator does: taken once.
  third.say({ t: "deliver", fence: fence(1, 3, 9), deliveries: [settled(2, 2, 1), settled(3, 3, 2)] });
  const end = await third.next("settle");
  expect(end).toMatchObject({ fence: fence(1, 3, 9), result: { status: "succeeded", value: "4" } });
  expect(steps).toBe(1);
});
