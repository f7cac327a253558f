import { agent, createFleet } from "flotilla";
import { storeOf } from "../harness/store.ts";
import { unchecked } from "../harness/schema.ts";
import type { Durability } from "./raw.ts";

/** Ms from submit to the first line of `run`, and to the result, of `rounds` tasks one at a time. */
export async function work(o: {
  path?: string;
  url?: string;
  durability: Durability;
  rounds: number;
}): Promise<{ start: number[]; result: number[] }> {
  let began = 0;
  const noop = agent({
    name: "noop",
    input: unchecked<object>(),
    run: () => {
      began = performance.now();
      return { ok: true };
    },
  });
  const fleet = await createFleet({ definitions: [noop], store: storeOf(o), durability: o.durability });
  const start: number[] = [];
  const result: number[] = [];
  for (let i = 0; i < o.rounds + 50; i++) {
    const submitted = performance.now();
    await fleet.run(noop, { i });
    const finished = performance.now();
    if (i >= 50) {
      start.push(began - submitted);
      result.push(finished - submitted);
    }
    // idle means idle: whatever trails the last task is over before the next
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await fleet.close();
  return { start, result };
}
