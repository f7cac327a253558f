import { expect, test } from "vitest";
import { isFlotillaError } from "../core/error.ts";
import type { Clock } from "../core/clock.ts";
import type { Engine } from "./engine.ts";
import { transactionStarts } from "./outbox.ts";

const id = `r_${"0".repeat(26)}0`;

/** A clock that goes on as far as is waited, and a store that has the run from then on. */
function world(storedAt: number) {
  let now = 0;
  let looks = 0;
  const clock = {
    elapsedMs: () => now,
    after(ms: number, fn: () => void) {
      now += ms;
      queueMicrotask(fn);
      return { cancel: () => {} };
    },
  } as unknown as Clock;
  const row = { secret: "0".repeat(26), definition: 1, lane: 1 };
  const state = {
    clock,
    store: { tasks: { get: async () => (now >= storedAt ? [row] : []) } },
    definitions: { know: () => undefined },
  };
  const engine = { state, look: () => void (looks += 1) } as unknown as Engine;
  return { starts: transactionStarts(engine, {} as never, () => ""), at: () => now, looks: () => looks };
}

test("a run whose transaction commits late is waited for, and looked for meanwhile", async () => {
  const { starts, at, looks } = world(5_000);
  await starts.stored(id);
  expect(at()).toBeGreaterThanOrEqual(5_000);
  expect(at()).toBeLessThan(5_300);
  expect(looks()).toBeGreaterThan(10);
});

test("after 30 s it is not found, and the error says why that may be", async () => {
  const { starts, at } = world(Infinity);
  const error = await starts.stored(id).catch((e: unknown) => e);
  expect(isFlotillaError(error, "FLOTILLA_NOT_FOUND")).toBe(true);
  expect((error as Error).message).toMatch(/rolled back/);
  expect(at()).toBe(30_000);
});
