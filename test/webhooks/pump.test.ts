// An orchestrator, a receiver that is real, and a clock that the test moves.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { resolveWebhooks } from "../../src/runtime/webhooks.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { card, openWorld, testClock, type World, type WorldOptions } from "../orchestrator/world.ts";
import { openReceiver, secret, verify, type Receiver } from "./receiver.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-webhooks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A line of the log that says this, also one that is still to come. */
class Lines {
  readonly all: Line[] = [];
  readonly #waiting: { about: string; n: number; resolve: (line: Line) => void }[] = [];
  readonly sink: NonNullable<WorldOptions["log"]> = (level, message, fields = {}) => {
    this.all.push({ level, message, fields });
    for (const w of this.#waiting) {
      const found = this.#nth(w.about, w.n);
      if (found) w.resolve(found);
    }
  };
  #nth(about: string, n: number): Line | undefined {
    return this.all.filter((l) => `${l.message} ${String(l.fields["problem"])}`.includes(about))[n - 1];
  }
  said(about: string, n = 1): Promise<Line> {
    const there = this.#nth(about, n);
    return there ? Promise.resolve(there) : new Promise((resolve) => this.#waiting.push({ about, n, resolve }));
  }
}

interface Setting {
  readonly world: World;
  readonly lines: Lines;
  /** Starts a run that succeeds. @returns its id */
  run(value?: unknown): Promise<string>;
}

async function open(webhooks: readonly object[], over: WorldOptions = {}): Promise<Setting> {
  const lines = new Lines();
  // Starts with the real time, because the receiver's library checks the age of a signature.
  const clock = over.clock ?? testClock(Date.now());
  const world = await openWorld({
    clock,
    log: lines.sink,
    webhooks: resolveWebhooks(webhooks.map((w) => ({ events: ["run.finished", "approval.asked"], secret, ...w }))),
    ...over,
  });
  const worker = world.worker();
  const run = async (value: unknown = 1) => {
    const before = worker.assigned.length;
    const { id } = await world.start("work");
    await world.turn();
    const assigned = worker.assigned[before];
    if (!assigned) throw new Error("nothing was assigned");
    worker.succeed(assigned, value);
    await world.turn();
    return id;
  };
  return { world, lines, run };
}

const ids = (r: Receiver) => r.received.map((m) => m.headers["webhook-id"]);

describe("a webhook", () => {
  test("is told of a run that has finished, signed as the specification says", async () => {
    await using to = await openReceiver();
    const { world, run } = await open([{ url: `${to.url}/in?key=1` }]);
    await using _ = world;
    const id = await run({ private: "value" });
    await to.count(1);
    const [got] = to.received as [Receiver["received"][number]];
    expect(got.path).toBe("/in?key=1");
    expect(got.headers["content-type"]).toBe("application/json");
    verify(got);
    expect(() => verify({ ...got, body: `${got.body} ` })).toThrow(/signature/i);
    expect(() => verify(got, `whsec_${Buffer.alloc(32, 7).toString("base64")}`)).toThrow(/signature/i);
    expect(got.json).toEqual({
      id: got.headers["webhook-id"],
      type: "run.finished",
      timestamp: new Date(world.clock.now()).toISOString(),
      runId: id,
      definition: "work",
      namespace: "default",
      tenant: "default",
      status: "succeeded",
      error: null,
    });
    expect(got.body).not.toContain("private");
  });

  test("two secrets sign while one is being replaced: each of them verifies", async () => {
    await using to = await openReceiver();
    const old = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
    const { world, run } = await open([{ url: to.url, secret: `${secret} ${old}` }]);
    await using _ = world;
    await run();
    await to.count(1);
    verify(to.received[0] as Receiver["received"][number], secret);
    verify(to.received[0] as Receiver["received"][number], old);
  });

  test("is told of what people are asked", async () => {
    await using to = await openReceiver();
    const { world } = await open([{ url: to.url, events: ["approval.asked"] }]);
    await using _ = world;
    const worker = world.worker({ definitions: [card("flow", { kind: "workflow" })] });
    const { id } = await world.start("flow");
    await world.turn();
    const [task] = worker.assigned as [(typeof worker.assigned)[number]];
    worker.say({
      t: "acts",
      fence: task.fence,
      acts: [
        {
          kind: "approval",
          act: 1,
          key: "deploy",
          inputHash: "",
          askedAfter: 0,
          approval: { title: "Deploy?", detail: null, diff: "secret diff", role: "ops", edit: null, onTimeout: "reject" },
          timeoutMs: 60_000,
        },
      ],
    } as never);
    await to.count(1);
    const [got] = to.received as [Receiver["received"][number]];
    verify(got);
    const [asked] = (await world.orchestrator.approvals({})).items;
    expect(got.json).toMatchObject({
      type: "approval.asked",
      runId: id,
      taskId: task.publicId,
      approvalId: asked?.id,
      title: "Deploy?",
      role: "ops",
      expiresAt: new Date(world.clock.now() + 60_000).toISOString(),
    });
    expect(got.body).not.toContain("secret diff");
    expect(got.headers["webhook-id"]).not.toContain(".");
  });

  test("that answers 500 is told again, later each time, with the same id and a new time, until it answers 200", async () => {
    await using to = await openReceiver();
    to.answer = (n) => (n < 3 ? 500 : 200);
    const { world, run, lines } = await open([{ url: to.url }]);
    await using _ = world;
    await run();
    const waits: number[] = [];
    for (let n = 1; n <= 3; n++) {
      const { fields } = await lines.said("tried again", n);
      expect(fields).toMatchObject({ problem: "HTTP 500", tries: n });
      const wait = Date.parse(fields["at"] as string) - world.clock.now();
      waits.push(wait);
      await settledIn(world);
      world.clock.advance(wait - 1);
      await settledIn(world);
      expect(to.received).toHaveLength(n);
      world.clock.advance(1);
      await to.count(n + 1);
    }
    expect(waits.map((w, n) => w >= 2_500 * 2 ** n && w <= 5_000 * 2 ** n)).toEqual([true, true, true]);
    expect(new Set(ids(to)).size).toBe(1);
    expect(new Set(to.received.map((m) => m.body)).size).toBe(1);
    const times = to.received.map((m) => Number(m.headers["webhook-timestamp"]));
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    expect(new Set(times).size).toBe(4);
    await until(async () => (await left(world)).length === 0);
  });

  test("is given up after a day: said in the log, and kept to be seen", async () => {
    await using to = await openReceiver();
    to.answer = () => 503;
    const { world, run, lines } = await open([{ url: `${to.url}/private-path` }]);
    await using _ = world;
    const id = await run();
    const gaveUp = lines.said("given up");
    for (let n = 1; ; n++) {
      const next = await Promise.race([lines.said("tried again", n), gaveUp]);
      if (next.message.includes("given up")) break;
      await pass(world, Date.parse(next.fields["at"] as string) - world.clock.now());
    }
    const { level, fields } = await gaveUp;
    expect(level).toBe("warn");
    expect(fields).toMatchObject({ run: id, problem: "HTTP 503" });
    // 5 s, 10 s ... to an hour, half of it or more each: between 33 and 59 tries in a day.
    expect(fields["tries"]).toBeGreaterThanOrEqual(33);
    expect(fields["tries"]).toBeLessThan(60);
    await until(async () => (await left(world, true)).length === 1);
    expect(await left(world, true)).toMatchObject([{ problem: "HTTP 503", dueAt: null }]);
    expect(JSON.stringify(lines.all)).not.toContain("private-path");

    // A person who has mended the receiver has it told again.
    const { webhooks } = world.orchestrator;
    const [call] = (await webhooks.calls({ givenUp: true })).items;
    expect(call).toMatchObject({ runId: id, state: "given up", problem: "HTTP 503", nextAt: null, namespace: "default" });
    expect(JSON.stringify(call)).not.toContain("private-path");
    const tried = to.received.length;
    to.answer = () => 204;
    await webhooks.retry(call?.id ?? "");
    await to.count(tried + 1);
    expect(new Set(ids(to)).size).toBe(1);
    await until(async () => (await left(world)).length === 0);
    await expect(webhooks.retry(call?.id ?? "")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    await expect(webhooks.retry("one")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    await expect(webhooks.calls({ after: "one" })).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
  });

  test("that wants no more (410) is given up at once; one that asks for time (429) gets it", async () => {
    await using gone = await openReceiver();
    gone.answer = () => 410;
    await using busy = await openReceiver();
    busy.answer = (n) => (n === 0 ? { status: 429, headers: { "retry-after": "600" } } : 204);
    const { world, run, lines } = await open([
      { url: gone.url, name: "gone" },
      { url: busy.url, name: "busy" },
    ]);
    await using _ = world;
    await run();
    expect((await lines.said("given up")).fields).toMatchObject({ webhook: "gone", problem: "HTTP 410", tries: 1 });
    const later = (await lines.said("tried again")).fields;
    await until(async () => (await left(world)).length === 2);
    const { items } = await world.orchestrator.webhooks.calls({});
    const waiting = items.find((c) => c.webhook === "busy");
    await settledIn(world);
    expect(waiting).toMatchObject({ tries: 1 });
    await expect(world.orchestrator.webhooks.retry(waiting?.id ?? "")).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
    expect(Date.parse(later["at"] as string) - world.clock.now()).toBe(600_000);
    await pass(world, 600_000);
    await busy.count(2);
    expect(gone.received).toHaveLength(1);
  });

  test("is not followed to where it redirects", async () => {
    await using elsewhere = await openReceiver();
    await using to = await openReceiver();
    to.answer = () => ({ status: 307, headers: { location: elsewhere.url } });
    const { world, run, lines } = await open([{ url: to.url }]);
    await using _ = world;
    await run();
    expect((await lines.said("tried again")).fields["problem"]).toBe("HTTP 307: redirects are not followed");
    expect(elsewhere.received).toEqual([]);
  });

  test("that breaks the connection, or is not there, is told again", async () => {
    await using to = await openReceiver();
    to.answer = (n) => (n === 0 ? "cut" : 204);
    const gone = await openReceiver();
    await gone[Symbol.asyncDispose]();
    const { world, run, lines } = await open([
      { url: to.url, name: "cut" },
      { url: gone.url, name: "gone" },
    ]);
    await using _ = world;
    await run();
    await lines.said("tried again", 2);
    const failed = lines.all.filter((l) => l.message.includes("tried again"));
    const problems = failed.map((l) => `${String(l.fields["webhook"])} ${String(l.fields["problem"])}`);
    expect(problems.toSorted()).toEqual(["cut ECONNRESET", "gone ECONNREFUSED"]);
  });

  test("that answers too late is told again; its slowness and another's death delay no third one", async () => {
    await using slow = await openReceiver();
    slow.answer = (n) => (n < 4 ? "hang" : 204);
    await using good = await openReceiver();
    const dead = await openReceiver();
    await dead[Symbol.asyncDispose]();
    const { world, run, lines } = await open([
      { url: slow.url, name: "slow", timeout: "10s" },
      { url: dead.url, name: "dead" },
      { url: good.url, name: "good" },
    ]);
    await using _ = world;
    for (let n = 0; n < 12; n++) await run(n);
    await good.count(12);
    await slow.count(4);
    // Four at a time, and no more, however many wait.
    expect(slow.received).toHaveLength(4);
    await settledIn(world);
    world.clock.advance(10_000);
    await lines.said("no answer within 10.0s", 4);
    await slow.count(12);
    expect(new Set(ids(good)).size).toBe(12);
  });

  test("of two events of a run hears the second one only after the first", async () => {
    await using to = await openReceiver();
    to.answer = (n) => (n === 0 ? 500 : 204);
    const { world, lines } = await open([{ url: to.url }]);
    await using _ = world;
    const worker = world.worker({ definitions: [card("flow", { kind: "workflow" })] });
    await world.start("flow");
    await world.turn();
    const [task] = worker.assigned as [(typeof worker.assigned)[number]];
    const approval = { title: "t", detail: null, diff: null, role: null, edit: null, onTimeout: "reject" };
    const act = { kind: "approval", act: 1, key: "k", inputHash: "", askedAfter: 0, approval, timeoutMs: null };
    worker.say({ t: "acts", fence: task.fence, acts: [act] } as never);
    await lines.said("tried again");
    worker.succeed(task);
    await settledIn(world);
    expect(to.received.map((m) => m.json["type"])).toEqual(["approval.asked"]);
    world.clock.advance(5_000);
    await to.count(3);
    expect(to.received.map((m) => m.json["type"])).toEqual(["approval.asked", "approval.asked", "run.finished"]);
  });

  test("closing tells what is due, and gives back what is under way", async () => {
    const path = join(folder, "closing.db");
    await using to = await openReceiver();
    to.answer = () => "hang";
    const clock = testClock(Date.now());
    const first = await open([{ url: to.url }], { path, clock });
    await first.run();
    await to.count(1);
    const closed = first.world.orchestrator.close();
    await settledIn(first.world);
    clock.advance(2_000);
    await closed;
    to.answer = () => 204;
    const second = await open([{ url: to.url }], { path, clock });
    await using _ = second.world;
    await to.count(2);
    expect(new Set(ids(to)).size).toBe(1);
    await second.run();
    await second.world.orchestrator.close();
    expect(new Set(ids(to)).size).toBe(2);
  });

  test("between the commit of an end and its telling the process may die: the next life tells", async () => {
    const path = join(folder, "dying.db");
    await using to = await openReceiver();
    const first = await open([{ url: to.url }], { path });
    // Nothing happens after this commit any more: the store is gone with its process.
    first.world.afterCommit = (batch) => {
      if (batch.settles.length === 0) return undefined;
      first.world.die();
      return new Promise(() => {});
    };
    const id = await first.run();
    await settledIn(first.world);
    expect(to.received).toEqual([]);
    const second = await open([{ url: to.url }], { path });
    await using _ = second.world;
    await to.count(1);
    expect(to.received.map((m) => m.json["runId"])).toEqual([id]);
    verify(to.received[0] as Receiver["received"][number]);
  });

  test("a store that fails meanwhile delays, and loses nothing", async () => {
    await using to = await openReceiver();
    const path = join(folder, "failing.db");
    const store = openSqliteStore({ path });
    let broken = 0;
    const faulty = {
      ...store,
      webhooks: {
        ...store.webhooks,
        claim(p: Parameters<typeof store.webhooks.claim>[0]) {
          if (broken-- > 0) throw new Error("disk is gone");
          return store.webhooks.claim(p);
        },
      },
    };
    const { world, run, lines } = await open([{ url: to.url }], { store: faulty });
    await using _ = world;
    await settledIn(world);
    broken = 2;
    await run();
    await lines.said("could not be read");
    expect(to.received).toEqual([]);
    world.clock.advance(1_000);
    await settledIn(world);
    expect(broken).toBe(0);
    expect(to.received).toEqual([]);
    world.clock.advance(1_000);
    await to.count(1);
    // Said once, however often it was tried.
    expect(lines.all.filter((l) => l.message.includes("could not be read"))).toHaveLength(1);
  });
});

/** What the sockets and the store had to say has been heard: some turns of the loop, no time. */
async function settledIn(world: World): Promise<void> {
  for (let i = 0; i < 5; i++) await world.turn();
}

/** Time passes, and a look that was begun meanwhile comes to its end and is followed by another. */
async function pass(world: World, ms: number): Promise<void> {
  await settledIn(world);
  world.clock.advance(ms);
  await settledIn(world);
  world.clock.advance(50);
}

/** Calls that the store has still. */
async function left(world: World, givenUp = false) {
  return world.store.webhooks.list({ namespace: null, after: 0, limit: 10, givenUp });
}

/** Looks on each turn of the loop, until it is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
