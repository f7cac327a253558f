import { openRaw, type Durability } from "./raw.ts";

/** Ms of each of `rounds` commits of one row: what one durable act costs here, alone. */
export async function work(o: { path: string; durability: Durability; rounds: number }): Promise<number[]> {
  const queue = openRaw(o.path, o.durability);
  const measured: number[] = [];
  for (let i = 1; i <= o.rounds + 50; i++) {
    const started = performance.now();
    queue.insert(i, 1);
    if (i > 50) measured.push(performance.now() - started);
    // The caller of a real queue is elsewhere meanwhile; without a pause the disk's own cache is what one measures.
    await new Promise((resolve) => setImmediate(resolve));
  }
  queue.close();
  return measured;
}
