// Bulk operations where the store is: counted exactly, done once, in slices, also when the caller's wire breaks.
import { describe, expect, test } from "vitest";
import { isFlotillaError, type Client, type FleetConfig } from "flotilla";
import { createRandom } from "../../src/core/random.ts";
import { noCatalogue } from "../../src/client/catalogue.ts";
import { createClient } from "../../src/client/client.ts";
import { remoteApi } from "../../src/client/remote/api.ts";
import { fetchTransport } from "../../src/client/remote/fetch-transport.ts";
import { openFleet } from "../../src/runtime/create-fleet.ts";
import { fleetDefinitions, note, type Definitions } from "./definitions.ts";
import { hurriedDeps } from "./hurried.ts";
import { openWire, serveHttp } from "./serve.ts";

type StoreUrl = FleetConfig<Definitions>["store"];
/** A store for one test. */
export type TakeStore = () => Promise<{ readonly store: NonNullable<StoreUrl>; done(): void }>;

async function open(take: TakeStore) {
  const made = fleetDefinitions();
  const { store, done } = await take();
  const { fleet, orchestrator } = await openFleet({ definitions: made.definitions, store });
  const served = await serveHttp(orchestrator);
  const wire = await openWire(served.port);
  const patience = { callMs: 60_000, waitMs: Infinity, replyMs: 30_000 };
  const api = remoteApi(fetchTransport(wire.url, {}, fetch), patience, hurriedDeps(createRandom(7)));
  return {
    ...made,
    near: fleet,
    far: createClient<Definitions>(api, noCatalogue, null),
    api,
    wire,
    async [Symbol.asyncDispose]() {
      api.close();
      await wire[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
      await fleet.close();
      done();
    },
  };
}

async function statuses(fleet: Client<Definitions>, ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await (await fleet.get(id)).outcome()).status));
}
const taskOf = (run: string): string => run.replace(/^r_/, "t_");

export function exerciseBulk(name: string, take: TakeStore): void {
  const world = () => open(take);

  describe.each(["near", "far"] as const)(`a bulk operation on ${name}, %s`, (where) => {
    test("cancels what fits and nothing else", async () => {
      await using w = await world();
      const fleet = w[where];
      const start = (n: number, o: object) =>
        Promise.all(Array.from({ length: n }, (_, i) => w.near.start("talk", { topic: String(i) }, o)));
      const mine = await start(7, { tenant: "acme", tags: ["old", "x"] });
      const theirs = [...(await start(2, { tenant: "other", tags: ["old"] })), ...(await start(2, { tenant: "acme" }))];
      await (await w.near.start("greet", { who: "Ada" }, { tenant: "acme", tags: ["old"] })).result();
      const bulk = await fleet.bulk({
        action: "cancel",
        where: { name: "talk", tenant: "acme", tag: "old" },
        reason: "cleaned up",
      });
      expect(bulk).toMatchObject({
        action: "cancel",
        count: 7,
        runs: 7,
        examples: mine
          .slice(2)
          .map((r) => r.id)
          .toReversed(),
      });
      expect((await w.api.runs({ status: "running" })).items).toHaveLength(11);
      expect(await bulk.execute()).toEqual({ done: 7, refused: 0, refusals: [], started: [] });
      for (const run of mine)
        expect(await run.outcome()).toMatchObject({ status: "canceled", error: { details: { by: "cleaned up" } } });
      expect((await w.api.runs({ status: "running" })).items.map((r) => r.id).toSorted()).toEqual(
        theirs.map((r) => r.id).toSorted(),
      );
      expect(await bulk.execute()).toMatchObject({ done: 0 });
    });

    test("what starts after the counting is left alone, and more than was counted is refused", async () => {
      await using w = await world();
      const fleet = w[where];
      const failed = await w.near.start("odd", { n: 1 });
      const slow = await w.near.start("talk", { topic: "tea" });
      await failed.outcome();
      const bulk = await fleet.bulk({ action: "purge", where: { status: ["failed", "canceled"] } });
      expect(bulk.count).toBe(1);
      await (await w.near.start("odd", { n: 3 })).outcome();
      await slow.cancel("enough");
      await slow.outcome();
      const refused = await bulk.execute().catch((e: unknown) => e);
      expect(isFlotillaError(refused, "FLOTILLA_BULK_GREW") && refused.details).toEqual({
        action: "purge",
        expected: 1,
        found: 2,
      });
      expect((await w.api.runs({})).items).toHaveLength(3);
      const again = await fleet.bulk({ action: "purge", where: { status: ["failed"] } });
      expect([again.count, (await again.execute()).done]).toEqual([2, 2]);
      expect((await w.api.runs({})).items.map((r) => r.id)).toEqual([slow.id]);
    });

    test("redrives failed tasks once, by their error, of a run or of all", async () => {
      await using w = await world();
      const fleet = w[where];
      const alone = await w.near.start("odd", { n: 5 });
      const team = await w.near.start("team", { n: 2 });
      await Promise.all([alone.outcome(), team.outcome()]);
      const where_ = { name: "odd", state: ["failed"], error: "FLOTILLA_AGENT_FAILED" } as const;
      expect((await fleet.bulk({ action: "redrive", where: { ...where_, error: "Nobody" } })).count).toBe(0);
      expect((await fleet.bulk({ action: "redrive", where: { ...where_, run: team.id } })).count).toBe(1);
      expect((await fleet.bulk({ action: "redrive", where: { name: "odd" } })).count).toBe(0);
      const bulk = await fleet.bulk({ action: "redrive", where: where_ });
      expect([bulk.count, bulk.runs]).toEqual([2, 2]);
      w.state.broken = false;
      const { done, started } = await bulk.execute();
      expect(done).toBe(2);
      const of = started.map((s) => s.of).toSorted((a, b) => a.length - b.length);
      expect(of).toEqual([taskOf(alone.id), expect.stringMatching(new RegExp(`^${taskOf(team.id)}\\.\\d+$`))]);
      expect(
        await statuses(
          fleet,
          started.map((s) => s.run),
        ),
      ).toEqual(["succeeded", "succeeded"]);
      expect((await fleet.bulk({ action: "redrive", where: where_ })).count).toBe(0);
      expect(await bulk.execute()).toMatchObject({ done: 0, started: [] });
    });

    test("repairs what failed and nobody repaired", async () => {
      await using w = await world();
      const fleet = w[where];
      const runs = await Promise.all([3, 4].map((n) => w.near.start("team", { n })));
      await Promise.all(runs.map((r) => r.outcome()));
      w.state.broken = false;
      await (await w.near.repair(runs[0]?.id ?? "")).result();
      const bulk = await fleet.bulk({ action: "repair", where: { name: "team" } });
      expect([bulk.count, bulk.examples]).toEqual([1, [runs[1]?.id]]);
      const { started } = await bulk.execute();
      expect(
        await statuses(
          fleet,
          started.map((s) => s.run),
        ),
      ).toEqual(["succeeded"]);
      expect((await fleet.bulk({ action: "repair" })).count).toBe(0);
    });

    test("a cancel that is asked for twice leaves workflows the time to clean up", async () => {
      await using w = await world();
      const fleet = w[where];
      const run = await w.near.start("tidy", {});
      for await (const _ of run.messages(note)) break;
      for (const _ of [1, 2])
        expect((await (await fleet.bulk({ action: "cancel", where: { name: "tidy" } })).execute()).done).toBe(1);
      for await (const e of run.events({ types: ["approval.asked"] })) {
        await w.near.approvals.approve(e.data.approval, { by: "ada" });
        break;
      }
      expect(await run.outcome()).toMatchObject({ status: "canceled" });
      expect(w.ran).toEqual(["greet ada"]);
    });

    test("reports after each slice of 500, and stops after one when it is told to", async () => {
      await using w = await world();
      const fleet = w[where];
      await Promise.all(Array.from({ length: 1_200 }, (_, i) => w.near.start("greet", { who: String(i) }, { delay: "1h" })));
      const stop = new AbortController();
      const seen: number[] = [];
      const bulk = await fleet.bulk({ action: "cancel", where: { name: "greet" } });
      expect(bulk.count).toBe(1_200);
      const stopped = bulk.execute({
        signal: stop.signal,
        onProgress: ({ done }) => done > 0 && stop.abort(new Error("enough")),
      });
      await expect(stopped).rejects.toThrow("enough");
      const { done } = await bulk.execute({ onProgress: (p) => seen.push(p.done) });
      expect(done).toBeLessThan(1_200);
      expect(seen.at(-1)).toBe(done);
      expect(seen.length).toBeGreaterThan(1);
      expect((await fleet.bulk({ action: "cancel" })).count).toBe(0);
      expect(w.ran).toEqual([]);
    });

    test("refuses what does not go together, and changes nothing", async () => {
      await using w = await world();
      const fleet = w[where];
      const refusal = (o: unknown) => fleet.bulk(o as never).then(String, (e: unknown) => e);
      const invalid = (field: string) => ({ code: "FLOTILLA_CONFIG_INVALID", details: { field } });
      expect(await refusal({ action: "explode" })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
      expect(await refusal({ action: "cancel", where: { status: ["failed"] } })).toMatchObject(invalid("where.status"));
      expect(await refusal({ action: "cancel", where: { state: ["failed"] } })).toMatchObject(invalid("where.state"));
      expect(await refusal({ action: "purge", where: { run: "r_x" } })).toMatchObject(invalid("where.run"));
      expect(await refusal({ action: "purge", reason: "because" })).toMatchObject(invalid("reason"));
      expect(await refusal({ action: "purge", where: { tennant: "x" } })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    });
  });

  test(`${name}: over a wire that breaks all the time each task is redriven once`, async () => {
    await using w = await world();
    const runs = await Promise.all(Array.from({ length: 700 }, (_, i) => w.near.start("odd", { n: 2 * i + 1 })));
    await Promise.all(runs.map((r) => r.outcome()));
    w.state.broken = false;
    w.ran.length = 0;
    const bulk = await w.far.bulk({ action: "redrive", where: { state: ["failed"] } });
    expect(bulk.count).toBe(700);
    const random = createRandom(11);
    w.wire.cut();
    w.wire.limit(() => 300 + Math.floor(random() * 60_000));
    const { done, refused } = await bulk.execute();
    w.wire.limit(undefined);
    expect([done, refused]).toEqual([700, 0]);
    for (let open; (open = (await w.api.runs({ status: "running", limit: 500 })).items).length > 0;)
      await Promise.all(open.map(async (r) => (await w.near.get(r.id)).outcome()));
    expect(w.ran.toSorted()).toEqual(runs.map((_, i) => `odd ${2 * i + 1}`).toSorted());
  });
}
