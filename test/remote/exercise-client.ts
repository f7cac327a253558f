// What everybody who holds a client may count on, near or far: one suite for both.
import { describe, expect, test } from "vitest";
import { isFlotillaError, schedule, type Client } from "flotilla";
import { fleetDefinitions, go, note, type Definitions } from "./definitions.ts";

export interface OpenedClient extends AsyncDisposable {
  readonly client: Client<Definitions>;
}
type World = ReturnType<typeof fleetDefinitions>;

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "was not refused",
    (e: unknown) => e,
  );
}

export function exerciseClient(where: string, open: (world: World) => Promise<OpenedClient>): void {
  const world = async () => {
    const w = fleetDefinitions();
    const opened = await open(w);
    return { ...w, fleet: opened.client, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  };

  describe(`Client, ${where}`, () => {
    test("starts by name or definition, and gives the value", async () => {
      await using w = await world();
      const run = await w.fleet.start("greet", { who: "Ada" });
      expect(run.queued).toEqual({ depth: expect.any(Number) as number, pressure: "none" });
      expect(await run.result()).toEqual({ text: "Hello, Ada" });
      expect(await w.fleet.run(w.greet, { who: "Bo" })).toEqual({ text: "Hello, Bo" });
      const found = await w.fleet.get(run.id);
      expect([found.queued, await found.outcome()]).toEqual([null, { status: "succeeded", value: { text: "Hello, Ada" } }]);
    });

    test("refuses input with the path of the field, and stores nothing", async () => {
      await using w = await world();
      const error = await refusal(w.fleet.start("greet", { who: 5 as never }));
      expect(error).toMatchObject({
        code: "FLOTILLA_INPUT_INVALID",
        details: { issues: [{ path: ["who"] }] },
        where: 'start("greet")',
        retryable: false,
      });
      expect((error as { fix: readonly string[] }).fix.length).toBeGreaterThan(0);
      expect(isFlotillaError(error)).toBe(true);
      expect(w.ran).toEqual([]);
    });

    test("refuses a name that nobody has, with the near one", async () => {
      await using w = await world();
      const error = await refusal(w.fleet.start("great" as "greet", { who: "a" }));
      expect(error).toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION", fix: ['did you mean "greet"?'] });
    });

    test("refuses values and options before anything is sent", async () => {
      await using w = await world();
      expect(await refusal(w.fleet.start("greet", { who: "a", more: 1n } as never))).toMatchObject({
        code: "FLOTILLA_VALUE_NOT_JSON",
      });
      expect(await refusal(w.fleet.start("greet", { who: "a" }, { tags: [""] }))).toMatchObject({
        code: "FLOTILLA_CONFIG_INVALID",
        details: { field: 'start("greet").tags[0]' },
      });
    });

    test("one key is one run, and belongs to one input", async () => {
      await using w = await world();
      const [a, b] = await Promise.all([1, 2].map(() => w.fleet.start("greet", { who: "Ada" }, { idempotencyKey: "k" })));
      expect(a?.id).toBe(b?.id);
      await a?.result();
      expect(await refusal(w.fleet.start("greet", { who: "Bo" }, { idempotencyKey: "k" }))).toMatchObject({
        code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
        details: { key: "k", run: a?.id },
      });
      expect(w.ran).toEqual(["greet Ada"]);
    });

    test("two starts without a key are two runs", async () => {
      await using w = await world();
      const runs = await Promise.all([1, 2].map(() => w.fleet.start("greet", { who: "Ada" })));
      await Promise.all(runs.map((r) => r.result()));
      expect([new Set(runs.map((r) => r.id)).size, w.ran.length]).toEqual([2, 2]);
    });

    test("many starts at once are all stored", async () => {
      await using w = await world();
      const runs = await Promise.all(Array.from({ length: 200 }, (_, i) => w.fleet.start("odd", { n: i * 2 })));
      expect(await Promise.all(runs.map((r) => r.result()))).toEqual(runs.map((_, i) => i * 2));
    });

    test("throws what failed: the declared error as itself, another with its cause", async () => {
      await using w = await world();
      await expect(w.fleet.run("greet", { who: "nobody" })).rejects.toMatchObject({
        code: "FLOTILLA_DECLARED",
        name: "Nobody",
        data: { who: "nobody" },
      });
      await expect(w.fleet.run("odd", { n: 1 })).rejects.toMatchObject({
        code: "FLOTILLA_AGENT_FAILED",
        cause: { message: "1 is odd" },
      });
    });

    test("tells events in order, also to who comes later and to who comes back", async () => {
      await using w = await world();
      const run = await w.fleet.start("count", { n: 5 });
      const stored = ["run.started", "custom", "run.finished"] as const;
      const read = async (after?: string) => {
        const seen: string[] = [];
        const cursors: string[] = [];
        for await (const e of run.events({ types: stored, ...(after === undefined ? {} : { after }) })) {
          seen.push(e.type === "custom" ? String((e.data.value as { n: number }).n) : e.type);
          cursors.push(e.cursor);
        }
        return { seen, cursors };
      };
      const all = await read();
      expect(all.seen).toEqual(["run.started", "0", "1", "2", "3", "4", "run.finished"]);
      expect((await read(all.cursors[3])).seen).toEqual(["3", "4", "run.finished"]);
      const emitted: number[] = [];
      for await (const { n } of run.messages(note)) emitted.push(n);
      expect(emitted).toEqual([0, 1, 2, 3, 4]);
      await expect((async () => run.events({ after: "x" })[Symbol.asyncIterator]().next())()).rejects.toMatchObject({
        code: "FLOTILLA_CONFIG_INVALID",
      });
    });

    test("talks with a run: messages, queries, approvals", async () => {
      await using w = await world();
      const { fleet } = w;
      const run = await fleet.start("talk", { topic: "tea" });
      expect(await run.query("stage")).toEqual({ stage: "listens", topic: "tea" });
      expect(await refusal(run.query("else"))).toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
      await run.send(go, { word: "yes" }, { idempotencyKey: "once" });
      await run.send(go, { word: "no" }, { idempotencyKey: "once" });
      let approval = "";
      for await (const e of run.events({ types: ["approval.asked"] })) {
        approval = e.data.approval;
        break;
      }
      expect((await fleet.approvals.list()).map((a) => [a.id, a.title, a.value])).toEqual([[approval, "tea?", "yes"]]);
      await fleet.approvals.approve(approval, { by: "ada", value: "green" });
      expect(await run.result()).toEqual({ word: "yes", value: "green", by: "ada" });
      expect(await refusal(fleet.approvals.reject(approval, { reason: "late" }))).toMatchObject({ code: "FLOTILLA_TOO_LATE" });
      expect(await refusal(run.send(go, { word: "again" }))).toMatchObject({ code: "FLOTILLA_TOO_LATE" });
    });

    test("cancels", async () => {
      await using w = await world();
      const run = await w.fleet.start("talk", { topic: "tea" });
      await run.cancel("enough");
      expect(await run.outcome()).toMatchObject({
        status: "canceled",
        error: { code: "FLOTILLA_CANCELED", details: { by: "enough" } },
      });
    });

    test("goes on from runs: repair, fork, redrive, and purges them", async () => {
      await using w = await world();
      const { fleet } = w;
      const failed = await fleet.start("team", { n: 3 });
      expect(await failed.outcome()).toMatchObject({ status: "failed" });
      const alone = await fleet.start("odd", { n: 3 });
      await alone.outcome();
      w.state.broken = false;
      expect(await (await fleet.repair(failed.id)).result()).toEqual([0, 1, 2]);
      expect(await (await fleet.redrive(alone.id.replace(/^r_/, "t_"))).result()).toBe(3);
      expect(await (await fleet.fork(alone.id.replace(/^r_/, "t_"), { n: 8 })).result()).toBe(8);
      expect(await fleet.purge({ run: alone.id })).toMatchObject({ runs: 1, open: 0 });
      expect(await refusal(fleet.get(alone.id))).toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    });

    test("puts and triggers schedules", async () => {
      await using w = await world();
      const nightly = schedule({ name: "nightly", cron: "0 3 * * *", target: "greet", input: { who: "Ada" } });
      expect(await w.fleet.schedules.put(nightly)).toMatchObject({ name: "nightly", state: "active" });
      expect(await (await w.fleet.schedules.trigger("nightly")).result()).toEqual({ text: "Hello, Ada" });
      expect((await w.fleet.schedules.list()).items.map((s) => s.name)).toEqual(["nightly"]);
      const bad = schedule({ name: "bad", cron: "0 3 * * *", target: "greet", input: { who: 5 } });
      expect(await refusal(w.fleet.schedules.put(bad))).toMatchObject({ code: "FLOTILLA_INPUT_INVALID" });
      await w.fleet.schedules.delete("nightly");
      expect(await refusal(w.fleet.schedules.get("nightly"))).toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    });
  });
}
