import type { Batch, Store } from "../../../src/store/contract.ts";
import type { PutSchedule } from "../../../src/store/schedules.ts";

/** One thing that an orchestrator does to a store. */
export type Call =
  | { readonly boot: { readonly nonce: string; readonly pid: number; readonly now: number } }
  | { readonly commit: Batch }
  | { readonly release: { readonly boot: number; readonly now: number } }
  | { readonly joined: { readonly id: number; readonly boot: number; readonly now: number } }
  | { readonly drain: Parameters<Store["builds"]["drain"]>[0] }
  | { readonly resume: Parameters<Store["builds"]["resume"]>[0] }
  | { readonly put: PutSchedule }
  | { readonly move: Parameters<Store["schedules"]["move"]>[0] }
  | { readonly drop: Parameters<Store["schedules"]["delete"]>[0] }
  | { readonly left: { readonly id: number; readonly boot: number; readonly now: number } };

/** What every sequence begins with: two definitions, and three lanes that tasks may lie in. */
export const catalogue: Parameters<Store["catalogue"]["defineAll"]>[0] = {
  boot: 1,
  definitions: [
    { id: 1, namespace: 1, name: "work", card: "null" },
    { id: 2, namespace: 1, name: "plan", card: "{}" },
  ],
  lanes: [
    { id: 1, definition: 1, needs: [], build: "" },
    { id: 2, definition: 1, needs: ["gpu"], build: "" },
    { id: 3, definition: 2, needs: [], build: "b1" },
  ],
};

/** The answer; a refusal is an answer too, named by its code when it has one of ours. */
export async function perform(store: Store, call: Call): Promise<unknown> {
  try {
    return await answer(store, call);
  } catch (e) {
    const { code } = e as { code?: unknown };
    return { refused: typeof code === "string" && code.startsWith("FLOTILLA_") ? code : "a rule of the store" };
  }
}

async function answer(store: Store, call: Call): Promise<unknown> {
  if ("boot" in call) return inOrder(await store.boot(call.boot));
  if ("commit" in call) return inOrder(await store.commit(call.commit));
  if ("release" in call) return (await store.catalogue.release(call.release)).toSorted((a, b) => a.task - b.task);
  if ("joined" in call)
    return store.catalogue.joined({ name: `w${call.joined.id}`, pid: 1, build: `b${call.joined.id % 3}`, ...call.joined });
  if ("drain" in call) return store.builds.drain(call.drain);
  if ("resume" in call) return store.builds.resume(call.resume);
  if ("put" in call) return store.schedules.put(call.put);
  if ("move" in call) return store.schedules.move(call.move);
  if ("drop" in call) return store.schedules.delete(call.drop);
  return store.catalogue.left({ how: "gone", ...call.left });
}

/** The contract promises an order within one parent and within one run, not between them. */
function inOrder<T extends object>(result: T): T {
  const sorted = { ...result } as Record<string, unknown>;
  for (const [name, by] of Object.entries(orders)) {
    const list = sorted[name];
    if (Array.isArray(list)) sorted[name] = list.toSorted(by as never);
  }
  return sorted as T;
}
const orders: Record<string, (a: Record<string, number>, b: Record<string, number>) => number> = {
  deliveries: (a, b) => (a["parent"] as number) - (b["parent"] as number),
  woken: (a, b) => (a["task"] as number) - (b["task"] as number),
  events: (a, b) => (a["run"] as number) - (b["run"] as number),
  definitions: (a, b) => (a["id"] as number) - (b["id"] as number),
  lanes: (a, b) => (a["id"] as number) - (b["id"] as number),
};
