// Time that a test moves, between machines that really talk to each other.
import { testClock, type TestClock } from "../orchestrator/world.ts";

export { testClock, type TestClock };

/** Lets sockets and loops have their turns. */
export async function turns(n = 30): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time in small steps, so that what it sets off is read before the next one. */
export async function pass(clock: TestClock, ms: number, stepMs = 500): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await turns();
  }
}

/** Moves time until it is so. */
export async function until(
  clock: TestClock,
  is: () => boolean | Promise<boolean>,
  o: { readonly stepMs?: number; /** While it is so, time stands. */ readonly still?: () => boolean } = {},
): Promise<void> {
  for (let steps = 0; steps < 5_000;) {
    if (await is()) return;
    if (o.still?.() !== true) {
      clock.advance(o.stepMs ?? 50);
      steps++;
    }
    await turns(8);
  }
  throw new Error("it never came to be so");
}
