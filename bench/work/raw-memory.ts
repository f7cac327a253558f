import { openRaw } from "./raw.ts";

/** MB that the process holds after `tasks` raw rows were written and collected. */
export async function work(o: { path: string; tasks: number }): Promise<number> {
  const queue = openRaw(o.path, "process");
  for (let id = 1; id <= o.tasks; id += 1_000) queue.insert(id, Math.min(1_000, o.tasks - id + 1));
  globalThis.gc?.();
  const megabytes = process.memoryUsage.rss() / 1_000_000;
  queue.close();
  return megabytes;
}
