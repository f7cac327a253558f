// A store that several may share, used as a store with one owner is: a new life begins when the one before is over. What
// every store must do, and what the model does, is said of that.
import { FlotillaError } from "../../src/core/error.ts";
import type { Store } from "../../src/store/contract.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { giveBack, inSchema, takeStore } from "./stores.ts";

export async function openOneOwner(): Promise<Store> {
  const { url, store, done } = await takeStore();
  return onSchema(url, store, done);
}

/** Whoever had it is gone without a word. */
export async function reopen(before: Store): Promise<Store> {
  const { url } = before as OneOwner;
  await (before as OneOwner).abandon();
  const { store } = await openPostgresStore({ url });
  return onSchema(url, store, async () => {
    await store.close();
    giveBack(url);
  });
}

interface OneOwner extends Store {
  readonly url: string;
  /** Closes it, and keeps its rows. */
  abandon(): Promise<void>;
}

function onSchema(url: string, store: Store, done: () => void | Promise<void>): OneOwner {
  const shared = store.shared as NonNullable<Store["shared"]>;
  const { access, builds, catalogue, schedules, upkeep } = store;
  /** Said before the first life began. */
  let said: Parameters<typeof catalogue.defineAll>[0] | undefined;
  let begun = false;
  let abandoned = false;
  return {
    ...store,
    url,
    shared: null,
    async boot(p) {
      const lives = await inSchema<{ id: string }>(url, "SELECT id FROM orchestrator ORDER BY id");
      const [idle] = await inSchema<{ n: number }>(
        url,
        "SELECT count(*)::int AS n FROM running r LEFT JOIN gate g ON g.task = r.task WHERE g.armed IS DISTINCT FROM 1",
      );
      for (const { id } of lives) await shared.resign({ boot: Number(id), now: p.now });
      const [worker] = await inSchema<{ n: number }>(url, "SELECT coalesce(max(id), 0)::int + 1 AS n FROM worker");
      const boot = await store.boot(p);
      begun = true;
      if (said) await catalogue.defineAll(said);
      said = undefined;
      return { ...boot, ...(await catalogue.read()), recovered: idle?.n ?? 0, nextWorker: worker?.n ?? 1 };
    },
    commit: (batch) => locked(() => store.commit(batch)),
    catalogue: {
      ...catalogue,
      async defineAll(p) {
        if (begun) await locked(() => catalogue.defineAll(p));
        else said = p;
      },
      joined: (p) => locked(() => catalogue.joined(p)),
      left: (p) => locked(() => catalogue.left(p)),
      release: (p) => locked(() => catalogue.release(p)),
    },
    builds: {
      ...builds,
      drain: (p) => locked(() => builds.drain(p)),
      resume: (p) => locked(() => builds.resume(p)),
    },
    schedules: {
      ...schedules,
      put: (p) => locked(() => schedules.put(p)),
      move: (p) => locked(() => schedules.move(p)),
      delete: (p) => locked(() => schedules.delete(p)),
    },
    access: {
      ...access,
      internNamespace: (p) => locked(() => access.internNamespace(p)),
      addToken: (p) => locked(() => access.addToken(p)),
      revokeToken: (p) => locked(() => access.revokeToken(p)),
      tokensUsed: (p) => locked(() => access.tokensUsed(p)),
    },
    upkeep: {
      ...upkeep,
      prune: (p) => locked(() => upkeep.prune(p)),
      purge: (p) => locked(() => upkeep.purge(p)),
    },
    async abandon() {
      abandoned = true;
      await store.close();
    },
    async close() {
      if (!abandoned) await done();
    },
  };
}

/** That a life is over is told with another code where there is one owner. */
async function locked<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    if ((e as { code?: string }).code !== "FLOTILLA_LIFE_OVER") throw e;
    throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path: "postgres", pid: null }, { cause: e });
  }
}
