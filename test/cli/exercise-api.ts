// What a client may count on, whatever carries its calls: run against an api in this process and through the socket.
import { describe, expect, it } from "vitest";
import { drawnPrefix } from "../../src/client/remote/once.ts";
import { isFlotillaError } from "../../src/core/error.ts";
import type { BulkView } from "../../src/protocol/bulk.ts";
import type { EventView, OrchestratorApi, OutcomeReply, StartRequest } from "../../src/protocol/views.ts";
import { approvalView, fakeOrchestrator, healthView, runView, secret, taskDetail, workerView } from "./fake-api.ts";
import type { FakeOrchestrator } from "./fake-api.ts";
import { scheduleView } from "./fake-schedules.ts";
import { webhookCallView } from "./fake-webhooks.ts";

export interface OpenedApi extends AsyncDisposable {
  readonly api: OrchestratorApi;
}

const succeeded: OutcomeReply = { status: "succeeded", value: '{"n":1,"text":"ü\\u0000","1":[null,1e300]}', error: null };
const ev = (n: number, type: string, data: unknown = {}): EventView => ({
  type,
  cursor: String(n),
  at: "2026-11-22T10:00:01.000Z",
  runId: runView().id,
  data,
});

/** What the caller asked for: a client from afar adds a key to what has none. */
function asked({ idempotencyKey, inputHash, ...request }: StartRequest): StartRequest {
  if (idempotencyKey?.startsWith(drawnPrefix) === true) return request;
  return {
    ...request,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(inputHash === undefined ? {} : { inputHash }),
  };
}
function said<T extends { readonly key?: string }>({ key, ...message }: T): object {
  return key === undefined || key.startsWith(drawnPrefix) ? message : { ...message, key };
}

async function collect(events: AsyncIterable<EventView>): Promise<EventView[]> {
  const all: EventView[] = [];
  for await (const e of events) all.push(e);
  return all;
}

export function exerciseApi(carrier: string, open: (fake: FakeOrchestrator) => Promise<OpenedApi>): void {
  describe(`OrchestratorApi, ${carrier}`, () => {
    it("starts runs and answers each by itself", async () => {
      const fake = fakeOrchestrator();
      await using opened = await open(fake);
      const input = '{"z":1,"a":"\\u2028 quote\\" back\\\\"}';
      const replies = opened.api.start([
        { name: "review-all", input, tags: ["x"], priority: "high", tenant: "t", delayMs: 5 },
        { name: "nobody", input: "null" },
      ]);
      expect(replies).toHaveLength(2);
      const [first, second] = await Promise.allSettled(replies);
      expect(first).toEqual({ status: "fulfilled", value: { id: runView().id, existing: false, depth: 0, pressure: "none" } });
      expect(
        second?.status === "rejected" &&
          isFlotillaError(second.reason, "FLOTILLA_UNKNOWN_DEFINITION") &&
          second.reason.details.known,
      ).toEqual(["review-all"]);
      expect(fake.started.map((r) => ({ ...asked(r), input: JSON.parse(r.input) as unknown }))).toEqual([
        { name: "review-all", input: JSON.parse(input), tags: ["x"], priority: "high", tenant: "t", delayMs: 5 },
      ]);
    });

    it("knows an idempotency key again and refuses it for another input", async () => {
      const fake = fakeOrchestrator();
      await using opened = await open(fake);
      const ask = (input: string) =>
        opened.api.start([{ name: "review-all", input, idempotencyKey: "k", inputHash: `hash of ${input}` }])[0];
      const first = await ask("1");
      expect(await ask("1")).toEqual({ ...first, existing: true });
      await expect(ask("2")).rejects.toMatchObject({
        code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
        details: { key: "k", run: first?.id },
      });
      expect(fake.started[0]?.inputHash).toBe("hash of 1");
    });

    it("waits for the outcome and gives its JSON back unchanged", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      await using opened = await open(fake);
      const waiting = opened.api.outcome(runView().id);
      fake.finish(runView({ status: "succeeded" }), succeeded);
      const outcome = await waiting;
      expect({ ...outcome, value: JSON.parse(outcome.value ?? "") as unknown }).toEqual({
        ...succeeded,
        value: JSON.parse(succeeded.value ?? ""),
      });
    });

    it("gives a failure with its error, and no value", async () => {
      const fake = fakeOrchestrator();
      const error = { code: "FLOTILLA_DECLARED", name: "Unreadable", data: { path: "a" }, message: 'Unreadable {"path":"a"}' };
      fake.finish(runView({ status: "failed" }), { status: "failed", value: null, error });
      await using opened = await open(fake);
      expect(await opened.api.outcome(runView().id)).toEqual({ status: "failed", value: null, error });
    });

    it("stops waiting when asked to", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      await using opened = await open(fake);
      const stop = new AbortController();
      const waiting = opened.api.outcome(runView().id, stop.signal);
      stop.abort();
      await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    });

    it("gives views exactly as they are", async () => {
      const fake = fakeOrchestrator();
      const run = runView({ tags: ["ü"], error: { code: "ERROR", message: "boom", stack: "at x" } });
      const task = taskDetail({ id: `t_${secret}1.3`, parentId: `t_${secret}1`, input: { deep: [1, { a: null }] } });
      const explanation = {
        task: task.id,
        state: "ready" as const,
        reason: "WORKERS_BUSY" as const,
        detail: "2 of 2 slots are busy",
        fix: ["start more"],
      };
      fake.putRun(run);
      fake.putTask(task);
      fake.putExplanation(explanation);
      const plans = [{ key: "plan>ü", result: "a", nodes: [] }];
      fake.putPlans(task.id, plans);
      const definition = { name: "a/b", kind: "agent" as const, description: "ü", inputSchema: { type: "object" } };
      fake.putDefinition(definition);
      fake.setWorkers([workerView()]);
      fake.setHealth(healthView({ uncovered: ["lint"] }));
      fake.setArtifact("a_1/x", '"text"');
      await using opened = await open(fake);
      expect(await opened.api.run(run.id)).toEqual(run);
      expect(await opened.api.task(task.id)).toEqual(task);
      expect(await opened.api.explain(task.id)).toEqual(explanation);
      expect(await opened.api.plans(task.id)).toEqual(plans);
      expect(await opened.api.definition("a/b")).toEqual(definition);
      expect(await opened.api.workers()).toEqual([workerView()]);
      expect(await opened.api.health()).toEqual(healthView({ uncovered: ["lint"] }));
      expect(await opened.api.artifact("a_1/x")).toBe('"text"');
    });

    it("starts runs that go on from others, and says which", async () => {
      const fake = fakeOrchestrator();
      const failed = runView({ id: `r_${secret}90`, status: "failed" });
      const task = taskDetail({ id: `t_${secret}90.1`, runId: failed.id, name: "review", state: "quarantined", input: { n: 1 } });
      fake.putRun(failed);
      fake.putTask(task);
      await using opened = await open(fake);
      const { api } = opened;
      const replies = [await api.repair(failed.id), await api.fork(task.id, '{"n":"ü"}'), await api.redrive(task.id)];
      const origins = [];
      for (const { id } of replies) origins.push((await api.run(id)).origin);
      expect(origins).toEqual([
        { how: "repair", of: failed.id },
        { how: "fork", of: task.id },
        { how: "redrive", of: task.id },
      ]);
      expect(fake.started.slice(1).map(asked)).toEqual([
        { name: "review", input: '{"n":"ü"}' },
        { name: "review", input: '{"n":1}' },
      ]);
      await expect(api.repair(replies[0]?.id ?? "")).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
      await expect(api.redrive("t_nobody")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    });

    it("filters and pages", async () => {
      const fake = fakeOrchestrator();
      for (let i = 1; i <= 5; i++) fake.putRun(runView({ id: `r_${secret}${i}`, name: i === 3 ? "other" : "review-all" }));
      fake.putTask(taskDetail());
      fake.putTask(taskDetail({ id: `t_${secret}1.1`, state: "failed", name: "review" }));
      await using opened = await open(fake);
      const first = await opened.api.runs({ name: "review-all", limit: 3 });
      expect(first.items.map((r) => r.id.slice(-1))).toEqual(["5", "4", "2"]);
      const second = await opened.api.runs({
        name: "review-all",
        limit: 3,
        ...(first.next === null ? {} : { after: first.next }),
      });
      expect(second).toMatchObject({ items: [{ id: `r_${secret}1` }], next: null });
      expect((await opened.api.tasks({ run: runView().id, state: "failed" })).items.map((t) => t.name)).toEqual(["review"]);
      expect((await opened.api.runs({ status: "failed" })).items).toEqual([]);
    });

    it("cancels with the reason given", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      await using opened = await open(fake);
      await opened.api.cancel(runView().id, "no longer needed");
      expect(fake.canceled).toEqual([{ id: runView().id, reason: "no longer needed" }]);
    });

    it("purges what is named, and refuses what is open", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView({ status: "succeeded" }));
      fake.putRun(runView({ id: `r_${secret}2` }));
      await using opened = await open(fake);
      expect(await opened.api.purge({ run: runView().id })).toEqual({ runs: 1, tasks: 11, open: 0 });
      expect(await opened.api.purge({ tenant: "acme" })).toEqual({ runs: 1, tasks: 11, open: 2 });
      await expect(opened.api.purge({ run: `r_${secret}2` })).rejects.toMatchObject({ code: "FLOTILLA_STILL_OPEN" });
      expect(fake.purged).toEqual([{ run: runView().id }, { tenant: "acme" }]);
    });

    it("counts what a filter finds, and does it to no more than was counted", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      fake.putRun(runView({ id: `r_${secret}2` }));
      fake.putRun(runView({ id: `r_${secret}3`, name: "else" }));
      await using opened = await open(fake);
      const bulk = async (expect?: number) => {
        const request = { action: "cancel", where: { name: "review-all" }, reason: "ü" } as const;
        let last: BulkView | undefined;
        for await (const view of opened.api.bulk(expect === undefined ? request : { ...request, expect })) last = view;
        return last;
      };
      const counted = await bulk();
      expect(counted).toMatchObject({ phase: "done", count: 2, done: 0, examples: [`r_${secret}2`, runView().id] });
      expect(fake.canceled).toEqual([]);
      await expect(bulk(1)).rejects.toMatchObject({
        code: "FLOTILLA_BULK_GREW",
        details: { action: "cancel", expected: 1, found: 2 },
      });
      expect(await bulk(2)).toMatchObject({ phase: "done", count: 2, done: 2 });
      expect(fake.canceled.map((c) => c.reason)).toEqual(["ü", "ü"]);
    });

    it("takes a backup into the folder named", async () => {
      const fake = fakeOrchestrator();
      await using opened = await open(fake);
      expect(await opened.api.backup("/b/ü")).toEqual({ folder: "/b/ü", schema: 1, bytes: 4096, artifacts: 3, missing: [] });
      expect(fake.backups).toEqual(["/b/ü"]);
    });

    it("sends messages to runs and tasks, each key once", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      fake.putTask(taskDetail({ id: `t_${secret}1.2` }));
      await using opened = await open(fake);
      const value = '{"at":"\\u2028","n":[1e300,null]}';
      await opened.api.send(runView().id, { name: "invoice.paid", value, key: "k" });
      await opened.api.send(runView().id, { name: "invoice.paid", value: "2", key: "k" });
      await opened.api.send(`t_${secret}1.2`, { name: "go", value: "null" });
      expect(fake.sent.map((m) => ({ ...said(m), value: JSON.parse(m.value) as unknown }))).toEqual([
        { id: runView().id, name: "invoice.paid", value: JSON.parse(value) as unknown, key: "k" },
        { id: `t_${secret}1.2`, name: "go", value: null },
      ]);
      fake.putRun(runView({ status: "succeeded" }));
      await expect(opened.api.send(runView().id, { name: "late", value: "1" })).rejects.toMatchObject({
        code: "FLOTILLA_TOO_LATE",
      });
    });

    it("asks running code about its state", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      fake.putAnswer(runView().id, "how far/%", '{"done":"ü"}');
      await using opened = await open(fake);
      expect(JSON.parse(await opened.api.query(runView().id, "how far/%"))).toEqual({ done: "ü" });
      await expect(opened.api.query(runView().id, "else")).rejects.toMatchObject({
        code: "FLOTILLA_NOT_FOUND",
        details: { what: "query (it answers how far/%)", id: "else" },
      });
    });

    it("lists open approvals, the oldest first, and shows each", async () => {
      const fake = fakeOrchestrator();
      const asked = [1, 2, 3].map((n) =>
        approvalView({ id: `a_${secret}1.${n}`, title: `ü ${n}`, value: { n }, valueSchema: {} }),
      );
      for (const a of asked) fake.putApproval(a);
      await using opened = await open(fake);
      const first = await opened.api.approvals({ limit: 2 });
      expect(first).toEqual({ items: asked.slice(0, 2), next: asked[1]?.id });
      expect(await opened.api.approvals({ limit: 2, after: first.next ?? "" })).toEqual({ items: asked.slice(2), next: null });
      expect(await opened.api.approval(`a_${secret}1.2`)).toEqual(asked[1]);
    });

    it("answers an approval once, with what was said", async () => {
      const fake = fakeOrchestrator();
      const edit = { value: { to: "a" }, valueSchema: { type: "object", properties: { to: { type: "string" } } } };
      for (const n of [1, 2, 3]) fake.putApproval(approvalView({ id: `a_${secret}1.${n}`, ...edit }));
      await using opened = await open(fake);
      const id = (n: number) => `a_${secret}1.${n}`;
      await expect(opened.api.approve(id(1), { value: '{"to":5}' })).rejects.toMatchObject({
        code: "FLOTILLA_INPUT_INVALID",
        details: { issues: [{ path: ["to"] }] },
      });
      await opened.api.approve(id(1), { by: "ada", note: "fine", value: '{"to":"ü"}' });
      await opened.api.approve(id(2), {});
      await opened.api.reject(id(3), { by: "bo", reason: "not today" });
      expect(fake.answered).toEqual([
        { id: id(1), how: "approved", by: "ada", note: "fine", value: { to: "ü" } },
        { id: id(2), how: "approved" },
        { id: id(3), how: "rejected", by: "bo", reason: "not today" },
      ]);
      await expect(opened.api.approve(id(3), { value: '{"to":"x"}' })).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
      expect((await opened.api.approvals({})).items).toEqual([]);
    });

    it("keeps an edited value that is null apart from none", async () => {
      const fake = fakeOrchestrator();
      fake.putApproval(approvalView());
      await using opened = await open(fake);
      await opened.api.approve(approvalView().id, { value: "null" });
      expect(fake.answered).toEqual([{ id: approvalView().id, how: "approved", value: null }]);
    });

    it("gives what a partial run did without", async () => {
      const fake = fakeOrchestrator();
      const gaps = { total: 2, named: [{ index: 1, key: "ü", task: `t_${secret}1.2`, status: "failed", input: { path: "a" } }] };
      fake.finish(runView({ status: "partial", gaps }), {
        status: "partial",
        value: "[1]",
        error: null,
        gaps: JSON.stringify(gaps),
      });
      await using opened = await open(fake);
      const outcome = await opened.api.outcome(runView().id);
      expect([outcome.status, JSON.parse(outcome.gaps ?? "")]).toEqual(["partial", gaps]);
      expect((await opened.api.run(runView().id)).gaps).toEqual(gaps);
    });

    it("drains workers, and takes it back", async () => {
      const fake = fakeOrchestrator();
      fake.setWorkers([workerView()]);
      await using opened = await open(fake);
      const { build, name } = workerView();
      expect(await opened.api.drainWorkers({ build, park: true })).toEqual({ workers: [name] });
      expect(await opened.api.drainWorkers({ worker: name })).toEqual({ workers: [name] });
      expect(fake.drained).toEqual([{ build, park: true }, { worker: name }]);
      await opened.api.resumeBuild(build);
      expect(fake.drained).toEqual([{ worker: name }]);
      const unknown = { code: "FLOTILLA_NOT_FOUND", details: { what: "drained build", id: build } };
      await expect(opened.api.resumeBuild(build)).rejects.toMatchObject(unknown);
      await expect(opened.api.drainWorkers({ build: "b9" })).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    });

    it("says what it does not know", async () => {
      await using opened = await open(fakeOrchestrator());
      const unknown = { code: "FLOTILLA_NOT_FOUND" };
      await expect(opened.api.run("r_x")).rejects.toMatchObject({ ...unknown, details: { what: "run", id: "r_x" } });
      await expect(opened.api.task("t_x")).rejects.toMatchObject(unknown);
      await expect(opened.api.outcome("r_x")).rejects.toMatchObject(unknown);
      await expect(opened.api.cancel("r_x", "why")).rejects.toMatchObject(unknown);
      await expect(opened.api.send("r_x", { name: "m", value: "1" })).rejects.toMatchObject(unknown);
      await expect(opened.api.query("r_x", "q")).rejects.toMatchObject(unknown);
      await expect(opened.api.approval("a_x")).rejects.toMatchObject(unknown);
      await expect(opened.api.approve("a_x", {})).rejects.toMatchObject(unknown);
      await expect(opened.api.reject("a_x", { reason: "no" })).rejects.toMatchObject(unknown);
      await expect(opened.api.definition("nobody")).rejects.toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION" });
    });

    it("streams events from the cursor on, until the run ends", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      fake.emit(ev(1, "run.started"));
      fake.emit(ev(2, "custom", { name: "a", value: "line\nbreak" }));
      await using opened = await open(fake);
      const seen: EventView[] = [];
      for await (const e of opened.api.events(runView().id, { after: "1" })) {
        seen.push(e);
        if (e.cursor === "2") fake.emit({ ...ev(0, "task.progress", { done: 1 }), cursor: "" });
        if (e.type === "task.progress") fake.finish(runView({ status: "succeeded" }), succeeded);
      }
      expect(seen.map((e) => e.type)).toEqual(["custom", "task.progress", "run.finished"]);
      expect(seen[0]).toEqual(ev(2, "custom", { name: "a", value: "line\nbreak" }));
    });

    it("lists what webhooks are not told yet, and tells again what was given up", async () => {
      const fake = fakeOrchestrator();
      await using opened = await open(fake);
      const { webhooks } = opened.api;
      expect(await webhooks.calls({})).toEqual({ items: [], next: null });
      const waiting = webhookCallView("3");
      const givenUp = webhookCallView("7", { state: "given up", nextAt: null, problem: "HTTP 500", tries: 41 });
      fake.webhookCalls.push(waiting, givenUp);
      expect(await webhooks.calls({ limit: 1 })).toEqual({ items: [waiting], next: "3" });
      expect((await webhooks.calls({ after: "3" })).items).toEqual([givenUp]);
      expect((await webhooks.calls({ givenUp: true })).items).toEqual([givenUp]);
      expect((await webhooks.calls({ givenUp: false })).items).toHaveLength(2);
      expect(await webhooks.retry("7")).toMatchObject({ id: "7", state: "waiting", tries: 0 });
      await expect(webhooks.retry("3")).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
      await expect(webhooks.retry("9")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    });

    it("puts, shows, stops and triggers schedules, also one whose name needs escaping", async () => {
      const fake = fakeOrchestrator();
      await using opened = await open(fake);
      const { schedules } = opened.api;
      const request = {
        name: "team.fr/night:ly",
        target: "review-all",
        input: '{"z":1,"a":"\\u2028"}',
        everyMs: 60_000,
      } as const;
      const view = scheduleView(request);
      expect(await schedules.put(request)).toEqual(view);
      expect(await schedules.get(request.name)).toEqual(view);
      await schedules.put({ ...request, name: "a", cron: "0 3 * * *", timeZone: "UTC", onMissed: "all", overlap: "allow" });
      const page = await schedules.list({ limit: 1 });
      expect([page.items.map((s) => s.name), page.next]).toEqual([["a"], "a"]);
      expect((await schedules.list({ after: "a" })).items).toEqual([view]);
      expect(await schedules.pause("a")).toMatchObject({ name: "a", state: "paused", nextAt: null });
      expect(await schedules.resume("a")).toMatchObject({ state: "active" });
      const reply = await schedules.trigger(request.name);
      expect(fake.started.map((r) => [r.name, JSON.parse(r.input) as unknown])).toEqual([
        ["review-all", JSON.parse(request.input)],
      ]);
      expect(await opened.api.run(reply.id)).toMatchObject({ id: reply.id });
      expect(await schedules.delete("a")).toBeUndefined();
      for (const call of ["get", "pause", "resume", "delete", "trigger"] as const)
        await expect(schedules[call]("a")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND", details: { id: "a" } });
      await expect(schedules.put({ ...request, cron: "never" })).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    });

    it("streams only the types asked for", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      fake.emit(ev(1, "run.started"));
      fake.finish(runView({ status: "succeeded" }), succeeded);
      await using opened = await open(fake);
      const seen = await collect(opened.api.events(runView().id, { types: ["run.finished", "custom"] }));
      expect(seen.map((e) => e.type)).toEqual(["run.finished"]);
    });

    it("leaves no reader behind when the caller breaks off or aborts", async () => {
      const fake = fakeOrchestrator();
      fake.putRun(runView());
      fake.emit(ev(1, "run.started"));
      await using opened = await open(fake);
      for await (const _ of opened.api.events(runView().id, {})) break;
      const stop = new AbortController();
      const rest = collect(opened.api.events(runView().id, { after: "1", signal: stop.signal }));
      await fake.readerCame();
      stop.abort();
      expect(await rest).toEqual([]);
      await fake.readersGone();
    });
  });
}
