import fc from "fast-check";
import type { Awaitable, Store } from "../../../src/store/contract.ts";
import { differ, type Told } from "./differ.ts";
import { sequences, type Op } from "./ops.ts";
import { codeOf } from "./print.ts";
import { shorten } from "./shorten.ts";

export interface Search {
  readonly runs: number;
  /** Where the draw begins. @default a new one each time */
  readonly seed?: number;
  /** Makes the sequence as short as it gets. @default true */
  readonly shorten?: boolean;
}

/** Looks for a sequence on which a store and the model part. @returns how, with code to paste in a test; null: none. */
export async function findDifference(open: () => Awaitable<Store>, o: Search): Promise<string | null> {
  const differs = async (ops: readonly Op[]) => (await differOnce(open, ops)).problem !== null;
  const { failed, counterexample, seed, numRuns } = await fc.check(
    fc.asyncProperty(sequences, async (ops) => !(await differs(ops))),
    { numRuns: o.runs, endOnFailure: true, ...(o.seed === undefined ? {} : { seed: o.seed }) },
  );
  if (!failed) return null;
  const [found] = counterexample as [Op[]];
  const { calls, problem } = await differOnce(open, (o.shorten ?? true) ? await shorten(found, differs) : found);
  return `${problem}\n(seed ${seed}, sequence ${numRuns})\n\n${codeOf(calls)}\n`;
}

async function differOnce(open: () => Awaitable<Store>, ops: readonly Op[]): Promise<Told> {
  const store = await open();
  try {
    return await differ(store, ops);
  } finally {
    await store.close();
  }
}
