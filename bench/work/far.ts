import { agent, createFleet } from "flotilla";
import { unchecked } from "../harness/schema.ts";

/**
 * Ms from a submit at one orchestrator to the first line of `run` at the worker of another, in one process so that one clock
 * measures both. `deaf`: the connections that listen are ended again and again, so that no hint arrives.
 */
export async function work(o: { url: string; rounds: number; deaf: boolean }): Promise<number[]> {
  let began = 0;
  const noop = agent({
    name: "noop",
    input: unchecked<object>(),
    run: () => {
      began = performance.now();
      return { ok: true };
    },
  });
  const store = (name: string) => `${o.url}&application_name=${name}` as `postgres://${string}`;
  const near = await createFleet({ definitions: [noop], store: store("near"), workers: { count: 0 } });
  const far = await createFleet({ definitions: [noop], store: store("far"), workers: { slots: 16 } });
  const cut = o.deaf ? await cutListeners(o.url) : undefined;
  const ms: number[] = [];
  for (let i = 0; i < o.rounds + 20; i++) {
    const submitted = performance.now();
    await near.run(noop, { i });
    if (i >= 20) ms.push(began - submitted);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await cut?.();
  await near.close();
  await far.close();
  return ms;
}

async function cutListeners(url: string): Promise<() => Promise<void>> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url.split("?")[0] as string });
  await client.connect();
  const done = new AbortController();
  const cutting = (async () => {
    while (!done.signal.aborted) {
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%' AND pid <> pg_backend_pid()",
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return async () => {
    done.abort();
    await cutting;
    await client.end();
  };
}
