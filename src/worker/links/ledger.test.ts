import { describe, expect, test } from "vitest";
import type { Act, Assignment, FromWorker, Settle } from "../../protocol/worker.ts";
import { Ledger } from "./ledger.ts";

const old = { task: 7, boot: 1, leaseNo: 3 };
const next = { task: 7, boot: 2, leaseNo: 4 };
const assignment: Assignment = {
  fence: old,
  publicId: "t",
  definition: "audit",
  tenant: "default",
  attempt: 1,
  input: "{}",
  startedAt: 0,
  acts: 2,
  journal: [],
  baseSeq: 0,
  deliveries: [{ seq: 1, act: 1, status: "succeeded", value: "1", error: null, at: 0 }],
};
const child = (act: number): Act => ({
  kind: "child",
  act,
  key: `k${act}`,
  inputHash: "h",
  askedAfter: 0,
  definition: "d",
  input: "{}",
});
const step = (act: number): Act => ({ kind: "step", act, key: `k${act}`, askedAfter: 0 });
const result = (act: number): Act => ({ kind: "step-result", act, value: "1", error: null });
const wait = (seen: number): Act => ({ kind: "wait", seen });
const acts = (...list: Act[]): FromWorker => ({ t: "acts", fence: old, acts: list });
const end: Settle = { t: "settle", fence: old, result: { status: "succeeded", value: "1" }, spent: null };
const delivery = (seq: number, act: number) => ({ seq, act, status: "succeeded" as const, value: "1", error: null, at: 0 });

function begun(): Ledger {
  const ledger = new Ledger();
  ledger.received({ t: "assign", tasks: [assignment] });
  return ledger;
}
/** What is told again when it is adopted with `n` acts committed. */
function adopted(ledger: Ledger, n: number): readonly FromWorker[] {
  ledger.offer();
  const { heard, again } = ledger.received({ t: "adopted", fence: old, next, acts: n });
  expect(heard).toBeUndefined();
  return again;
}

describe("what a worker keeps of its attempts", () => {
  test("an inventory says where each stands", () => {
    const ledger = begun();
    expect(ledger.offer()).toEqual([{ fence: old, definition: "audit", acts: 2, seq: 1, finished: false }]);
    ledger.sent(acts(child(3), child(4)));
    ledger.received({ t: "deliver", fence: old, deliveries: [delivery(2, 3)] });
    expect(ledger.offer()).toEqual([{ fence: old, definition: "audit", acts: 4, seq: 2, finished: false }]);
    ledger.sent(end);
    expect(ledger.offer()).toMatchObject([{ finished: true }]);
    ledger.received({ t: "settled", fence: old });
    expect(ledger.offer()).toEqual([]);
  });

  test("adopted, it tells again what was not committed, and nothing else", () => {
    const ledger = begun();
    ledger.sent(acts(child(3), step(4), child(5)));
    expect(adopted(ledger, 4)).toEqual([{ t: "acts", fence: next, acts: [child(5)] }]);
  });

  test("what was acknowledged or delivered is not kept", () => {
    const ledger = begun();
    ledger.sent(acts(child(3), step(4), result(4), child(5)));
    ledger.received({ t: "ack", fence: old, act: 3 });
    ledger.received({ t: "deliver", fence: old, deliveries: [delivery(2, 4)] });
    expect(adopted(ledger, 0)).toEqual([{ t: "acts", fence: next, acts: [child(5)] }]);
  });

  test("a step's result is told again unless it has come back", () => {
    const ledger = begun();
    ledger.sent(acts(step(3)));
    ledger.received({ t: "ack", fence: old, act: 3 });
    ledger.sent(acts(result(3)));
    expect(adopted(ledger, 3)).toEqual([{ t: "acts", fence: next, acts: [result(3)] }]);
  });

  test("an attempt that waits says so again, and one that went on does not", () => {
    const idle = begun();
    idle.sent(acts(child(3), wait(1)));
    idle.received({ t: "ack", fence: old, act: 3 });
    expect(adopted(idle, 3)).toEqual([{ t: "acts", fence: next, acts: [wait(1)] }]);
    const busy = begun();
    busy.sent(acts(child(3), wait(1)));
    busy.sent(acts(child(4)));
    expect(adopted(busy, 3)).toEqual([{ t: "acts", fence: next, acts: [child(4)] }]);
  });

  test("a wait leaves nothing behind, however often it comes", () => {
    const ledger = begun();
    for (let n = 0; n < 1_000; n++) ledger.sent(acts(wait(n)));
    expect(adopted(ledger, 2)).toEqual([{ t: "acts", fence: next, acts: [wait(999)] }]);
  });

  test("while it is offered nothing is sent, and all of it afterwards, the end last", () => {
    const ledger = begun();
    ledger.offer();
    expect(ledger.sent(acts(child(3)))).toBeUndefined();
    expect(ledger.sent({ t: "get", fence: old, request: 1, ref: "r" })).toBeUndefined();
    expect(ledger.sent(end)).toBeUndefined();
    const { again } = ledger.received({ t: "adopted", fence: old, next, acts: 2 });
    expect(again).toEqual([
      { t: "acts", fence: next, acts: [child(3)] },
      { t: "get", fence: next, request: 1, ref: "r" },
      { ...end, fence: next },
    ]);
  });

  test("its code knows one fence, the orchestrator the one that counts", () => {
    const ledger = begun();
    adopted(ledger, 2);
    expect(ledger.sent(acts(child(3)))).toEqual({ t: "acts", fence: next, acts: [child(3)] });
    const { heard } = ledger.received({ t: "deliver", fence: next, deliveries: [delivery(2, 3)] });
    expect(heard).toEqual({ t: "deliver", fence: old, deliveries: [delivery(2, 3)] });
    // And again, at a third orchestrator.
    const third = { task: 7, boot: 3, leaseNo: 5 };
    expect(ledger.offer()).toMatchObject([{ fence: next, acts: 3, seq: 2 }]);
    ledger.received({ t: "adopted", fence: next, next: third, acts: 3 });
    expect(ledger.sent(end)).toEqual({ ...end, fence: third });
  });

  test("what is not adopted is told to its code, and forgotten when that has ended", () => {
    const ledger = begun();
    ledger.offer();
    const cancel = { t: "cancel" as const, fence: old, reason: "gone" };
    expect(ledger.received(cancel)).toEqual({ heard: cancel, again: [] });
    expect(ledger.sent({ t: "ended", fence: old })).toEqual({ t: "ended", fence: old });
    expect(ledger.offer()).toEqual([]);
  });

  test("an adoption of what is not here any more is given back", () => {
    const ledger = begun();
    ledger.offer();
    ledger.sent({ t: "ended", fence: old });
    expect(ledger.received({ t: "adopted", fence: old, next, acts: 2 })).toEqual({
      heard: undefined,
      again: [{ t: "ended", fence: next }],
    });
  });
});
