// What every store must do with namespaces, which are walls, and with tokens, which open them.
import { describe, expect, test } from "vitest";
import type { NewToken } from "../../src/store/access.ts";
import type { Store } from "../../src/store/contract.ts";
import type { Exercise } from "./exercise-store.ts";
import { actsOf, batch, begin, now, root, settleOf } from "./rows.ts";

const token = (n: number, over: Partial<NewToken> = {}): NewToken => ({
  id: `tok_${n}`,
  hash: String(n).repeat(64).slice(0, 64),
  name: `token ${n}`,
  role: "viewer",
  namespace: 1,
  expiresAt: null,
  ...over,
});

/** `upkeep`: it deletes, and knows who uses which artifact. */
export function exerciseAccess(name: string, o: Exercise & { readonly upkeep: boolean }): void {
  const it = (title: string, body: (store: Store) => Promise<void>, run: boolean = true) =>
    test.runIf(run)(title, async () => {
      const store = await o.open();
      try {
        await begin(store);
        await body(store);
      } finally {
        await store.close();
      }
    });
  /** A second namespace, with a definition and a lane of its own. */
  const second = async (store: Store): Promise<number> => {
    const id = await store.access.internNamespace({ boot: 1, name: "acme" });
    await store.catalogue.defineAll({
      boot: 1,
      definitions: [{ id: 2, namespace: id, name: "work", card: "{}" }],
      lanes: [{ id: 2, definition: 2, needs: [], build: "" }],
    });
    return id;
  };
  const rootOf = (id: number, namespace: number, over: Parameters<typeof root>[1] = {}) =>
    root(id, namespace === 1 ? over : { namespace, definition: 2, lane: 2, ...over });

  describe(`${name}: namespaces`, () => {
    it("a namespace has one number, whoever asks how often", async (store) => {
      expect(await store.access.namespace("default")).toBe(1);
      expect(await store.access.namespace("acme")).toBeNull();
      const id = await store.access.internNamespace({ boot: 1, name: "acme" });
      expect(await store.access.internNamespace({ boot: 1, name: "acme" })).toBe(id);
      expect(await store.access.internNamespace({ boot: 1, name: "default" })).toBe(1);
      expect(id).toBeGreaterThan(1);
      const beta = await store.access.internNamespace({ boot: 1, name: "beta" });
      expect(await store.access.namespaces({ after: "", limit: 2 })).toEqual([
        { id, name: "acme" },
        { id: beta, name: "beta" },
      ]);
      expect(await store.access.namespaces({ after: "beta", limit: 2 })).toEqual([{ id: 1, name: "default" }]);
    });

    it("a name is a definition's own within its namespace", async (store) => {
      const acme = await second(store);
      const { definitions } = await store.catalogue.read();
      expect(definitions.filter((d) => d.name === "work").toSorted((a, b) => a.id - b.id)).toEqual([
        { id: 1, namespace: 1, name: "work", card: "null" },
        { id: 2, namespace: acme, name: "work", card: "{}" },
      ]);
    });

    it("tasks say whose they are, and lists of runs are of one namespace", async (store) => {
      const acme = await second(store);
      await store.commit(batch({ tasks: [rootOf(1, 1), rootOf(2, acme), rootOf(3, 1)] }));
      expect((await store.tasks.get([1, 2])).map((t) => [t.id, t.namespace])).toEqual([
        [1, 1],
        [2, acme],
      ]);
      const list = async (namespace: number) =>
        (await store.runs.list({ namespace, definition: null, status: null, before: null, limit: 9 })).map((r) => r.task.id);
      expect([await list(1), await list(acme), await list(99)]).toEqual([[3, 1], [2], []]);
    });

    it("the same key starts a run in each namespace", async (store) => {
      const acme = await second(store);
      const idempotency = { key: "k", inputHash: "h" };
      const { existing } = await store.commit(
        batch({
          tasks: [
            rootOf(1, 1, { idempotency }),
            // The same definition's number, so that nothing but the namespace tells the keys apart.
            rootOf(2, acme, { idempotency, definition: 1 }),
            rootOf(3, acme, { idempotency, definition: 1 }),
          ],
        }),
      );
      expect([...existing.keys()]).toEqual([2]);
      expect(existing.get(2)?.task).toBe(2);
    });

    it("lists of approvals are of one namespace", async (store) => {
      const acme = await second(store);
      for (const task of [rootOf(1, 1, { claim: 7 }), rootOf(2, acme, { claim: 7 })]) {
        await store.commit(batch({ tasks: [task] }));
        const wait = { act: 1, kind: "approval", key: "k", inputHash: "h", askedAfter: 0, name: null, detail: "{}" } as const;
        await store.commit(batch({ acts: [actsOf(task, 1, { waits: [{ ...wait, dueAt: null }] })] }));
      }
      const list = async (namespace: number) =>
        (await store.tasks.approvals({ namespace, after: null, limit: 9 })).map((w) => w.task);
      expect([await list(1), await list(acme), await list(99)]).toEqual([[1], [2], []]);
    });

    it("a schedule's name is its own within a namespace, and its runs lie there", async (store) => {
      const acme = await second(store);
      for (const namespace of [1, acme]) {
        const put = { boot: 1, namespace, name: "s", origin: "code", spec: "{}", before: null, nextAt: now, now } as const;
        expect(await store.schedules.put({ ...put, input: String(namespace) })).toBe(true);
      }
      const row = await store.schedules.get({ namespace: acme, name: "s" });
      expect(row).toMatchObject({ namespace: acme, input: String(acme) });
      expect((await store.schedules.due({ now, limit: 9 })).map((s) => s.namespace)).toEqual([1, acme]);
      expect((await store.schedules.list({ namespace: acme, after: "", limit: 9 })).map((s) => s.input)).toEqual([String(acme)]);
      expect(await store.schedules.fromCode({ namespace: acme })).toEqual(["s"]);
      const tick = { schedule: row?.id ?? 0, rev: 1, nextAt: now, movedTo: null, lastAt: now, alone: false, skipped: null };
      await store.commit(batch({ ticks: [{ ...tick, runs: [{ key: "k", inputHash: "h", task: rootOf(1, acme) }] }] }));
      expect(await store.tasks.get([1])).toMatchObject([{ namespace: acme }]);
      expect(await store.schedules.delete({ boot: 1, namespace: acme, name: "s" })).toBe(true);
      expect(await store.schedules.delete({ boot: 1, namespace: acme, name: "s" })).toBe(false);
      expect(await store.schedules.get({ namespace: 1, name: "s" })).toMatchObject({ input: "1" });
    });

    it(
      "a tenant is purged in one namespace only",
      async (store) => {
        const acme = await second(store);
        const tasks = [rootOf(1, 1, { claim: 7, tenant: "t" }), rootOf(2, acme, { claim: 7, tenant: "t" })];
        await store.commit(batch({ tasks }));
        await store.commit(batch({ settles: tasks.map((t) => settleOf(t, 1)) }));
        for (let after = 0, more = true; more;)
          ({ after, more } = await store.upkeep.purge({ boot: 1, what: { namespace: acme, tenant: "t", after }, slice: 500 }));
        expect((await store.tasks.get([1, 2])).map((t) => t.id)).toEqual([1]);
      },
      o.upkeep,
    );

    it(
      "retention comes by every namespace",
      async (store) => {
        const acme = await second(store);
        await store.access.internNamespace({ boot: 1, name: "empty" });
        const tasks = [rootOf(1, 1, { claim: 7 }), rootOf(2, acme, { claim: 7 }), rootOf(3, 1, { claim: 7 }), rootOf(4, acme)];
        await store.commit(batch({ tasks }));
        await store.commit(batch({ settles: tasks.slice(0, 3).map((t) => settleOf(t, 1)) }));
        const before = { succeededBefore: now + 10, failedBefore: null, idempotencyForMs: 0 };
        const round = async () => {
          let looked = 0;
          for (let more = true; more;) {
            const slice = await store.upkeep.prune({ boot: 1, now: now + 20, ...before, slice: 500 });
            ({ more } = slice);
            looked += slice.looked;
          }
          return looked;
        };
        await round();
        expect((await store.tasks.get([1, 2, 3, 4])).map((t) => t.id)).toEqual([4]);
        // And again from the first: what ended since is met.
        await store.commit(batch({ tasks: [rootOf(5, 1, { claim: 7 })] }));
        await store.commit(batch({ settles: [settleOf(rootOf(5, 1), 1)] }));
        await round();
        expect((await store.tasks.get([4, 5])).map((t) => t.id)).toEqual([4]);
      },
      o.upkeep,
    );

    it(
      "an artifact is held where a run uses it",
      async (store) => {
        const acme = await second(store);
        await store.commit(batch({ tasks: [rootOf(1, acme)] }));
        const hash = "a".repeat(64);
        await store.upkeep.use({ boot: 1, uses: [{ hash, run: 1 }] });
        const held = async (namespace: number) => store.access.holdsArtifact({ namespace, hash });
        expect([await held(1), await held(acme)]).toEqual([false, true]);
      },
      o.upkeep,
    );
  });

  describe(`${name}: tokens`, () => {
    it("is found by its hash alone, with what it may", async (store) => {
      await store.access.addToken({ boot: 1, token: token(1, { role: "operator", expiresAt: now + 5 }), now });
      await store.access.addToken({ boot: 1, token: token(2, { role: "admin", namespace: null }), now: now + 1 });
      expect(await store.access.tokenByHash("1".repeat(64))).toEqual({
        id: "tok_1",
        name: "token 1",
        role: "operator",
        namespace: { id: 1, name: "default" },
        createdAt: now,
        expiresAt: now + 5,
        revokedAt: null,
        lastUsedAt: null,
      });
      expect(await store.access.tokenByHash("2".repeat(64))).toMatchObject({ role: "admin", namespace: null });
      expect(await store.access.tokenByHash("tok_1")).toBeNull();
    });

    it("lists in the order of their making, page by page, of one namespace or of all", async (store) => {
      const acme = await store.access.internNamespace({ boot: 1, name: "acme" });
      const namespaces = [1, acme, null, 1];
      for (const [i, namespace] of namespaces.entries())
        await store.access.addToken({ boot: 1, token: token(9 - i, { namespace }), now });
      const list = async (namespace: number | null, after: string | null, limit: number) =>
        (await store.access.tokens({ namespace, after, limit })).map((t) => t.id);
      expect(await list(null, null, 3)).toEqual(["tok_9", "tok_8", "tok_7"]);
      expect(await list(null, "tok_7", 3)).toEqual(["tok_6"]);
      expect(await list(1, null, 9)).toEqual(["tok_9", "tok_6"]);
      expect(await list(acme, null, 9)).toEqual(["tok_8"]);
    });

    it("a token is revoked once and for all, by those of its namespace", async (store) => {
      await store.access.addToken({ boot: 1, token: token(1), now });
      const revoke = async (namespace: number | null, at: number) =>
        store.access.revokeToken({ boot: 1, id: "tok_1", namespace, now: at });
      expect(await revoke(2, now + 1)).toBe(false);
      expect(await store.access.tokenByHash("1".repeat(64))).toMatchObject({ revokedAt: null });
      expect(await revoke(1, now + 2)).toBe(true);
      expect(await revoke(null, now + 3)).toBe(true);
      expect(await store.access.tokenByHash("1".repeat(64))).toMatchObject({ revokedAt: now + 2 });
      expect(await store.access.revokeToken({ boot: 1, id: "tok_2", namespace: null, now })).toBe(false);
    });

    it("when a token was last used never goes back", async (store) => {
      await store.access.addToken({ boot: 1, token: token(1), now });
      const used = async (at: number) => {
        await store.access.tokensUsed({
          boot: 1,
          uses: [
            { id: "tok_1", at },
            { id: "tok_gone", at },
          ],
        });
        return (await store.access.tokenByHash("1".repeat(64)))?.lastUsedAt;
      };
      expect([await used(now + 10), await used(now + 5), await used(now + 20)]).toEqual([now + 10, now + 10, now + 20]);
    });

    it("neither a token's name nor its hash is given twice", async (store) => {
      await store.access.addToken({ boot: 1, token: token(1), now });
      await expect((async () => store.access.addToken({ boot: 1, token: token(1, { hash: "x" }), now }))()).rejects.toThrow();
      await expect((async () => store.access.addToken({ boot: 1, token: token(1, { id: "x" }), now }))()).rejects.toThrow();
      expect(await store.access.tokens({ namespace: null, after: null, limit: 9 })).toHaveLength(1);
    });
  });
}
