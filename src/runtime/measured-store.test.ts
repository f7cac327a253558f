import { expect, test } from "vitest";
import { testClock } from "../../test/orchestrator/world.ts";
import { batch } from "../../test/store/rows.ts";
import type { BatchResult, Store } from "../store/contract.ts";
import { measuredStore } from "./measured-store.ts";

function world(commit: (ms: number) => unknown) {
  const clock = testClock();
  const took = { ms: 0 };
  const store = { commit: () => commit(took.ms) } as unknown as Store;
  return { clock, took, ...measuredStore(store, clock) };
}
const result = {} as BatchResult;

test("a commit that answers at once, and one that takes its time, are counted by how long they took", async () => {
  const { clock, took, store, commits } = world((ms) => {
    if (ms === 0) return result;
    return Promise.resolve().then(() => {
      clock.advance(ms);
      return result;
    });
  });
  expect(store.commit(batch())).toBe(result);
  for (const ms of [0.5, 3, 20, 6_000]) {
    took.ms = ms;
    expect(await store.commit(batch())).toBe(result);
  }
  const { bounds, counts, sumS, failed } = commits();
  const at = (s: number) => counts[bounds.indexOf(s)];
  expect([at(0.000_5), at(0.005), at(0.025), counts.at(-1), failed]).toEqual([2, 1, 1, 1, 0]);
  expect(sumS).toBeCloseTo(6.023_5);
  expect(counts.reduce((n, m) => n + m)).toBe(5);
});

test("one that is refused is a failure, thrown or rejected, and has no time", async () => {
  const { took, store, commits } = world((ms) => {
    if (ms === 0) throw new Error("at once");
    return Promise.reject(new Error("later"));
  });
  expect(() => store.commit(batch())).toThrow("at once");
  took.ms = 1;
  await expect(Promise.resolve(store.commit(batch()))).rejects.toThrow("later");
  expect(commits()).toMatchObject({ failed: 2, sumS: 0 });
});
