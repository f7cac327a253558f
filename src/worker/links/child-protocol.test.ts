import { describe, expect, test } from "vitest";
import { isFlotillaError } from "../../core/error.ts";
import type { Assignment, FromWorker, ToWorker } from "../../protocol/worker.ts";
import { turns } from "../../../test/replay/tiny-fleet.ts";
import { batched } from "./child-protocol.ts";

const fence = { task: 1, boot: 1, leaseNo: 1 };
const put = (value: string): FromWorker => ({ t: "put", fence, request: 1, value, type: null });
const lengths = (batches: readonly (readonly unknown[])[]): number[] => batches.map((b) => b.length);

function world(o: { batchChars?: number; messageChars?: number } = {}) {
  const batches: (readonly FromWorker[])[] = [];
  const send = batched<FromWorker>((b) => void batches.push(b), { batchChars: 1_000, messageChars: 6_000, ...o });
  return { batches, send };
}

describe("a macrotask's messages", () => {
  test("are one array", async () => {
    const { batches, send } = world();
    for (let n = 0; n < 5; n++) send({ t: "pong", n, holds: 0 });
    expect(batches).toEqual([]);
    await turns(1);
    send({ t: "pong", n: 5, holds: 0 });
    await turns(1);
    expect(lengths(batches)).toEqual([5, 1]);
  });
  test("are several when they are large, in order", async () => {
    const { batches, send } = world();
    const said = Array.from({ length: 10 }, (_, i) => put(`${i}`.repeat(400)));
    for (const m of said) send(m);
    await turns(2);
    expect(batches.flat()).toEqual(said);
    expect(Math.max(...lengths(batches))).toBe(2);
  });
  test("one with many parts is taken apart", async () => {
    const { batches, send } = world();
    const acts = Array.from({ length: 6 }, (_, i) => ({
      kind: "step-result" as const,
      act: i + 1,
      value: "x".repeat(400),
      error: null,
    }));
    send({ t: "acts", fence, acts });
    await turns(2);
    expect(batches.flat().flatMap((m) => (m.t === "acts" ? m.acts : []))).toEqual(acts);
    expect(batches.length).toBeGreaterThan(2);
    expect(Math.max(...batches.map((b) => JSON.stringify(b).length))).toBeLessThan(2_000);
  });
});

describe("a message that no string can hold", () => {
  test("is refused at once, and what was said before it is sent", async () => {
    const { batches, send } = world();
    send({ t: "pong", n: 1, holds: 0 });
    // 2,000 characters, 12,000 as JSON: control characters take six each.
    expect(() => send(put("\u0001".repeat(2_000)))).toThrow(expect.objectContaining({ code: "FLOTILLA_TOO_LARGE" }));
    send(put("x".repeat(5_000)));
    await turns(1);
    expect(batches.flat().map((m) => m.t)).toEqual(["pong", "put"]);
  });
  test("is told with its part to whom it concerns", async () => {
    const batches: (readonly ToWorker[])[] = [];
    const refused: ToWorker[] = [];
    const send = batched<ToWorker>(
      (b) => void batches.push(b),
      { batchChars: 1_000, messageChars: 6_000 },
      (m, e) => {
        expect(isFlotillaError(e, "FLOTILLA_TOO_LARGE")).toBe(true);
        refused.push(m);
      },
    );
    const task = (n: number, size: number): Assignment => ({
      fence: { ...fence, task: n },
      publicId: "t_x",
      definition: "d",
      tenant: "t",
      attempt: 1,
      input: "x".repeat(size),
      startedAt: 0,
      acts: 0,
      journal: [],
      deliveries: [],
    });
    send({ t: "assign", tasks: [task(1, 10), task(2, 7_000), task(3, 10)] });
    await turns(2);
    const numbers = (messages: readonly ToWorker[]) =>
      messages.flatMap((m) => (m.t === "assign" ? m.tasks.map((a) => a.fence.task) : []));
    expect(numbers(batches.flat())).toEqual([1, 3]);
    expect(numbers(refused)).toEqual([2]);
  });
});
