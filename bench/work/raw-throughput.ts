import { openRaw, type Durability } from "./raw.ts";

/** Tasks/s of raw insert, claim and complete, `batch` at a time. */
export async function work(o: { path: string; durability: Durability; tasks: number; batch: number }): Promise<number> {
  const queue = openRaw(o.path, o.durability);
  cycle(queue, 1, Math.min(o.tasks, 20_000), o.batch);
  const started = performance.now();
  cycle(queue, 1_000_000, o.tasks, o.batch);
  const seconds = (performance.now() - started) / 1_000;
  queue.close();
  return o.tasks / seconds;
}

function cycle(queue: ReturnType<typeof openRaw>, from: number, tasks: number, batch: number): void {
  for (let done = 0; done < tasks; done += batch) {
    const count = Math.min(batch, tasks - done);
    queue.insert(from + done, count);
    const ids = queue.claim(count);
    if (ids.length !== count) throw new Error(`claimed ${ids.length} of ${count}`);
    queue.complete(ids);
  }
}
