// What every store must do with what is to be told to webhooks.
import { describe, expect, test } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import type { WebhookCall, WebhookWant } from "../../src/store/webhooks.ts";
import type { Exercise } from "./exercise-store.ts";
import { actsOf, batch, begin, child, failure, now, refusal, requeueOf, root, runningRoot, settleOf } from "./rows.ts";

const want = (over: Partial<WebhookWant> = {}): WebhookWant => ({
  webhook: "a",
  events: ["run.finished", "approval.asked"],
  definitions: null,
  namespace: null,
  ...over,
});
const webhooks = [want()];

const approval = (act: number) => ({
  act,
  kind: "approval" as const,
  key: `approve:${act}`,
  inputHash: "",
  askedAfter: 0,
  name: null,
  detail: JSON.stringify({ title: "Deploy?", role: "ops", diff: "long" }),
  dueAt: now + 99,
});

export function exerciseWebhooks(name: string, o: Exercise): void {
  const it = (title: string, body: (store: Store) => Promise<void>) =>
    test(title, async () => {
      const store = await o.open();
      try {
        await begin(store);
        await body(store);
      } finally {
        await store.close();
      }
    });
  const list = (store: Store, givenUp = false) =>
    Promise.resolve(store.webhooks.list({ namespace: null, after: 0, limit: 100, givenUp }));
  const claim = async (store: Store, over: Partial<Parameters<Store["webhooks"]["claim"]>[0]> = {}) => [
    ...(await store.webhooks.claim({ boot: 1, webhook: "a", now, until: now + 60, limit: 10, ...over })),
  ];
  /** Runs that end, one after the other. */
  const finish = async (store: Store, ids: readonly number[], wants = webhooks) => {
    for (const id of ids) {
      const task = await runningRoot(store, id);
      await store.commit(batch({ settles: [settleOf(task, 1)], webhooks: wants }));
    }
  };
  const tell = (store: Store, calls: readonly WebhookCall[]) => store.webhooks.told({ boot: 1, ids: calls.map((c) => c.id) });

  describe(`${name}: webhooks`, () => {
    it("the end of a run is stored with it, for each webhook that wants it", async (store) => {
      const task = root(1, { claim: 7, tenant: "acme" });
      await store.commit(batch({ tasks: [task], webhooks }));
      expect(await list(store)).toEqual([]);
      const wants = [
        want(),
        want({ webhook: "b", definitions: ["work"] }),
        want({ webhook: "c", definitions: ["other"] }),
        want({ webhook: "e", namespace: "default" }),
        want({ webhook: "f", namespace: "other" }),
        want({ webhook: "d", events: ["approval.asked"] }),
      ];
      const { webhookCalls } = await store.commit(
        batch({ settles: [settleOf(task, 1, { status: "failed", value: null, error: failure })], webhooks: wants }),
      );
      expect(webhookCalls).toBe(3);
      const calls = await list(store);
      expect(calls.map((c) => c.webhook)).toEqual(["a", "b", "e"]);
      expect(calls[0]).toMatchObject({
        event: "run.finished",
        at: now,
        run: 1,
        secret: task.secret,
        definition: "work",
        namespace: "default",
        tenant: "acme",
        path: null,
        act: null,
        status: "failed",
        tries: 0,
        dueAt: now,
        claimedBy: null,
        problem: null,
      });
      const within = (namespace: string) => store.webhooks.list({ namespace, after: 0, limit: 2, givenUp: false });
      expect([(await within("default")).length, (await within("other")).length]).toEqual([2, 0]);
      expect(JSON.parse(calls[0]?.detail ?? "")).toEqual({ code: failure.code, message: failure.message });
    });

    it("without webhooks nothing is stored, nor for the end of a child or of a fenced attempt", async (store) => {
      const task = await runningRoot(store);
      const kid = child(2, task, 1, { claim: 7 });
      await store.commit(batch({ acts: [actsOf(task, 1, { children: [kid] })] }));
      const { webhookCalls } = await store.commit(batch({ settles: [settleOf(kid, 1), settleOf(task, 2)], webhooks }));
      expect(webhookCalls).toBe(0);
      await store.commit(batch({ settles: [settleOf(task, 1)] }));
      expect(await list(store)).toEqual([]);
    });

    it("a run that a cancel, a deadline or its start itself closes is told as well, once", async (store) => {
      await store.commit(
        batch({
          tasks: [
            root(1),
            root(2, { terms: { deadlineAt: now - 1, ttlAt: null, schedule: null } }),
            root(3, { refused: refusal }),
          ],
          webhooks,
        }),
      );
      expect((await list(store)).map((c) => [c.run, c.status])).toEqual([[3, "failed"]]);
      await store.commit(batch({ cancels: [{ task: 1, reason: "enough" }], dueSlice: 10, webhooks }));
      await store.commit(batch({ cancels: [{ task: 1, reason: "enough" }], webhooks }));
      const told = (await list(store)).map((c) => `${c.run} ${c.status}`);
      expect(told.toSorted()).toEqual(["1 canceled", "2 failed", "3 failed"]);
    });

    it("an attempt that is tried again tells nothing", async (store) => {
      const task = await runningRoot(store);
      const next = { to: "ready", attempt: 1, crashes: 0, alone: false } as const;
      await store.commit(batch({ requeues: [requeueOf(task, 1, next)], webhooks }));
      expect(await list(store)).toEqual([]);
    });

    it("a question to people is told with its task's path, and nothing of its diff", async (store) => {
      const task = await runningRoot(store);
      const kid = child(2, task, 1, { claim: 7 });
      await store.commit(batch({ acts: [actsOf(task, 1, { children: [kid], waits: [approval(2)] })], webhooks }));
      await store.commit(batch({ acts: [actsOf(kid, 1, { waits: [approval(1)] })], webhooks }));
      const calls = await list(store);
      expect(calls.map((c) => [c.event, c.run, c.path, c.act, c.status])).toEqual([
        ["approval.asked", 1, null, 2, null],
        ["approval.asked", 1, "1", 1, null],
      ]);
      expect(JSON.parse(calls[0]?.detail ?? "")).toEqual({ title: "Deploy?", role: "ops", expiresAt: now + 99 });
    });

    it("a claim is one orchestrator's until it runs out", async (store) => {
      await finish(store, [1, 2]);
      const [first] = await claim(store, { limit: 1 });
      expect(first).toMatchObject({ run: 1, tries: 1, claimedBy: 1, dueAt: now + 60 });
      expect((await claim(store)).map((c) => c.run)).toEqual([2]);
      expect(await claim(store, { now: now + 59 })).toEqual([]);
      expect(await store.webhooks.nextAt({ webhook: "a" })).toBe(now + 60);
      expect((await claim(store, { now: now + 60, until: now + 120 })).map((c) => [c.run, c.tries])).toEqual([
        [1, 2],
        [2, 2],
      ]);
      expect(await claim(store, { webhook: "b" })).toEqual([]);
    });

    it("what was told goes, whoever has claimed it since", async (store) => {
      await finish(store, [1, 2]);
      const calls = await claim(store);
      await claim(store, { now: now + 60, until: now + 120 });
      await tell(store, calls.slice(0, 1));
      expect((await list(store)).map((c) => c.run)).toEqual([2]);
    });

    it("what failed is due again then, unless it was claimed anew since", async (store) => {
      await finish(store, [1]);
      const [old] = (await claim(store)) as [WebhookCall];
      const [anew] = (await claim(store, { now: now + 60, until: now + 120 })) as [WebhookCall];
      const failed = (call: WebhookCall, dueAt: number | null) =>
        store.webhooks.failed({ boot: 1, calls: [{ id: call.id, tries: call.tries, dueAt, problem: "HTTP 500" }] });
      await failed(old, now + 61);
      expect((await list(store))[0]).toMatchObject({ dueAt: now + 120, problem: null });
      await failed(anew, now + 200);
      expect((await list(store))[0]).toMatchObject({ dueAt: now + 200, problem: "HTTP 500", claimedBy: null, tries: 2 });
      expect(await store.webhooks.nextAt({ webhook: "a" })).toBe(now + 200);
    });

    it("within a run calls go in the order of creation; other runs and webhooks do not wait for them", async (store) => {
      const task = await runningRoot(store);
      const both = [want(), want({ webhook: "b" })];
      await store.commit(batch({ acts: [actsOf(task, 1, { waits: [approval(1), approval(2)] })], webhooks: both }));
      await store.commit(batch({ settles: [settleOf(task, 1, { hasGate: true })], webhooks: both }));
      await finish(store, [5]);
      const said = (calls: readonly WebhookCall[]) => calls.map((c) => [c.run, c.act]);
      const first = await claim(store);
      expect(said(first)).toEqual([
        [1, 1],
        [5, null],
      ]);
      expect(await claim(store)).toEqual([]);
      expect(said(await claim(store, { webhook: "b" }))).toEqual([[1, 1]]);
      const [head] = first as [WebhookCall];
      await store.webhooks.failed({ boot: 1, calls: [{ id: head.id, tries: 1, dueAt: now + 30, problem: "x" }] });
      expect(await claim(store)).toEqual([]);
      // The next one in turn is the one that failed.
      expect(await store.webhooks.nextAt({ webhook: "a" })).toBe(now + 30);
      const again = await claim(store, { now: now + 30 });
      expect(said(again)).toEqual([[1, 1]]);
      await tell(store, again);
      expect(said(await claim(store, { now: now + 30 }))).toEqual([[1, 2]]);
    });

    it("what was given up holds nobody up, is kept to be looked at, and can be tried again", async (store) => {
      const task = await runningRoot(store);
      await store.commit(batch({ acts: [actsOf(task, 1, { waits: [approval(1)] })], webhooks }));
      await store.commit(batch({ settles: [settleOf(task, 1, { hasGate: true })], webhooks }));
      const [head] = (await claim(store)) as [WebhookCall];
      await store.webhooks.failed({ boot: 1, calls: [{ id: head.id, tries: 1, dueAt: null, problem: "HTTP 410" }] });
      expect((await list(store, true)).map((c) => [c.id, c.dueAt, c.problem])).toEqual([[head.id, null, "HTTP 410"]]);
      expect((await claim(store)).map((c) => c.event)).toEqual(["run.finished"]);
      expect(await store.webhooks.revive({ boot: 1, now: now + 5, ids: [head.id, head.id + 1, 99] })).toBe(1);
      expect((await claim(store, { now: now + 5 })).map((c) => [c.id, c.tries])).toEqual([[head.id, 1]]);
    });

    it("tidying gives up what no webhook takes, and deletes what was given up long ago", async (store) => {
      await finish(store, [1], [want(), want({ webhook: "gone" })]);
      const tidy = (strayBefore: number, keptBefore: number) =>
        store.webhooks.tidy({ boot: 1, known: ["a"], strayBefore, keptBefore });
      await tidy(now, now);
      expect(await list(store, true)).toEqual([]);
      await tidy(now + 1, now);
      expect((await list(store, true)).map((c) => c.webhook)).toEqual(["gone"]);
      await tidy(now + 1, now + 1);
      expect((await list(store)).map((c) => [c.webhook, c.dueAt])).toEqual([["a", now]]);
    });

    it("what retention deletes is told all the same; a purge leaves nothing of it", async (store) => {
      await finish(store, [1, 2]);
      const pruned = await store.upkeep.prune({
        boot: 1,
        now: now + 10,
        succeededBefore: now + 5,
        failedBefore: now + 5,
        idempotencyForMs: 0,
        slice: 100,
      });
      expect(pruned.runs).toBe(2);
      expect((await list(store)).map((c) => c.run)).toEqual([1, 2]);
      await finish(store, [3, 4]);
      await store.upkeep.purge({ boot: 1, what: { run: 3 }, slice: 100 });
      expect((await list(store)).map((c) => c.run)).toEqual([1, 2, 4]);
    });

    test.skipIf(o.reopen === null)("a claim of a life that died is given back, and the call is the same", async () => {
      const store = await o.open();
      await begin(store);
      await finish(store, [1]);
      const [claimed] = (await claim(store)) as [WebhookCall];
      const next = (await o.reopen?.(store)) as Store;
      try {
        const { boot } = await next.boot({ nonce: "n2", pid: 1, now: now + 1 });
        const again = await claim(next, { boot, now: now + 61, until: now + 200 });
        expect(again).toEqual([{ ...claimed, tries: 2, claimedBy: boot, dueAt: now + 200 }]);
      } finally {
        await next.close();
      }
    });
  });
}
