// Hints on their way: how they are said, how often, and what happens when nobody answers. Time is the test's.
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createRandom } from "../../src/core/random.ts";
import { listenClient } from "../../src/store/postgres/hint-lines.ts";
import { channelOf, decodeHints, encodeHints, type Hints } from "../../src/store/postgres/hints.ts";
import { listen } from "../../src/store/postgres/listener.ts";
import { Notifier } from "../../src/store/postgres/notifier.ts";
import { resolveSettings } from "../../src/store/postgres/settings.ts";
import { testClock } from "../orchestrator/world.ts";
import { freshUrl } from "./server.ts";
import { openSilentProxy } from "./silent-proxy.ts";

const turn = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe("as text", () => {
  const id = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const ids = fc.array(id, { maxLength: 700 });

  test("all that is said is heard, and no payload is too long for PostgreSQL", () => {
    fc.assert(
      fc.property(ids, ids, ids, fc.boolean(), (lanes, boots, runs, catalogue) => {
        const said: Hints = { lanes, boots, runs, catalogue, missed: false };
        const payloads = encodeHints("me", said);
        const heard = payloads.map((p) => decodeHints(p));
        for (const p of payloads) expect(Buffer.byteLength(p)).toBeLessThan(8_000);
        expect(heard.every((h) => h?.from === "me")).toBe(true);
        const all = heard.map((h) => h?.hints as Hints);
        if (all.some((h) => h.missed)) return;
        expect(all.flatMap((h) => h.lanes)).toEqual(lanes);
        expect(all.flatMap((h) => h.boots)).toEqual(boots);
        expect(all.flatMap((h) => h.runs)).toEqual(runs);
        expect(all.some((h) => h.catalogue)).toBe(catalogue);
      }),
      { numRuns: 100 },
    );
  });

  test("far too much is one word, and nothing is nothing", () => {
    const runs = Array.from({ length: 100_000 }, (_, i) => i);
    const nothing: Hints = { lanes: [], boots: [], runs: [], catalogue: false, missed: false };
    const payloads = encodeHints("me", { ...nothing, runs });
    expect(payloads.map((p) => decodeHints(p)?.hints.missed)).toEqual([true]);
    expect(encodeHints("me", nothing)).toEqual([]);
  });

  test("what anybody else writes on the channel breaks nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (payload) => {
        const hints = decodeHints(payload)?.hints;
        const numbers = [...(hints?.lanes ?? []), ...(hints?.boots ?? []), ...(hints?.runs ?? [])];
        expect(numbers.every(Number.isSafeInteger)).toBe(true);
      }),
    );
    expect(decodeHints('{"f":"x","l":[1,"2",1e400,-0.5,{}],"b":7}')?.hints).toMatchObject({ lanes: [1], boots: [] });
  });

  test("each schema has a channel of its own, with a name that PostgreSQL does not cut", () => {
    const long = "s".repeat(63);
    expect(Buffer.byteLength(channelOf(long))).toBeLessThanOrEqual(63);
    expect(new Set([channelOf("a"), channelOf("b"), channelOf(long), channelOf(`${long.slice(1)}t`)]).size).toBe(4);
  });
});

describe("the one that speaks", () => {
  function speaker(o: { fail?: () => boolean } = {}) {
    const clock = testClock();
    const sent: string[] = [];
    let lines = 0;
    const notifier = new Notifier({
      from: "me",
      clock,
      open: async () => {
        lines += 1;
        return {
          send: async (payload) => {
            if (o.fail?.()) throw new Error("gone");
            sent.push(payload);
          },
          close: async () => {},
        };
      },
    });
    const heard = () => sent.map((p) => decodeHints(p)?.hints);
    return { clock, notifier, heard, lines: () => lines };
  }

  test("speaks at once, then gathers for 10 ms", async () => {
    const { clock, notifier, heard } = speaker();
    notifier.note({ lanes: [1] });
    await turn();
    expect(heard()).toMatchObject([{ lanes: [1] }]);
    notifier.note({ lanes: [2], runs: [5] });
    notifier.note({ lanes: [2, 3] });
    clock.advance(9);
    await turn();
    expect(heard()).toHaveLength(1);
    clock.advance(1);
    await turn();
    expect(heard()).toMatchObject([{ lanes: [1] }, { lanes: [2, 3], runs: [5] }]);
    clock.advance(10);
    await turn();
    notifier.note({ catalogue: true });
    await turn();
    expect(heard()[2]).toMatchObject({ catalogue: true, lanes: [] });
    await notifier.close();
  });

  test("what it could not say becomes one word when the line is back, however long that takes", async () => {
    let gone = true;
    const { clock, notifier, heard, lines } = speaker({ fail: () => gone });
    notifier.note({ lanes: [1] });
    await turn();
    notifier.note({ lanes: [2] });
    for (let i = 0; i < 20; i++) {
      clock.advance(5_000);
      await turn();
    }
    expect(heard()).toEqual([]);
    expect(lines()).toBeGreaterThan(5);
    gone = false;
    clock.advance(5_000);
    await turn();
    expect(heard()).toMatchObject([{ missed: true, lanes: [] }]);
    clock.advance(10);
    await turn();
    notifier.note({ lanes: [3] });
    await turn();
    expect(heard()[1]).toMatchObject({ missed: false, lanes: [3] });
    await notifier.close();
  });

  test("says what is left when it is closed, and nothing afterwards", async () => {
    const { notifier, heard } = speaker();
    notifier.note({ lanes: [1] });
    await turn();
    notifier.note({ lanes: [2] });
    await notifier.close();
    expect(heard()).toMatchObject([{ lanes: [1] }, { lanes: [2] }]);
    notifier.note({ lanes: [3] });
    await turn();
    expect(heard()).toHaveLength(2);
    await notifier.close();
  });
});

describe("the one that listens", () => {
  test("finds a connection that was dropped without a word, and makes another", async () => {
    const proxy = await openSilentProxy(await freshUrl("hints"));
    onTestFinished(() => proxy.close());
    const settings = resolveSettings({ url: proxy.url });
    const clock = testClock();
    let missed = 0;
    let wake = () => {};
    const to = { lanes() {}, notices() {}, runs() {}, catalogue() {}, missed: () => ((missed += 1), wake()) };
    let clients = 0;
    const client = () => ((clients += 1), listenClient(settings));
    const parts = { client, schema: settings.schema, from: "me", clock, random: createRandom(1) };
    const listener = await listen(parts, { boot: 1, to });
    proxy.freeze();
    // The probe goes out, and nothing comes back.
    clock.advance(10_000);
    await turn();
    expect([clients, missed]).toEqual([1, 0]);
    proxy.thaw();
    clock.advance(5_000);
    await turn();
    const back = new Promise<void>((resolve) => (wake = resolve));
    clock.advance(1_000);
    await back;
    expect([clients, missed]).toEqual([2, 1]);
    await listener.close();
  });

  test("that nobody answers from the start goes on trying, and can be closed meanwhile", async () => {
    const proxy = await openSilentProxy(await freshUrl("hints"));
    onTestFinished(() => proxy.close());
    proxy.freeze();
    const settings = resolveSettings({ url: proxy.url });
    const clock = testClock();
    let clients = 0;
    const client = () => ((clients += 1), listenClient(settings));
    const to = { lanes() {}, notices() {}, runs() {}, catalogue() {}, missed() {} };
    const listening = listen({ client, schema: settings.schema, from: "me", clock, random: createRandom(1) }, { boot: 1, to });
    await turn();
    clock.advance(5_000);
    const listener = await listening;
    clock.advance(1_000);
    await turn();
    expect(clients).toBe(2);
    const closed = Promise.resolve(listener.close());
    await turn();
    clock.advance(5_000);
    await closed;
    clock.advance(60_000);
    await turn();
    expect(clients).toBe(2);
  });
});
