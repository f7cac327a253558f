// Connections that went dead without a word: nobody waits for them longer than it takes to know.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { isFlotillaError } from "../../src/core/error.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { batch, begin, runningRoot, settleOf } from "../store/rows.ts";
import { openSilentProxy } from "./silent-proxy.ts";
import { dropSchemas, giveBack, takeSchema } from "./stores.ts";

afterAll(dropSchemas);

async function behindProxy() {
  const url = await takeSchema();
  const proxy = await openSilentProxy(url);
  const { store } = await openPostgresStore({ url: proxy.url });
  onTestFinished(async () => {
    proxy.thaw();
    await store.close();
    await proxy.close();
    giveBack(url);
  });
  return { url, proxy, store };
}

test("a batch, a beat and a read that are sent on one go on over another", async () => {
  const { proxy, store } = await behindProxy();
  const { boot } = await begin(store);
  const parent = await runningRoot(store);
  // Several connections of the pool are there, and all of them are dead.
  await Promise.all([1, 2, 3].map(async () => store.runs.outcome(parent.id)));
  // Long idle: what it is suspected for counts only while somebody waits.
  await pause(2_500);
  proxy.freeze();
  proxy.thaw();
  const load = { workers: 0, slots: 0, busy: 0, versions: [], lanes: [], names: [] };
  // Each of the connections that are dead may fail one of them.
  const again = async <T>(work: () => PromiseLike<T> | T): Promise<T> => {
    for (let dead = 0; ; dead++) {
      try {
        return await work();
      } catch (e) {
        if (dead === 5 || !isFlotillaError(e, "FLOTILLA_STORE_UNREACHABLE") || !e.retryable) throw e;
      }
    }
  };
  const [, beat] = await Promise.all([
    again(() => store.commit(batch({ settles: [settleOf(parent, 1)] }))),
    again(() => (store.shared as NonNullable<typeof store.shared>).beat({ boot, load, roster: "[]" })),
    again(() => store.runs.outcome(parent.id)),
  ]);
  expect(beat.alive).toBe(true);
  expect(await store.runs.outcome(parent.id)).toMatchObject({ status: "succeeded" });
}, 30_000);
