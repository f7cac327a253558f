// One attempt on a given history: what code that was changed between two attempts does.
import { setImmediate } from "node:timers";
import { systemClock } from "../../src/core/clock.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import type { Act, AttemptResult, Delivery, FromWorker, JournalEntry } from "../../src/protocol/worker.ts";
import { createWorker } from "../../src/worker/worker.ts";

export interface History {
  readonly rows: readonly JournalEntry[];
  readonly deliveries: readonly Delivery[];
  /** The execution began after so many, when it is not the task's first. */
  readonly baseSeq?: number;
  readonly acts?: number;
  readonly input?: string;
}

/** The history as it was when `seq` had settled and its turn had asked. */
export function until({ rows, deliveries }: History, seq: number): History {
  return {
    rows: rows.filter((r) => r.askedAfter <= seq).map((r) => (r.seq !== null && r.seq > seq ? { ...r, seq: null } : r)),
    deliveries: deliveries.slice(0, seq),
  };
}

export interface Rerun {
  /** undefined: it waits for what has not settled. */
  readonly result: AttemptResult | undefined;
  /** Everything but waits. */
  readonly acts: readonly Act[];
  readonly said: readonly FromWorker[];
}

/** Runs until it settles or is idle with nothing left to run. */
export async function rerun(
  workflow: AnyCallable,
  { rows, deliveries, baseSeq = 0, acts = rows.length, input = "null" }: History,
  o: { also?: () => Promise<unknown>; publicId?: string; startedAt?: number; input?: string } = {},
): Promise<Rerun> {
  const said: FromWorker[] = [];
  let result: AttemptResult | undefined;
  let idle = false;
  const worker = createWorker(
    { name: "w", slots: 1, offers: [], build: "b", isolation: "in-process", definitions: [workflow["~definition"]] },
    { clock: systemClock, log: { debug() {}, info() {}, warn() {}, error() {} } },
    (m) => {
      said.push(m);
      if (m.t === "settle") result = m.result;
      // A step that has ended is heard of by its seq, and nothing is delivered here.
      if (m.t === "acts") idle = ["wait", "step-result"].includes(m.acts.at(-1)?.kind ?? "");
      if (m.t === "get") {
        // The artifacts of model.ts: a reference says its value.
        const reply = { t: "reply", fence, request: m.request, value: m.ref.slice(m.ref.indexOf("-") + 1), error: null } as const;
        setImmediate(() => worker.receive(reply));
      }
    },
  );
  const fence = { task: 1, boot: 1, leaseNo: 1 };
  worker.receive({
    t: "assign",
    tasks: [
      {
        fence,
        publicId: o.publicId ?? "t_00000000000000000000000000a",
        definition: workflow.name,
        tenant: "default",
        attempt: 2,
        input: o.input ?? input,
        startedAt: o.startedAt ?? 1_000,
        acts,
        baseSeq,
        journal: rows,
        deliveries,
      },
    ],
  });
  const rest = async (): Promise<void> => {
    // A few turns more than it needs: what comes too late would show.
    for (let quiet = 0; quiet < 20;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (result || idle) quiet++;
    }
  };
  await rest();
  if (o.also) await o.also().then(rest);
  await worker.stop();
  return { result, acts: said.flatMap((m) => (m.t === "acts" ? m.acts.filter((a) => a.kind !== "wait") : [])), said };
}
