// Schedules on a real store, with a clock that the test moves. The runs that exist in the store are what counts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ScheduleRequest } from "../../src/protocol/schedules.ts";
import type { RunView } from "../../src/protocol/views.ts";
import { card, openWorld as openAnyWorld, testClock, type World, type WorldOptions } from "./world.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const request = (over: Partial<ScheduleRequest> = {}): ScheduleRequest => ({
  name: "s",
  target: "work",
  input: '{"n":1}',
  overlap: "allow",
  ...over,
});

/** Runs of all schedules, the oldest first. */
async function runs(world: World): Promise<RunView[]> {
  const all: RunView[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await world.orchestrator.runs({ limit: 500, ...(after === undefined ? {} : { after }) });
    all.push(...page.items);
    if (page.next === null) return all.toReversed();
    after = page.next;
  }
}
async function ticks(world: World): Promise<(string | null | undefined)[]> {
  return (await runs(world)).map((r) => r.schedule?.at);
}

/** Time passes; what is due is done in between. */
async function pass(world: World, ms: number, step: number): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    world.clock.advance(Math.min(step, left));
    await world.turn();
  }
}

/** Workers of this world never answer a ping, and are left alone for it. */
const openWorld = (o: WorldOptions): Promise<World> => openAnyWorld({ blockedMs: 1_000 * day, ...o });

async function opened(at: string, o: WorldOptions = {}): Promise<World> {
  const world = await openWorld({ clock: testClock(Date.parse(at)), ...o });
  world.worker({ slots: 10_000 });
  return world;
}

/** A file for several lives, gone at the end. */
function folder(): { readonly path: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-"));
  return { path: join(dir, "a.db"), [Symbol.dispose]: () => rmSync(dir, { recursive: true }) };
}

describe("a month over a change of the clocks, in Berlin", () => {
  const local = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin", dateStyle: "short", timeStyle: "short" });

  // The night of spring lacks 02:30, and the tick comes right after the gap; that of autumn has it twice, and it comes once.
  test.each([
    ["spring", "2026-03-15", "2026-03-29 03:00"],
    ["autumn", "2026-10-10", "2026-10-25 02:30"],
  ])("%s: a nightly tick comes once each day, and an hourly one each hour that passes", async (_, begin, special) => {
    await using world = await opened(`${begin}T00:00:00Z`);
    const timeZone = "Europe/Berlin";
    await world.orchestrator.schedules.put(request({ name: "nightly", cron: "30 2 * * *", timeZone }));
    await world.orchestrator.schedules.put(request({ name: "hourly", cron: "15 * * * *", timeZone }));
    await pass(world, 31 * day, hour);
    const all = await runs(world);
    const of = (name: string) => all.flatMap((r) => (r.schedule?.name === name ? [r.schedule.at as string] : []));
    const first = Date.parse(`${begin}T00:15:00Z`);
    expect(of("hourly")).toEqual(Array.from({ length: 31 * 24 }, (_x, i) => new Date(first + i * hour).toISOString()));
    const nights = Array.from({ length: 31 }, (_x, i) => `${local.format(first + i * day + 12 * hour).slice(0, 10)} 02:30`);
    expect(of("nightly").map((at) => local.format(new Date(at)))).toEqual(
      nights.map((night) => (night.startsWith(special.slice(0, 10)) ? special : night)),
    );
  });
});

describe("a tick is at most one run", () => {
  const begin = "2026-05-01T00:30:00Z";
  const first = "2026-05-01T01:00:00.000Z";

  test("killed before the commit: the next life makes the tick", async () => {
    using file = folder();
    const clock = testClock(Date.parse(begin));
    const one = await openWorld({ clock, path: file.path });
    one.worker();
    await one.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    one.holdCommits();
    clock.advance(30 * minute);
    await one.turn();
    one.die();
    await using two = await openWorld({ clock, path: file.path });
    two.worker();
    await pass(two, 10_000, 1_000);
    expect(await ticks(two)).toEqual([first]);
  });

  test("killed after the commit, before anything was heard of it: the next life runs that one and makes no second", async () => {
    using file = folder();
    const clock = testClock(Date.parse(begin));
    const one = await openWorld({ clock, path: file.path });
    one.worker();
    await one.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    // The commit is done; its answer never comes.
    let committed = 0;
    one.afterCommit = (batch) => {
      committed += batch.ticks.length;
      return batch.ticks.length > 0 ? new Promise<void>(() => {}) : undefined;
    };
    clock.advance(30 * minute);
    await one.turn();
    expect(committed).toBe(1);
    one.die();
    await using two = await openWorld({ clock, path: file.path });
    const worker = two.worker();
    await pass(two, 10_000, 1_000);
    expect(await ticks(two)).toEqual([first]);
    expect(worker.assigned).toHaveLength(1);
    expect(await two.orchestrator.schedules.get("s")).toMatchObject({ lastAt: first, nextAt: "2026-05-01T02:00:00.000Z" });
  });

  test("lives that end at every hour miss none and repeat none", async () => {
    using file = folder();
    const clock = testClock(Date.parse(begin));
    for (let life = 0; life < 12; life++) {
      const world = await openWorld({ clock, path: file.path });
      world.worker();
      await world.orchestrator.schedules.put(request({ cron: "*/20 * * * *", onMissed: "all" }));
      if (life % 3 === 1) world.holdCommits();
      await pass(world, 55 * minute, 5 * minute);
      world.die();
    }
    await using last = await openWorld({ clock, path: file.path });
    last.worker();
    await last.turn();
    clock.advance(1);
    await last.turn();
    const until = clock.now();
    const all: string[] = [];
    for (let at = Date.parse("2026-05-01T00:40:00Z"); at <= until; at += 20 * minute) all.push(new Date(at).toISOString());
    expect(new Set(await ticks(last))).toEqual(new Set(all));
    expect(await ticks(last)).toHaveLength(all.length);
  });

  test("a clock that goes back an hour ticks again when it is past what it had ticked", async () => {
    await using world = await opened(begin);
    await world.orchestrator.schedules.put(request({ cron: "*/10 * * * *" }));
    await pass(world, 2 * hour, minute);
    const before = await ticks(world);
    // From 00:30, when it was put, to 02:30.
    expect(before).toHaveLength(13);
    world.clock.set(-hour);
    // Also a change counts from the last tick, not from a clock that has gone back.
    await world.orchestrator.schedules.put(request({ cron: "*/5 * * * *" }));
    await pass(world, hour, minute);
    expect(await ticks(world)).toEqual(before);
    await pass(world, 5 * minute, minute);
    expect(await ticks(world)).toEqual([...before, "2026-05-01T02:35:00.000Z"]);
  });

  test("deleted and put again while the clock goes back: the key of the tick is taken", async () => {
    await using world = await opened(begin);
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await pass(world, 30 * minute, minute);
    await world.orchestrator.schedules.delete("s");
    world.clock.set(-20 * minute);
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await pass(world, 20 * minute, minute);
    expect(await ticks(world)).toEqual([first]);
    expect(await world.orchestrator.schedules.get("s")).toMatchObject({ lastAt: first });
  });

  test("a clock that jumps forward is noticed within a minute", async () => {
    await using world = await opened(begin);
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await world.turn();
    world.clock.set(31 * minute);
    await pass(world, minute, minute);
    expect(await ticks(world)).toEqual([first]);
  });

  test("a schedule that is changed while one of its ticks is on its way to the store: the change wins", async () => {
    await using world = await opened(begin);
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await world.turn();
    const release = world.holdCommits();
    world.clock.advance(30 * minute);
    await world.turn();
    await world.orchestrator.schedules.put(request({ cron: "30 * * * *", input: '{"n":2}' }));
    release();
    await pass(world, 31 * minute, minute);
    expect(await ticks(world)).toEqual(["2026-05-01T01:30:00.000Z"]);
    const [run] = await runs(world);
    const root = (run as RunView).id.replace("r_", "t_");
    expect(await world.orchestrator.task(root)).toMatchObject({ input: { n: 2 } });
  });

  test("another input on the same pattern keeps the tick that is due", async () => {
    await using world = await opened(begin);
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await world.turn();
    const release = world.holdCommits();
    world.clock.advance(30 * minute);
    await world.turn();
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *", input: '{"n":2}' }));
    release();
    await pass(world, minute, minute);
    expect(await ticks(world)).toEqual([first]);
    const root = ((await runs(world))[0] as RunView).id.replace("r_", "t_");
    expect(await world.orchestrator.task(root)).toMatchObject({ input: { n: 2 } });
  });
});

describe("three days down", () => {
  async function downFor3Days(over: Partial<ScheduleRequest>): Promise<{ at: (string | null | undefined)[]; skipped: unknown }> {
    using file = folder();
    const clock = testClock(Date.parse("2026-05-01T00:30:00Z"));
    const one = await openWorld({ clock, path: file.path });
    one.worker();
    await one.orchestrator.schedules.put(request({ cron: "0 * * * *", ...over }));
    await one.orchestrator.close();
    clock.advance(3 * day);
    await using two = await openWorld({ clock, path: file.path });
    two.worker({ slots: 500 });
    await pass(two, 31 * minute, minute);
    return { at: await ticks(two), skipped: (await two.orchestrator.schedules.get("s")).skipped };
  }
  const onTime = "2026-05-04T01:00:00.000Z";

  test("skip: none of them runs, and the next one does", async () => {
    const { at, skipped } = await downFor3Days({ onMissed: "skip" });
    expect(at).toEqual([onTime]);
    expect(skipped).toEqual({ fromAt: "2026-05-01T01:00:00.000Z", toAt: "2026-05-04T00:00:00.000Z", why: "missed" });
  });

  test("once: the last one runs for all", async () => {
    const { at, skipped } = await downFor3Days({});
    expect(at).toEqual(["2026-05-04T00:00:00.000Z", onTime]);
    expect(skipped).toEqual({ fromAt: "2026-05-01T01:00:00.000Z", toAt: "2026-05-03T23:00:00.000Z", why: "missed" });
  });

  test("all: each of them runs", async () => {
    const { at, skipped } = await downFor3Days({ onMissed: "all" });
    const from = Date.parse("2026-05-01T01:00:00Z");
    expect(at).toEqual(Array.from({ length: 73 }, (_, i) => new Date(from + i * hour).toISOString()));
    expect(skipped).toBeNull();
  });

  test("all of too many: the latest 100 run, and what does not is said", async () => {
    const { at, skipped } = await downFor3Days({ onMissed: "all", cron: "*/10 * * * *" });
    // 433 ticks were missed, the first at once and the last just now; three more came on time.
    expect(at).toHaveLength(100 + 3);
    expect(skipped).toEqual({ fromAt: "2026-05-01T00:30:00.000Z", toAt: "2026-05-03T07:50:00.000Z", why: "missed" });
  });
});

describe("overlap", () => {
  test("skip: a tick starts nothing while the run of an earlier one goes on", async () => {
    await using world = await openWorld({ clock: testClock(Date.parse("2026-05-01T00:30:00Z")) });
    const worker = world.worker();
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *", overlap: "skip" }));
    await pass(world, 2 * hour, 10 * minute);
    expect(await ticks(world)).toEqual(["2026-05-01T01:00:00.000Z"]);
    expect(await world.orchestrator.schedules.get("s")).toMatchObject({
      lastAt: "2026-05-01T02:00:00.000Z",
      skipped: { fromAt: "2026-05-01T02:00:00.000Z", toAt: "2026-05-01T02:00:00.000Z", why: "overlap" },
    });
    for (const a of worker.assigned) worker.succeed(a);
    await pass(world, hour, 10 * minute);
    expect(await ticks(world)).toEqual(["2026-05-01T01:00:00.000Z", "2026-05-01T03:00:00.000Z"]);
  });

  test("skip counts a run that was triggered by hand", async () => {
    await using world = await openWorld({ clock: testClock(Date.parse("2026-05-01T00:30:00Z")) });
    const worker = world.worker();
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *", overlap: "skip" }));
    const triggered = await world.orchestrator.schedules.trigger("s");
    await pass(world, hour, 10 * minute);
    expect(await ticks(world)).toEqual([null]);
    expect(await world.orchestrator.run(triggered.id)).toMatchObject({ schedule: { name: "s", at: null } });
    for (const a of worker.assigned) worker.succeed(a);
    await pass(world, hour, 10 * minute);
    expect(await ticks(world)).toEqual([null, "2026-05-01T02:00:00.000Z"]);
  });

  test("skip sees the run of a tick that was started while overlap was allowed", async () => {
    await using world = await opened("2026-05-01T00:30:00Z");
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *", overlap: "allow" }));
    await pass(world, 40 * minute, 10 * minute);
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *", overlap: "skip" }));
    await pass(world, hour, 10 * minute);
    expect(await ticks(world)).toEqual(["2026-05-01T01:00:00.000Z"]);
  });

  test("allow: each tick runs beside the others", async () => {
    await using world = await opened("2026-05-01T00:30:00Z");
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await pass(world, 3 * hour, 10 * minute);
    expect(await ticks(world)).toHaveLength(3);
  });
});

describe("what people do with a schedule", () => {
  const begin = "2026-05-01T00:30:00Z";

  test("pause stops its ticks, and resume makes none up", async () => {
    await using world = await opened(begin);
    const { schedules } = world.orchestrator;
    await schedules.put(request({ cron: "0 * * * *", onMissed: "all" }));
    expect(await schedules.pause("s")).toMatchObject({ state: "paused", nextAt: null });
    await pass(world, 5 * hour, 10 * minute);
    // A change leaves it paused: that is somebody's decision.
    expect(await schedules.put(request({ everyMs: hour }))).toMatchObject({ state: "paused", nextAt: null });
    expect(await schedules.resume("s")).toMatchObject({ state: "active", nextAt: "2026-05-01T06:00:00.000Z" });
    await pass(world, hour, 10 * minute);
    expect(await ticks(world)).toEqual(["2026-05-01T06:00:00.000Z"]);
  });

  test("ticks lie between startAt and endAt, and then it has ended", async () => {
    await using world = await opened(begin);
    const startAt = "2026-05-01T02:15:00.000Z";
    const endAt = "2026-05-01T02:45:00.000Z";
    await world.orchestrator.schedules.put(request({ everyMs: 15 * minute, startAt, endAt }));
    await pass(world, 4 * hour, 5 * minute);
    expect(await ticks(world)).toEqual([startAt, "2026-05-01T02:30:00.000Z", endAt]);
    expect(await world.orchestrator.schedules.get("s")).toMatchObject({ state: "ended", nextAt: null, lastAt: endAt });
  });

  test("a list is by name and in pages", async () => {
    await using world = await opened(begin);
    const { schedules } = world.orchestrator;
    for (const name of ["c", "a", "b"]) await schedules.put(request({ name, everyMs: hour }));
    const page = await schedules.list({ limit: 2 });
    expect(page.items.map((s) => s.name)).toEqual(["a", "b"]);
    const rest = await schedules.list({ after: page.next as string });
    expect(rest).toMatchObject({ items: [{ name: "c" }], next: null });
  });

  test("its run says where it comes from, in the view and in its first event", async () => {
    await using world = await openWorld({ clock: testClock(Date.parse(begin)) });
    const worker = world.worker();
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *", tenant: "acme" }));
    await pass(world, 31 * minute, minute);
    const [run] = await runs(world);
    const schedule = { name: "s", at: "2026-05-01T01:00:00.000Z" };
    expect(run).toMatchObject({ schedule, tenant: "acme", name: "work" });
    expect(await world.orchestrator.schedules.get("s")).toMatchObject({ lastRun: run?.id });
    for (const a of worker.assigned) worker.succeed(a);
    await world.turn();
    const events = [];
    for await (const e of world.orchestrator.events(run?.id as string, {})) events.push(e);
    expect(events[0]).toMatchObject({ type: "run.started", data: { name: "work", schedule } });
  });

  test("one that is not there is not found, by each of the calls", async () => {
    await using world = await opened(begin);
    const { schedules } = world.orchestrator;
    for (const call of ["get", "pause", "resume", "delete", "trigger"] as const) {
      await expect(schedules[call]("nobody")).rejects.toMatchObject({
        code: "FLOTILLA_NOT_FOUND",
        details: { what: "schedule", id: "nobody" },
        fix: ["list them: flotilla schedules ls"],
      });
    }
  });

  test.each<[string, Partial<ScheduleRequest>, string]>([
    ["no pattern", {}, "cron"],
    ["two patterns", { cron: "* * * * *", everyMs: hour }, "cron"],
    ["a minute of 61", { cron: "61 * * * *" }, "cron"],
    ["a day that never comes", { cron: "0 0 31 2 *" }, "cron"],
    ["an instant for a pattern", { cron: "2026-12-01T00:00:00" }, "cron"],
    ["a field of years", { cron: "0 0 0 1 1 * 2030" }, "cron"],
    ["an unknown time zone", { cron: "* * * * *", timeZone: "Europe/Nowhere" }, "timeZone"],
    ["a time zone of an interval", { everyMs: hour, timeZone: "Europe/Berlin" }, "timeZone"],
    ["an interval below a second", { everyMs: 999 }, "every"],
    ["an end before its begin", { everyMs: hour, startAt: "2026-05-02T00:00:00Z", endAt: "2026-05-01T00:00:00Z" }, "endAt"],
    ["no date", { everyMs: hour, startAt: "tomorrow" }, "startAt"],
    ["all and skip at once", { everyMs: hour, onMissed: "all", overlap: "skip" }, "overlap"],
    ["an unknown policy", { everyMs: hour, onMissed: "some" as "all" }, "onMissed"],
    ["an empty tenant", { everyMs: hour, tenant: "" }, "tenant"],
  ])("%s is refused with the field, and nothing is stored", async (_, over, field) => {
    await using world = await opened(begin);
    await expect(world.orchestrator.schedules.put(request(over))).rejects.toMatchObject({
      code: "FLOTILLA_CONFIG_INVALID",
      details: { field: `schedule("s").${field}` },
    });
    expect((await world.orchestrator.schedules.list({})).items).toEqual([]);
  });

  test("a target that nobody has registered, and a name that is none, are refused", async () => {
    await using world = await opened(begin);
    await expect(world.orchestrator.schedules.put(request({ target: "wrok", everyMs: hour }))).rejects.toMatchObject({
      code: "FLOTILLA_UNKNOWN_DEFINITION",
    });
    await expect(world.orchestrator.schedules.put(request({ name: "a b", everyMs: hour }))).rejects.toMatchObject({
      details: { field: "schedule().name" },
    });
  });
});

describe("schedules of the fleet's definition", () => {
  const begin = "2026-05-01T00:30:00Z";

  test("nothing ticks before the definition has said what they are, and then by what it says", async () => {
    using file = folder();
    const clock = testClock(Date.parse(begin));
    const one = await openWorld({ clock, path: file.path, holdTicks: true });
    one.worker();
    await one.orchestrator.adopt([request({ name: "kept", cron: "0 * * * *" }), request({ name: "gone", cron: "0 * * * *" })], {
      whole: true,
    });
    await one.orchestrator.schedules.put(request({ name: "byHand", cron: "0 * * * *" }));
    await one.orchestrator.close();
    clock.advance(2 * hour);
    await using two = await openWorld({ clock, path: file.path, holdTicks: true });
    two.worker();
    await pass(two, 2_000, 1_000);
    expect(await ticks(two)).toEqual([]);
    await two.orchestrator.adopt([request({ name: "kept", cron: "0 * * * *" })], { whole: true });
    await pass(two, 2_000, 1_000);
    expect(new Set((await runs(two)).map((r) => r.schedule?.name))).toEqual(new Set(["byHand", "kept"]));
    expect(await runs(two)).toHaveLength(2);
    expect((await two.orchestrator.schedules.list({})).items.map((s) => [s.name, s.origin])).toEqual([
      ["byHand", "api"],
      ["kept", "code"],
    ]);
  });

  test("what says nothing of schedules deletes none", async () => {
    await using world = await opened(begin);
    await world.orchestrator.adopt([request({ everyMs: hour })], { whole: true });
    await world.orchestrator.adopt([], { whole: false });
    expect((await world.orchestrator.schedules.list({})).items).toHaveLength(1);
  });
});

describe("a fleet that cannot take a tick", () => {
  test("a full queue passes it over, and says so", async () => {
    await using world = await openWorld({ clock: testClock(Date.parse("2026-05-01T00:30:00Z")), queuedMax: 1 });
    world.orchestrator.register([card("work")]);
    await world.start("work");
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await pass(world, hour, 10 * minute);
    expect(await ticks(world)).toEqual([undefined]);
    expect(await world.orchestrator.schedules.get("s")).toMatchObject({ skipped: { why: "queue full" } });
  });

  test("a store that refuses the tick gets it again", async () => {
    await using world = await opened("2026-05-01T00:30:00Z");
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    let refused = 0;
    world.commitFault = (batch) =>
      batch.ticks.length > 0 && refused++ < 3 ? Object.assign(new Error("disk full"), { code: "X" }) : undefined;
    await pass(world, 31 * minute, minute);
    expect(refused).toBeGreaterThan(2);
    expect(await ticks(world)).toEqual(["2026-05-01T01:00:00.000Z"]);
  });

  test("a draining fleet leaves it to the next one", async () => {
    await using world = await opened("2026-05-01T00:30:00Z");
    await world.orchestrator.schedules.put(request({ cron: "0 * * * *" }));
    await world.orchestrator.drain();
    await pass(world, 2 * hour, 10 * minute);
    expect(await ticks(world)).toEqual([]);
    expect(await world.orchestrator.schedules.get("s")).toMatchObject({ nextAt: "2026-05-01T01:00:00.000Z" });
  });

  test("100 schedules of one instant all tick, and one timer is what waits for them", async () => {
    await using world = await opened("2026-05-01T00:30:00Z");
    await world.turn();
    const before = world.clock.timers;
    for (let i = 0; i < 150; i++) await world.orchestrator.schedules.put(request({ name: `s${i}`, cron: "0 * * * *" }));
    expect(world.clock.timers).toBe(before + 1);
    await pass(world, 31 * minute, minute);
    expect(new Set((await runs(world)).map((r) => r.schedule?.name)).size).toBe(150);
  });
});
