// A client over a wire that breaks at any byte: nothing is doubled, nothing is lost.
import { createRandom } from "../../src/core/random.ts";
import { noCatalogue } from "../../src/client/catalogue.ts";
import { createClient, type Client } from "../../src/client/client.ts";
import { remoteApi } from "../../src/client/remote/api.ts";
import { fetchTransport } from "../../src/client/remote/fetch-transport.ts";
import { openFleet } from "../../src/runtime/create-fleet.ts";
import { describe, expect, test } from "vitest";
import { fleetDefinitions, go, type Definitions } from "./definitions.ts";
import { hurriedDeps } from "./hurried.ts";
import { openWire, serveHttp } from "./serve.ts";

const seed = Number(process.env["FLOTILLA_SEED"] ?? 4);

async function world(o: { waitMs?: number; callMs?: number } = {}) {
  const made = fleetDefinitions();
  const { fleet, orchestrator } = await openFleet({ definitions: made.definitions });
  const served = await serveHttp(orchestrator);
  const wire = await openWire(served.port);
  const deps = hurriedDeps(createRandom(seed));
  const patience = { callMs: o.callMs ?? 30_000, waitMs: o.waitMs ?? Infinity, replyMs: 30_000 };
  const api = remoteApi(fetchTransport(wire.url, {}, fetch), patience, deps);
  return {
    ...made,
    near: fleet,
    far: createClient<Definitions>(api, noCatalogue, null),
    api,
    wire,
    deps,
    async [Symbol.asyncDispose]() {
      api.close();
      await wire[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
      await fleet.close();
    },
  };
}

async function storedEvents(client: Client<Definitions>, id: string): Promise<string[]> {
  const seen: string[] = [];
  const run = await client.get(id);
  for await (const e of run.events({ types: ["run.started", "custom", "task.settled", "run.finished"] }))
    seen.push(`${e.cursor} ${e.type} ${JSON.stringify(e.data)}`);
  return seen;
}

describe("a stream of events", () => {
  test("cut at any byte gives each stored event once, in order", async () => {
    await using w = await world();
    const run = await w.near.start("count", { n: 600 });
    const whole = await storedEvents(w.near, run.id);
    expect(whole).toHaveLength(602);
    const random = createRandom(seed);
    w.wire.limit(() => Math.floor(random() * 8_000));
    for (let reader = 0; reader < 4; reader++) expect(await storedEvents(w.far, run.id), `seed=${seed}`).toEqual(whole);
    expect(w.wire.made).toBeGreaterThan(60);
  });

  test("goes on while its run goes on, and tells the end once when the wire broke after it", async () => {
    await using w = await world();
    const run = await w.near.start("talk", { topic: "tea" });
    const seen: string[] = [];
    for await (const e of (await w.far.get(run.id)).events({ types: ["run.started", "approval.asked", "run.finished"] })) {
      seen.push(e.type);
      w.wire.cut();
      if (e.type === "run.started") await run.send(go, { word: "yes" });
      if (e.type === "approval.asked") await w.near.approvals.approve(e.data.approval);
    }
    expect(seen).toEqual(["run.started", "approval.asked", "run.finished"]);
  });
});

describe("a start", () => {
  test("whose reply was lost is not doubled", async () => {
    await using w = await world();
    w.wire.swallow(true);
    const started = w.far.start("greet", { who: "Ada" });
    // It is stored and done, and nobody there has heard of it.
    while (w.ran.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    w.wire.swallow(false);
    const run = await started;
    expect(await run.result()).toEqual({ text: "Hello, Ada" });
    const { items } = await w.api.runs({});
    expect([w.ran, items.map((r) => r.id)]).toEqual([["greet Ada"], [run.id]]);
    expect(w.deps.pausedMs.length).toBeGreaterThan(0);
  });

  test("over a wire that breaks all the time starts each run once", async () => {
    await using w = await world();
    const random = createRandom(seed + 1);
    w.wire.limit(() => Math.floor(random() * 900));
    const inputs = Array.from({ length: 60 }, (_, i) => i * 2);
    const runs = await Promise.all(inputs.map((n) => w.far.start("odd", { n })));
    expect(await Promise.all(runs.map((r) => r.result())), `seed=${seed}`).toEqual(inputs);
    w.wire.limit(undefined);
    expect(w.ran.toSorted()).toEqual(inputs.map((n) => `odd ${n}`).toSorted());
    expect((await w.api.runs({ limit: 500 })).items).toHaveLength(inputs.length);
  });

  test("is given up when the fleet stays away for longer than calls are tried", async () => {
    await using w = await world({ callMs: 3_000 });
    w.wire.refuse(true);
    await expect(w.far.start("greet", { who: "Ada" })).rejects.toMatchObject({
      code: "FLOTILLA_UNREACHABLE",
      retryable: true,
      details: { target: w.wire.url },
    });
    expect(w.deps.pausedMs.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(3_000);
    expect(w.deps.pausedMs.length).toBeGreaterThan(3);
  });
});

describe("a message", () => {
  test("whose reply was lost is taken once", async () => {
    await using w = await world();
    const run = await w.near.start("talk", { topic: "tea" });
    const far = await w.far.get(run.id);
    await run.query("stage");
    w.wire.swallow(true);
    const sent = far.send(go, { word: "yes" });
    const asked = (async () => {
      for await (const e of run.events({ types: ["approval.asked"] })) return e.data.approval;
      throw new Error("nobody was asked");
    })();
    const approval = await asked;
    w.wire.swallow(false);
    await sent;
    await w.near.approvals.approve(approval);
    expect(await run.result()).toMatchObject({ word: "yes" });
  });
});

describe("what would do harm when done twice", () => {
  test("is not sent again when it may have arrived", async () => {
    await using w = await world();
    const run = await w.near.start("talk", { topic: "tea" });
    const far = await w.far.get(run.id);
    w.wire.swallow(true);
    await expect(far.cancel("enough")).rejects.toMatchObject({ code: "FLOTILLA_UNREACHABLE" });
    expect(w.deps.pausedMs).toEqual([]);
    w.wire.swallow(false);
    expect(await far.outcome()).toMatchObject({ status: "canceled" });
  });

  test("is sent again when no connection was made", async () => {
    const made = fleetDefinitions();
    const { fleet, orchestrator } = await openFleet({ definitions: made.definitions });
    const first = await serveHttp(orchestrator);
    await first[Symbol.asyncDispose]();
    const deps = hurriedDeps(createRandom(seed));
    const api = remoteApi(fetchTransport(first.url, {}, fetch), { callMs: 60_000, waitMs: 0, replyMs: 30_000 }, deps);
    const run = await fleet.start("talk", { topic: "tea" });
    const canceled = api.cancel(run.id, "enough");
    while (deps.pausedMs.length < 2) await new Promise<void>((resolve) => setImmediate(resolve));
    const again = await serveHttp(orchestrator, undefined, first.port);
    await canceled;
    expect(await run.outcome()).toMatchObject({ status: "canceled" });
    api.close();
    await again[Symbol.asyncDispose]();
    await fleet.close();
  });
});

describe("a wait", () => {
  test("outlives a fleet that is away, and ends with the run", async () => {
    await using w = await world();
    const run = await w.near.start("talk", { topic: "tea" });
    const ended = (await w.far.get(run.id)).outcome();
    ended.catch(() => {});
    w.wire.refuse(true);
    w.wire.cut();
    while (w.deps.pausedMs.length < 5) await new Promise<void>((resolve) => setImmediate(resolve));
    await run.cancel("enough");
    w.wire.refuse(false);
    expect(await ended).toMatchObject({ status: "canceled", error: { details: { by: "enough" } } });
  });

  test("of limited patience is given up: an outcome and a stream", async () => {
    await using w = await world({ waitMs: 2_000 });
    const run = await w.near.start("talk", { topic: "tea" });
    const far = await w.far.get(run.id);
    const stream = (async () => {
      for await (const e of far.events({ types: ["run.started", "run.finished"] })) {
        expect(e.type).toBe("run.started");
        w.wire.refuse(true);
        w.wire.cut();
      }
    })();
    await expect(stream).rejects.toMatchObject({ code: "FLOTILLA_UNREACHABLE" });
    await expect(far.result()).rejects.toMatchObject({ code: "FLOTILLA_UNREACHABLE" });
  });
});
