// Several orchestrators that tell the same webhook.
import { afterAll, expect, test } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import type { WebhookWant } from "../../src/store/webhooks.ts";
import { dropSchemas, openFresh } from "../postgres/stores.ts";
import { actsOf, batch, begin, now, root, settleOf } from "./rows.ts";

afterAll(dropSchemas);

const webhooks: readonly WebhookWant[] = [
  { webhook: "a", events: ["run.finished", "approval.asked"], definitions: null, namespace: null },
];
const approval = {
  act: 1,
  kind: "approval",
  key: "k",
  inputHash: "",
  askedAfter: 0,
  name: null,
  detail: "{}",
  dueAt: null,
} as const;

/** Runs that asked and ended: two calls each. */
async function fill(store: Store, boot: number, runs: number): Promise<void> {
  const tasks = Array.from({ length: runs }, (_, i) => root(i + 1, { claim: 7 }));
  await store.commit(batch({ boot, tasks }));
  await store.commit(batch({ boot, acts: tasks.map((t) => actsOf(t, 1, { waits: [approval] })), webhooks }));
  await store.commit(batch({ boot, settles: tasks.map((t) => settleOf(t, 1, { hasGate: true })), webhooks }));
}

test("calls are claimed by one each, whoever asks at once, and in the order of their run", async () => {
  const store = await openFresh();
  try {
    const { boot } = await begin(store);
    const { boot: other } = await store.boot({ nonce: "n2", pid: 2, now });
    const runs = 60;
    await fill(store, boot, runs);
    const claimed: { id: number; run: number; event: string }[] = [];
    let left = runs * 2;
    const teller = async (by: number) => {
      while (left > 0) {
        const calls = await store.webhooks.claim({ boot: by, webhook: "a", now, until: now + 60_000, limit: 5 });
        claimed.push(...calls.map(({ id, run, event }) => ({ id, run, event })));
        if (calls.length > 0) await store.webhooks.told({ boot: by, ids: calls.map((c) => c.id) });
        left -= calls.length;
      }
    };
    await Promise.all([boot, other, boot, other, boot, other].map(teller));
    expect(claimed).toHaveLength(runs * 2);
    expect(new Set(claimed.map((c) => c.id)).size).toBe(runs * 2);
    for (let run = 1; run <= runs; run++)
      expect(claimed.filter((c) => c.run === run).map((c) => c.event)).toEqual(["approval.asked", "run.finished"]);
    expect(await store.webhooks.list({ namespace: null, after: 0, limit: 1, givenUp: false })).toEqual([]);
  } finally {
    await store.close();
  }
});

test("what a life that ends had claimed is due for the others at once; it claims nothing any more", async () => {
  const store = await openFresh();
  try {
    const { boot } = await begin(store);
    const { boot: other } = await store.boot({ nonce: "n2", pid: 2, now });
    await fill(store, boot, 2);
    const claim = (by: number, at = now) =>
      store.webhooks.claim({ boot: by, webhook: "a", now: at, until: at + 60_000, limit: 5 });
    expect(await claim(boot)).toHaveLength(2);
    expect(await claim(other)).toEqual([]);
    await store.shared?.resign({ boot, now: now + 5 });
    expect((await claim(other, now + 5)).map((c) => [c.tries, c.claimedBy])).toEqual([
      [2, other],
      [2, other],
    ]);
    expect(await claim(boot, now + 100_000)).toEqual([]);
  } finally {
    await store.close();
  }
});
