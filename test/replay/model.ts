// An orchestrator in memory, with every freedom that the real one has: it commits acts as prefixes, settles children in
// random order, delivers in random batches, acknowledges late, and kills the worker at random points; the next attempt
// gets what was committed. It keeps the books that the promises are about, and says which of them was broken.
import { setImmediate } from "node:timers";
import { systemClock } from "../../src/core/clock.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { errorJson, FlotillaError, type ErrorJson } from "../../src/core/error.ts";
import type { Random } from "../../src/core/random.ts";
import type { Act, Assignment, AttemptResult, ChildAct, Delivery, FromWorker, JournalEntry } from "../../src/protocol/worker.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";

/** What settled, in order: enough to play the same run again without a crash. */
export interface Settled {
  readonly key: string;
  readonly status: Delivery["status"];
  readonly at: number;
}
export interface Told {
  readonly result: AttemptResult;
  readonly order: readonly Settled[];
  readonly emits: readonly string[];
  readonly keys: readonly string[];
  readonly crashes: number;
  readonly rows: readonly JournalEntry[];
  readonly deliveries: readonly Delivery[];
}
export interface ModelOptions {
  readonly workflow: AnyCallable;
  readonly input?: unknown;
  readonly random: Random;
  /** Chance of a crash per move; 0 never crashes. */
  readonly crash: number;
  readonly crashesMax: number;
  /** Play this order instead of a random one. */
  readonly order?: readonly Settled[];
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const movesMax = 200_000;
const publicId = "t_00000000000000000000000000a";

class Broken extends Error {}

export async function play(o: ModelOptions): Promise<Told> {
  const model = new Model(o);
  try {
    return await model.run();
  } finally {
    model.end();
  }
}

class Model {
  readonly #o: ModelOptions;
  readonly #rows: JournalEntry[] = [];
  readonly #byKey = new Map<string, JournalEntry>();
  readonly #children = new Map<number, ChildAct>();
  readonly #canceled = new Set<number>();
  /** Children and steps without an outcome. */
  readonly #open = new Set<number>();
  readonly #deliveries: Delivery[] = [];
  readonly #order: Settled[] = [];
  readonly #emits: string[] = [];
  #at = 1_000;
  #worker: Worker | undefined;
  #leaseNo = 0;
  /** Said by the worker and not committed. */
  #queue: FromWorker[] = [];
  #sentSeq = 0;
  #acks: number[] = [];
  #crashes = 0;
  #result: AttemptResult | undefined;
  #waiting = false;
  #problem: string | undefined;

  constructor(o: ModelOptions) {
    this.#o = o;
  }

  end(): void {
    void this.#worker?.stop();
  }

  async run(): Promise<Told> {
    this.#assign();
    for (let move = 0; !this.#result; move++) {
      if (move > movesMax) throw new Broken(`hangs: ${this.#state()}`);
      await this.#move();
      if (this.#problem !== undefined) throw new Broken(this.#problem);
    }
    return {
      result: this.#result,
      order: this.#order,
      emits: this.#emits,
      keys: this.#rows.map((r) => r.key),
      crashes: this.#crashes,
      rows: this.#rows,
      deliveries: this.#deliveries,
    };
  }

  async #move(): Promise<void> {
    const { random, crash, crashesMax } = this.#o;
    if (random() < 0.6) await turns(1 + Math.floor(random() * 3));
    const r = random();
    if (this.#crashes < crashesMax && random() < crash) return this.#crash();
    if (r < 0.4) this.#commit();
    else if (r < 0.7) this.#settleOne();
    else if (r < 0.95) this.#deliver();
    else this.#ack();
  }

  #state(): string {
    return JSON.stringify({
      rows: this.#rows.length,
      open: [...this.#open],
      queue: this.#queue.length,
      sentSeq: this.#sentSeq,
      seq: this.#deliveries.length,
      waiting: this.#waiting,
      crashes: this.#crashes,
    });
  }

  // ---------- attempts

  #assign(): void {
    const leaseNo = ++this.#leaseNo;
    const { workflow, input } = this.#o;
    const fence = { task: 1, boot: 1, leaseNo };
    this.#queue = [];
    this.#acks = [];
    this.#waiting = false;
    this.#sentSeq = this.#deliveries.length;
    this.#worker = createWorker(
      { name: "w", slots: 1, offers: [], build: "b", isolation: "in-process", definitions: [workflow["~definition"]] },
      { clock: systemClock, log: silent },
      (m) => {
        if (!("fence" in m) || m.fence.leaseNo !== this.#leaseNo) return;
        if (this.#queue.some((q) => q.t === "settle")) this.#problem = `said ${m.t} after it had settled`;
        if (m.t === "acts") {
          // One by one, so that a prefix may end anywhere.
          for (const act of m.acts) this.#queue.push({ ...m, acts: [act] });
        } else if (m.t === "settle") this.#queue.push(m);
      },
    );
    const assignment: Assignment = {
      fence,
      publicId,
      definition: workflow.name,
      tenant: "default",
      attempt: leaseNo,
      input: JSON.stringify(input ?? null),
      startedAt: 1_000,
      acts: this.#rows.length,
      journal: this.#rows.map((r) => ({ ...r })),
      deliveries: [...this.#deliveries],
    };
    this.#worker.receive({ t: "assign", tasks: [assignment] });
  }

  #crash(): void {
    // The orchestrator had taken some of what was said.
    for (let n = Math.floor(this.#o.random() * (this.#queue.length + 1)); n > 0 && !this.#result; n--) this.#commitOne();
    if (this.#result) return;
    void this.#worker?.stop();
    this.#crashes++;
    this.#assign();
  }

  // ---------- acts

  #commit(): void {
    for (let n = 1 + Math.floor(this.#o.random() * 4); n > 0; n--) this.#commitOne();
  }

  #commitOne(): void {
    const m = this.#queue.shift();
    if (!m) return;
    if (m.t === "settle") this.#result = m.result;
    else if (m.t === "acts") this.#act(m.acts[0] as Act);
  }

  #act(act: Act): void {
    this.#waiting = act.kind === "wait";
    switch (act.kind) {
      case "child":
        this.#row(act, act.inputHash);
        if (act.detached) return;
        this.#children.set(act.act, act);
        this.#open.add(act.act);
        return;
      case "step":
        return this.#row(act, "");
      case "emit":
        this.#row(act, "");
        this.#emits.push(`${act.name} ${act.value}`);
        return;
      case "step-result":
        if (this.#rows[act.act - 1]?.kind !== "step" || this.#rows[act.act - 1]?.seq !== null)
          this.#problem = `a result for act ${act.act}, which awaits none`;
        else this.#settle(act.act, act.error ? "failed" : "succeeded", act.value, act.error);
        return;
      case "cancel":
        if (this.#rows[act.act - 1]?.kind !== "child") this.#problem = `canceled act ${act.act}, which is no child`;
        this.#canceled.add(act.act);
        return;
      case "wait":
        if (act.seen > this.#deliveries.length) this.#problem = "saw a seq that is not there";
        return;
    }
  }

  #row(act: { act: number; kind: JournalEntry["kind"]; key: string; askedAfter: number }, inputHash: string): void {
    if (act.act !== this.#rows.length + 1) this.#problem = `act ${act.act} after ${this.#rows.length}`;
    if (this.#byKey.has(act.key)) this.#problem = `key ${act.key} twice`;
    if (act.askedAfter > this.#deliveries.length) this.#problem = `asked after ${act.askedAfter}, which has not settled`;
    if (act.askedAfter < (this.#rows.at(-1)?.askedAfter ?? 0)) this.#problem = "askedAfter falls";
    const row = { act: act.act, kind: act.kind, key: act.key, inputHash, askedAfter: act.askedAfter, seq: null };
    this.#rows.push(row);
    this.#byKey.set(act.key, row);
    this.#acks.push(act.act);
  }

  #ack(): void {
    const act = this.#acks.at(-1);
    this.#acks = [];
    if (act !== undefined) this.#worker?.receive({ t: "ack", fence: { task: 1, boot: 1, leaseNo: this.#leaseNo }, act });
  }

  // ---------- outcomes

  #settleOne(): void {
    const { order, random } = this.#o;
    const open = [...this.#open];
    if (order) {
      const next = order[this.#deliveries.length];
      const row = next && this.#byKey.get(next.key);
      if (!next || !row || !this.#open.has(row.act)) return;
      this.#at = next.at - 1;
      return this.#child(row.act, next.status);
    }
    const act = open[Math.floor(random() * open.length)];
    if (act !== undefined) this.#child(act, this.#canceled.has(act) && random() < 0.7 ? "canceled" : undefined);
  }

  #child(act: number, forced: Delivery["status"] | undefined): void {
    const { input, definition } = this.#children.get(act) as ChildAct;
    const status = forced ?? ((JSON.parse(input) as { fail?: boolean } | null)?.fail ? "failed" : "succeeded");
    if (status === "canceled")
      return this.#settle(act, status, null, errorJson(new FlotillaError("FLOTILLA_CANCELED", { by: "its parent" })));
    if (status === "failed")
      return this.#settle(
        act,
        status,
        null,
        errorJson(new FlotillaError("FLOTILLA_AGENT_FAILED", { agent: definition, task: `${publicId}.${act}`, attempts: 3 })),
      );
    return this.#settle(act, status, valueOf(definition, input), null);
  }

  #settle(act: number, status: Delivery["status"], value: string | null, error: ErrorJson | null): void {
    const { order } = this.#o;
    const row = this.#rows[act - 1] as JournalEntry;
    const seq = this.#deliveries.length + 1;
    if (order && order[seq - 1]?.key !== row.key) {
      // A step's result came before its turn in the order that is played: it waits.
      this.#queue.unshift({
        t: "acts",
        fence: { task: 1, boot: 1, leaseNo: this.#leaseNo },
        acts: [{ kind: "step-result", act, value, error }],
      });
      if (!order[seq - 1]) this.#problem = `${row.key} settles, which the crashed run never saw`;
      return this.#settleOne();
    }
    this.#at = order ? (order[seq - 1] as Settled).at : this.#at + 1 + Math.floor(this.#o.random() * 50);
    this.#rows[act - 1] = { ...row, seq };
    this.#byKey.set(row.key, this.#rows[act - 1] as JournalEntry);
    this.#open.delete(act);
    this.#deliveries.push({ seq, act, status, value, error, at: this.#at });
    this.#order.push({ key: row.key, status, at: this.#at });
  }

  #deliver(): void {
    const ready = this.#deliveries.slice(this.#sentSeq, this.#sentSeq + 1 + Math.floor(this.#o.random() * 5));
    if (ready.length === 0) return;
    this.#sentSeq += ready.length;
    this.#waiting = false;
    this.#worker?.receive({ t: "deliver", fence: { task: 1, boot: 1, leaseNo: this.#leaseNo }, deliveries: ready });
  }
}

/** What a child gives: the same in every run. */
function valueOf(definition: string, input: string): string {
  const given = JSON.parse(input) as { n?: number; items?: number[] };
  if (given.items) return JSON.stringify(given.items.reduce((a, b) => a + b, 0));
  return JSON.stringify(definition === "double" ? (given.n ?? 0) * 2 : (given.n ?? 0) + 1);
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
