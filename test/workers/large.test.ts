// Results that are within the limits each, and together more than is kept for a worker that takes nothing.
import { describe, expect, test } from "vitest";
import type { FlotillaError } from "../../src/core/error.ts";
import type { ToWorker, WorkerLink } from "../../src/protocol/worker.ts";
import { RemoteSession } from "../../src/server/workers/session.ts";
import { hello } from "./raw.ts";
import { pass, testClock, turns } from "./time.ts";

const large: ToWorker = {
  t: "reply",
  request: 1,
  value: "x".repeat(40_000_000),
  error: null,
  fence: { task: 1, boot: 1, leaseNo: 1 },
};

function open() {
  const clock = testClock();
  const ends: FlotillaError[] = [];
  const lost: string[] = [];
  let link: WorkerLink | undefined;
  const session = new RemoteSession({
    id: "s",
    namespace: null,
    hello: { ...hello, t: "hello", isolation: "remote" },
    inventory: undefined,
    graceMs: 3_000,
    fenceMs: 10_000,
    clock,
    log: () => {},
    forget: () => {},
    host: {
      attach: (l) => {
        link = l;
        return { id: "w_1", receive: () => {}, reachable: () => {}, lost: (how) => void lost.push(how) };
      },
    },
  });
  let written = 0;
  session.open({ write: () => void written++, buffered: () => 0, end: (error) => void ends.push(error), close: () => {} }, 0);
  const send = async (): Promise<void> => {
    link?.send(large);
    await turns();
  };
  return { clock, session, send, ends, lost, acknowledge: (a: number) => session.receive({ t: "ack", a }, 20) };
}

describe("several large results for one worker", () => {
  test("do not end its session, as long as it takes some of them", async () => {
    const { clock, send, ends, acknowledge } = open();
    for (let n = 0; n < 4; n++) await send();
    await pass(clock, 9_000);
    acknowledge(1);
    await pass(clock, 9_000);
    acknowledge(2);
    await pass(clock, 9_000);
    expect(ends).toEqual([]);
  });

  test("end it when it takes nothing", async () => {
    const { clock, send, ends, lost } = open();
    for (let n = 0; n < 4; n++) await send();
    await pass(clock, 10_000);
    expect(ends).toMatchObject([{ code: "FLOTILLA_TOO_LARGE" }]);
    expect(lost).toHaveLength(1);
  });
});
