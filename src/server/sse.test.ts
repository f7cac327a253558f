import { expect, test } from "vitest";
import { testClock } from "../../test/orchestrator/world.ts";
import type { EventView } from "../protocol/views.ts";
import { sseStream } from "./sse.ts";

const event = (n: number): EventView => ({ type: "custom", cursor: String(n), at: "", runId: "r", data: n });
const turn = () => new Promise((resolve) => setImmediate(resolve));

function world(events: () => AsyncGenerator<EventView>) {
  const clock = testClock();
  const hungUp = new AbortController();
  const source = events();
  const stream = sseStream({ events: source, signal: hungUp.signal, hangUp: () => hungUp.abort() }, clock);
  const reader = stream.getReader();
  const read = async () => {
    const { value, done } = await reader.read();
    return done ? null : new TextDecoder().decode(value);
  };
  return { clock, hungUp, reader, read };
}

/** Events, and then nothing until it is hung up. */
async function* endless(made: number[], until: number): AsyncGenerator<EventView> {
  for (let n = 1; n <= until; n++) {
    made.push(n);
    yield event(n);
  }
  await new Promise(() => {});
}

test("a silent stream beats, and a beat is no event", async () => {
  const { clock, read, reader } = world(() => endless([], 0));
  expect(await read()).toBe(": connected\n\n");
  for (let i = 0; i < 3; i++) {
    const next = read();
    await turn();
    clock.advance(15_000);
    expect(await next).toBe(": beat\n\n");
  }
  await reader.cancel();
  expect(clock.timers).toBe(0);
});

test("nothing is made ahead of a reader, and one that takes nothing for a minute is cut", async () => {
  const made: number[] = [];
  const { clock, read, hungUp } = world(() => endless(made, 1_000));
  expect(await read()).toBe(": connected\n\n");
  await turn();
  // One event lies there untaken; the source is asked for no more.
  expect(made).toEqual([1]);
  for (let i = 0; i < 3; i++) {
    clock.advance(15_000);
    await turn();
  }
  expect([made.length, hungUp.signal.aborted]).toEqual([1, false]);
  clock.advance(15_000);
  await turn();
  expect([made.length, hungUp.signal.aborted]).toEqual([1, true]);
  await expect(read()).rejects.toThrow("the reader takes nothing");
  expect(clock.timers).toBe(0);
});

test("one that takes something now and then is not", async () => {
  const made: number[] = [];
  const { clock, read, hungUp, reader } = world(() => endless(made, 1_000));
  for (let n = 1; n <= 5; n++) {
    for (let i = 0; i < 3; i++) {
      clock.advance(15_000);
      await turn();
    }
    expect(await read()).toMatch(n === 1 ? /^: connected/ : new RegExp(`^id: ${n - 1}\n`));
    await turn();
  }
  expect(hungUp.signal.aborted).toBe(false);
  await reader.cancel();
});
