import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isFlotillaError } from "../../core/error.ts";
import type { FromWorker, ToWorker } from "../worker.ts";
import { bounds } from "../../core/bounds.ts";
import { fromWorkerFrame, fromWorkerMessages, parsed, toWorkerFrame, toWorkerMessages } from "./frames.ts";
import { Session } from "./session.ts";

const fence = { task: 1, boot: 1, leaseNo: 1 };
const pong = (n: number): FromWorker => ({ t: "pong", n, holds: 0 });
const put = (request: number, value: string): FromWorker => ({ t: "put", fence, request, value, type: null });

/** Two sides and a link that loses what is under way when it breaks. */
class Pair {
  readonly turns: (() => void)[] = [];
  readonly worker: Session<FromWorker, ToWorker>;
  readonly orchestrator: Session<ToWorker, FromWorker>;
  readonly toOrchestrator: string[] = [];
  readonly toWorker: string[] = [];
  readonly heardByOrchestrator: FromWorker[] = [];
  readonly heardByWorker: ToWorker[] = [];
  overflows = 0;
  frames = 0;
  longest = 0;

  constructor(keptMax = 1e9) {
    const nextTurn = (fn: () => void) => void this.turns.push(fn);
    const overflow = () => void this.overflows++;
    this.worker = new Session({ keptMax, overflow, nextTurn, read: (text) => parsed(toWorkerMessages, text) });
    this.orchestrator = new Session({ keptMax, overflow, nextTurn, read: (text) => parsed(fromWorkerMessages, text) });
    this.open();
  }

  run(): void {
    for (let fn = this.turns.shift(); fn; fn = this.turns.shift()) fn();
  }
  open(): void {
    const wire = (to: string[]) => ({ write: (text: string) => void to.push(text), buffered: () => to.length * 400_000 });
    const [theirs, mine] = [this.orchestrator.received, this.worker.received];
    this.worker.open(wire(this.toOrchestrator), theirs);
    this.orchestrator.open(wire(this.toWorker), mine);
  }
  cut(): void {
    this.worker.close();
    this.orchestrator.close();
    this.toOrchestrator.length = 0;
    this.toWorker.length = 0;
  }
  /** Lets one frame arrive. */
  pass(way: "up" | "down"): void {
    const text = (way === "up" ? this.toOrchestrator : this.toWorker).shift();
    if (text === undefined) return;
    this.frames++;
    this.longest = Math.max(this.longest, Buffer.byteLength(text));
    if (way === "up") {
      const frame = parsed(fromWorkerFrame, text);
      if (frame.t === "begin" || frame.t === "resume") throw new Error("unexpected");
      this.heardByOrchestrator.push(...this.orchestrator.receive(frame, text.length));
      this.worker.pump();
    } else {
      const frame = parsed(toWorkerFrame, text);
      if (frame.t !== "messages" && frame.t !== "part" && frame.t !== "ack") throw new Error("unexpected");
      this.heardByWorker.push(...this.worker.receive(frame, text.length));
      this.orchestrator.pump();
    }
  }
  settle(): void {
    for (let i = 0; i < 100_000; i++) {
      this.run();
      if (this.toOrchestrator.length + this.toWorker.length === 0) return;
      this.pass("up");
      this.pass("down");
    }
    throw new Error("it never came to rest");
  }
}

describe("a session", () => {
  test("brings every message once and in order, wherever its links break", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("say up", "say down", "say long" as const) }) },
      { weight: 8, arbitrary: fc.record({ do: fc.constantFrom("up", "down", "turn" as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cut" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const pair = new Pair();
        const saidUp: FromWorker[] = [];
        const saidDown: ToWorker[] = [];
        for (const { do: what } of steps) {
          if (what === "say up" || what === "say long") {
            const m = what === "say up" ? pong(saidUp.length) : put(saidUp.length, 'é"\u{1f680}'.repeat(120_000));
            saidUp.push(m);
            pair.worker.send(m);
          } else if (what === "say down") {
            const m: ToWorker = { t: "ping", n: saidDown.length };
            saidDown.push(m);
            pair.orchestrator.send(m);
          } else if (what === "turn") pair.run();
          else if (what === "cut") {
            pair.cut();
            pair.open();
          } else pair.pass(what);
        }
        pair.settle();
        expect(pair.heardByOrchestrator).toEqual(saidUp);
        expect(pair.heardByWorker).toEqual(saidDown);
        expect(pair.longest).toBeLessThanOrEqual(bounds.frameBytes);
      }),
      { numRuns: 150 },
    );
  });

  test("keeps what was not acknowledged, and drops what was without being asked", () => {
    const pair = new Pair();
    for (let n = 0; n < 100; n++) {
      pair.worker.send(pong(n));
      pair.run();
    }
    expect(pair.worker.keptChars).toBeGreaterThan(1_000);
    pair.settle();
    // 16 frames without an answer are acknowledged by themselves.
    expect(pair.worker.keptChars).toBeLessThan(16 * 60);
  });

  test("gives a link no more than its buffer takes", () => {
    const pair = new Pair();
    for (let n = 0; n < 50; n++) {
      pair.worker.send(put(n, "x".repeat(250_000)));
      pair.run();
    }
    expect(pair.toOrchestrator.length).toBeLessThan(5);
    pair.settle();
    expect(pair.heardByOrchestrator).toHaveLength(50);
  });

  test("ends when the other side takes nothing", () => {
    const pair = new Pair(1_000_000);
    for (let n = 0; n < 10; n++) {
      pair.worker.send(put(n, "x".repeat(250_000)));
      pair.run();
    }
    expect(pair.overflows).toBe(1);
    expect(pair.worker.keptChars).toBe(0);
  });

  test("refuses a gap, and an acknowledgement of what was never sent", () => {
    const pair = new Pair();
    const code = (fn: () => unknown): unknown => {
      try {
        fn();
      } catch (e) {
        return isFlotillaError(e) ? e.code : e;
      }
      return undefined;
    };
    expect(code(() => pair.orchestrator.receive({ t: "messages", n: 2, a: 0, m: [pong(1)] }, 10))).toBe(
      "FLOTILLA_MESSAGE_INVALID",
    );
    expect(code(() => pair.orchestrator.receive({ t: "ack", a: 1 }, 10))).toBe("FLOTILLA_MESSAGE_INVALID");
    expect(pair.orchestrator.receive({ t: "messages", n: 1, a: 0, m: [pong(1)] }, 10)).toHaveLength(1);
    // Again: taken once.
    expect(pair.orchestrator.receive({ t: "messages", n: 1, a: 0, m: [pong(1)] }, 10)).toEqual([]);
  });
});
