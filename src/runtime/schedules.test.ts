import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../client/agent.ts";
import { schedule } from "../client/schedule.ts";
import { createFleet } from "./create-fleet.ts";

let folder: string;
let store: `sqlite:${string}`;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-schedules-"));
  store = `sqlite:${join(folder, "f.db")}`;
});
afterEach(() => rm(folder, { recursive: true }));

const input = z.object({ n: z.int() });
const double = agent({ name: "double", input, run: ({ n }) => n * 2 });
const rare = schedule({ name: "rare", every: "1000d", target: double, input: { n: 4 } });

test("a schedule of the definition ticks by the clock, and its runs are runs", async () => {
  const { promise: ran, resolve } = Promise.withResolvers<number>();
  const tell = agent({ name: "tell", input, run: ({ n }) => resolve(n) });
  await using fleet = await createFleet({
    definitions: [tell],
    schedules: [schedule({ name: "often", every: "1s", target: tell, input: { n: 7 } })],
  });
  expect(await ran).toBe(7);
  const { lastRun } = await fleet.schedules.get("often");
  expect(await (await fleet.get(lastRun as string)).outcome()).toMatchObject({ status: "succeeded" });
});

test("what the definition no longer lists is deleted when the store is next opened, and what was put by hand stays", async () => {
  const other = schedule({ name: "other", every: "1000d", target: double, input: { n: 1 } });
  const first = await createFleet({ definitions: [double], store, schedules: [rare, other] });
  await first.schedules.put(schedule({ name: "by-hand", cron: "@yearly", target: "double", input: { n: 2 } }));
  await first.schedules.pause("rare");
  await first.close();
  const names = async (o: { schedules?: [] | [typeof rare] }) => {
    await using fleet = await createFleet({ definitions: [double], store, ...o });
    return (await fleet.schedules.list()).items.map((s) => `${s.name} ${s.state}`);
  };
  // Nothing is said of schedules: all stay.
  expect(await names({})).toEqual(["by-hand active", "other active", "rare paused"]);
  expect(await names({ schedules: [rare] })).toEqual(["by-hand active", "rare paused"]);
  expect(await names({ schedules: [] })).toEqual(["by-hand active"]);
});

test("a second handle on the store adds its own, and takes away none", async () => {
  await using first = await createFleet({ definitions: [double], store, schedules: [rare] });
  const mine = schedule({ name: "mine", every: "1000d", target: double, input: { n: 1 } });
  await using second = await createFleet({ definitions: [double], store, schedules: [mine] });
  expect((await first.schedules.list()).items.map((s) => s.name)).toEqual(["mine", "rare"]);
  expect((await second.schedules.get("rare")).target).toBe("double");
});

test("triggered by hand it gives a run to wait for; a handle that is closed or drained starts none", async () => {
  const fleet = await createFleet({ definitions: [double], store, schedules: [rare] });
  const run = await fleet.schedules.trigger("rare");
  expect(await run.result()).toBe(8);
  await expect(fleet.schedules.put(schedule({ name: "bad", every: "1h", target: "double", input: {} }))).rejects.toMatchObject({
    code: "FLOTILLA_INPUT_INVALID",
  });
  await fleet.drain();
  await expect(fleet.schedules.trigger("rare")).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
  await fleet.close();
  await expect(fleet.schedules.get("rare")).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
});

test.each<[string, unknown, string, string]>([
  ["no list", {}, "FLOTILLA_CONFIG_INVALID", "fleet.schedules"],
  ["no schedule", [{}], "FLOTILLA_CONFIG_INVALID", "fleet.schedules[0]"],
  ["two of one name", [rare, rare], "FLOTILLA_CONFIG_INVALID", "fleet.schedules[1]"],
  [
    "a pattern that is none",
    [schedule({ name: "s", cron: "every day", target: double, input: { n: 1 } })],
    "FLOTILLA_CONFIG_INVALID",
    'schedule("s").cron',
  ],
  ["an unknown target", [schedule({ name: "s", every: "1h", target: "triple", input: 1 })], "FLOTILLA_UNKNOWN_DEFINITION", ""],
  ["wrong input", [schedule({ name: "s", every: "1h", target: "double", input: 1 })], "FLOTILLA_INPUT_INVALID", ""],
])("a definition with %s is refused when it is opened", async (_, schedules, code, field) => {
  const opening = createFleet({ definitions: [double], store, schedules: schedules as never });
  await expect(opening).rejects.toMatchObject({ code, ...(field === "" ? {} : { details: { field } }) });
});

test("a run's startAt, ttl and deadline reach the store", async () => {
  await using fleet = await createFleet({ definitions: [double], store });
  const late = await fleet.start(double, { n: 1 }, { deadline: new Date(Date.now() - 1) });
  expect(await late.outcome()).toMatchObject({ status: "failed", error: { code: "FLOTILLA_TIMEOUT" } });
  const soon = await fleet.start(double, { n: 2 }, { startAt: new Date(Date.now() + 5), ttl: "1h", deadline: "2h" });
  expect(await soon.result()).toBe(4);
});
