import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "./agent.ts";
import { CallableCatalogue } from "./catalogue.ts";
import { schedule, type Schedule } from "./schedule.ts";
import { scheduleRequests } from "./schedules.ts";

const audit = agent({ name: "audit", input: z.object({ depth: z.int() }), run: ({ depth }) => depth });
const catalogue = new CallableCatalogue([audit]);
const wire = async (s: Schedule) => (await scheduleRequests([s], catalogue))[0];

test("a schedule is data: the target's name and the input as JSON", async () => {
  const s = schedule({
    name: "nightly",
    cron: "30 2 * * *",
    timeZone: "Europe/Berlin",
    target: audit,
    input: { depth: 2 },
    tenant: "acme",
    onMissed: "all",
    overlap: "allow",
    startAt: new Date("2026-05-01T00:00:00Z"),
    endAt: new Date("2027-05-01T00:00:00Z"),
  });
  expect(s).toMatchObject({ kind: "schedule", name: "nightly", target: "audit" });
  expect(await wire(s)).toEqual({
    name: "nightly",
    target: "audit",
    input: '{"depth":2}',
    cron: "30 2 * * *",
    timeZone: "Europe/Berlin",
    tenant: "acme",
    onMissed: "all",
    overlap: "allow",
    startAt: "2026-05-01T00:00:00.000Z",
    endAt: "2027-05-01T00:00:00.000Z",
  });
  expect(await wire(schedule({ name: "often", every: "15m", target: "audit", input: { depth: 1 } }))).toEqual({
    name: "often",
    target: "audit",
    input: '{"depth":1}',
    everyMs: 900_000,
  });
});

describe("what is refused", () => {
  test("input that does not fit the target's schema, with its path", async () => {
    const s = schedule({ name: "s", every: "1h", target: "audit", input: { depth: "deep" } });
    await expect(wire(s)).rejects.toMatchObject({
      code: "FLOTILLA_INPUT_INVALID",
      details: { issues: [{ path: ["depth"] }] },
      where: 'schedule("s")',
    });
  });

  test("input that JSON would change, and a target that is unknown here is only kept by name", async () => {
    const elsewhere = schedule({ name: "s", every: "1h", target: "elsewhere", input: new Map() });
    await expect(wire(elsewhere)).rejects.toMatchObject({ code: "FLOTILLA_VALUE_NOT_JSON" });
    expect(await wire(schedule({ name: "s", every: "1h", target: "elsewhere", input: 5 }))).toMatchObject({ input: "5" });
  });

  test.each<[string, object, string]>([
    ["no name", { name: "" }, "schedule().name"],
    ["a misspelt option", { timezone: "UTC" }, 'schedule("s").timezone'],
    ["no target", { target: undefined }, 'schedule("s").target'],
  ])("%s, where it is written", (_, over, field) => {
    const make = () => schedule({ name: "s", every: "1h", target: "audit", input: {}, ...over } as never);
    expect(make).toThrow(expect.objectContaining({ details: expect.objectContaining({ field }) as unknown }));
  });

  test.each<[string, object, string]>([
    ["an interval that is none", { every: "hourly" }, 'schedule("s").every'],
    ["an interval of nothing", { every: "0s" }, 'schedule("s").every'],
    ["a text for a date", { startAt: "2026-05-01" }, 'schedule("s").startAt'],
    ["a date that is none", { endAt: new Date("x") }, 'schedule("s").endAt'],
    ["an empty pattern", { cron: "" }, 'schedule("s").cron'],
  ])("%s, when a fleet takes it", async (_, over, field) => {
    const s = schedule({ name: "s", target: "audit", input: { depth: 1 }, ...over } as never);
    await expect(wire(s)).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field } });
  });

  test("what was not made by schedule()", async () => {
    await expect(wire({ name: "s" } as never)).rejects.toMatchObject({ details: { field: "schedules" } });
  });
});
