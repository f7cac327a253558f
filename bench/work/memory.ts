import { agent, createFleet } from "flotilla";
import { unchecked } from "../harness/schema.ts";
import { payload } from "./raw.ts";

/** MB that the process holds with `tasks` accepted tasks that no worker can take. */
export async function work(o: { path: string; tasks: number }): Promise<{ peak: number; settled: number; heap: number }> {
  const noop = agent({ name: "noop", input: unchecked<object>(), needs: ["a worker that never comes"], run: () => null });
  const fleet = await createFleet({ definitions: [noop], store: `sqlite:${o.path}`, durability: "process" });
  const input = JSON.parse(payload) as object;
  let peak = 0;
  for (let done = 0; done < o.tasks; done += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, () => fleet.start(noop, input)));
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 500));
  globalThis.gc?.();
  const { rss: settled, heapUsed } = process.memoryUsage();
  return { peak: peak / 1_000_000, settled: settled / 1_000_000, heap: heapUsed / 1_000_000 };
}
