import { agent, createFleet } from "flotilla";
import { storeOf } from "../harness/store.ts";
import { unchecked } from "../harness/schema.ts";
import { payload, type Durability } from "./raw.ts";

/** Tasks/s from the first start to the last result: submit, dispatch, run a no-op, settle, tell the caller. */
export async function work(o: {
  path?: string;
  url?: string;
  durability: Durability;
  tasks: number;
  inFlight: number;
  slots: number;
}): Promise<number> {
  const noop = agent({ name: "noop", input: unchecked<object>(), run: () => ({ ok: true, findings: [] }) });
  const fleet = await createFleet({
    definitions: [noop],
    store: storeOf(o),
    durability: o.durability,
    workers: { slots: o.slots },
  });
  const input = JSON.parse(payload) as object;

  const all = async (tasks: number): Promise<void> => {
    let started = 0;
    const caller = async (): Promise<void> => {
      while (started < tasks) {
        started++;
        await fleet.run(noop, input);
      }
    };
    await Promise.all(Array.from({ length: o.inFlight }, caller));
  };
  // Warm: V8 compiles the path in the first 10,000 tasks (1.5 times faster after them).
  await all(Math.min(o.tasks, 20_000));
  const started = performance.now();
  await all(o.tasks);
  const seconds = (performance.now() - started) / 1_000;
  await fleet.close();
  return o.tasks / seconds;
}
