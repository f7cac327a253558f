// An orchestrator in memory, with every freedom that the real one has: it commits acts as prefixes, settles children in
// random order, lets timers end, messages arrive and people answer, delivers in random batches and pages, acknowledges
// late, takes idle workflows out of memory, and kills the worker at random points; the next attempt gets what was
// committed. It keeps the books that the promises are about, and says which of them was broken.
import { setImmediate } from "node:timers";
import { systemClock } from "../../src/core/clock.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { errorJson, FlotillaError, type ErrorJson } from "../../src/core/error.ts";
import type { Random } from "../../src/core/random.ts";
import type {
  Act,
  ApprovalAct,
  Assignment,
  AttemptResult,
  ChildAct,
  Delivery,
  FromWorker,
  JournalEntry,
  MessageAct,
  TimerAct,
} from "../../src/protocol/worker.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";

/** What settled, in order: enough to play the same run again without a crash. */
export interface Settled {
  /** Of its act; "" is the task's own cancel. */
  readonly key: string;
  readonly status: Delivery["status"];
  readonly value: string | null;
  readonly error: ErrorJson | null;
  readonly at: number;
}
/** A run, and the same again: `bases` is how much had settled when each execution but the first began. */
export interface Order {
  readonly settled: readonly Settled[];
  readonly bases: readonly number[];
}
export interface Told {
  readonly result: AttemptResult;
  readonly order: Order;
  readonly emits: readonly string[];
  readonly sends: readonly string[];
  /** Of all executions. */
  readonly keys: readonly string[];
  readonly crashes: number;
  readonly evictions: number;
  /** The journal of the last execution. */
  readonly rows: readonly JournalEntry[];
  readonly deliveries: readonly Delivery[];
  readonly baseSeq: number;
  readonly acts: number;
  readonly startedAt: number;
  readonly input: string;
}
export interface ModelOptions {
  readonly workflow: AnyCallable;
  readonly input?: unknown;
  readonly random: Random;
  /** Chance of a crash per move; 0 never crashes. */
  readonly crash: number;
  readonly crashesMax: number;
  /** Share of attempts whose worker has no memory for what waits: they are parked as soon as they are idle. @default 0 */
  readonly evict?: number;
  /** Journals and histories arrive in pages of 1 to so many. @default all at once */
  readonly pageMax?: number;
  /** Somebody cancels the task at a random moment. */
  readonly cancels?: boolean;
  /** Play this order instead of a random one. */
  readonly order?: Order;
  /** After so many moves it hangs. @default 200_000 */
  readonly movesMax?: number;
  /** A part of the rule that is left out. */
  readonly defect?: Defect;
}
export type Defect =
  | "a timer lives in memory"
  | "woken without its history"
  | "the cancel overtakes what had settled"
  | "a message is taken at the ask"
  | "a shield's children are canceled"
  | "a message goes to the newest wait"
  | "the same execution after continueAs"
  | "an attempt is parked although something has settled";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const movesMax = 200_000;
const publicId = "t_00000000000000000000000000a";
/** Messages that come before anybody waits for them. */
const earlyMax = 3;
const waits: ReadonlySet<string> = new Set(["timer", "message", "approval"]);

export class Broken extends Error {}

export async function play(o: ModelOptions): Promise<Told> {
  const model = new Model(o);
  try {
    return await model.run();
  } finally {
    model.end();
  }
}

type WaitAct = TimerAct | MessageAct | ApprovalAct;
type End = Omit<Settled, "key" | "at">;

class Model {
  readonly #o: ModelOptions;
  /** Of the execution that counts; act `#baseAct + 1` is the first. */
  #rows: JournalEntry[] = [];
  #baseAct = 0;
  #baseSeq = 0;
  #startedAt = 1_000;
  #input: string;
  #byKey = new Map<string, JournalEntry>();
  #children = new Map<number, ChildAct>();
  #waits = new Map<number, { readonly act: WaitAct; readonly dueAt: number | null }>();
  readonly #canceled = new Set<number>();
  /** Children, steps and waits without an outcome. */
  readonly #open = new Set<number>();
  readonly #deliveries: Delivery[] = [];
  readonly #order: Settled[] = [];
  readonly #bases: number[] = [];
  readonly #emits: string[] = [];
  readonly #sends: string[] = [];
  readonly #keys: string[] = [];
  /** Messages that nobody has taken, by name. */
  readonly #boxes = new Map<string, string[]>();
  #messages = 0;
  #early = 0;
  #cancelSeq: number | undefined;
  #at = 1_000;
  #worker: Worker | undefined;
  #leaseNo = 0;
  /** Said by the worker and not committed. */
  #queue: FromWorker[] = [];
  #sentSeq = 0;
  /** What had settled when the attempt began: up to here it comes in pages that are asked for. */
  #historyEnd = 0;
  #askedMore = false;
  /** The number that the worker knows the last one by; another than its seq only by a defect. */
  #toldSeq = 0;
  readonly #toldEarly = new Set<number>();
  #acks: number[] = [];
  #crashes = 0;
  #evictions = 0;
  #parked = false;
  #result: AttemptResult | undefined;
  #waiting = false;
  #problem: string | undefined;

  constructor(o: ModelOptions) {
    this.#o = o;
    this.#input = JSON.stringify(o.input ?? null);
  }

  end(): void {
    void this.#worker?.stop();
  }

  async run(): Promise<Told> {
    this.#assign();
    for (let move = 0; !this.#result; move++) {
      if (move > (this.#o.movesMax ?? movesMax)) throw new Broken(`hangs: ${this.#state()}`);
      await this.#move();
      if (this.#problem !== undefined) throw new Broken(this.#problem);
    }
    return {
      result: this.#result,
      order: { settled: this.#order, bases: this.#bases },
      emits: this.#emits,
      sends: this.#sends,
      keys: this.#keys,
      crashes: this.#crashes,
      evictions: this.#evictions,
      rows: this.#rows,
      deliveries: this.#deliveries.slice(this.#baseSeq),
      baseSeq: this.#baseSeq,
      acts: this.#lastAct,
      startedAt: this.#startedAt,
      input: this.#input,
    };
  }

  async #move(): Promise<void> {
    const { random, crash, crashesMax, order } = this.#o;
    if (random() < 0.6) await turns(1 + Math.floor(random() * 3));
    const r = random();
    if (this.#crashes < crashesMax && random() < crash && !this.#parked) return this.#crash();
    if (!order && random() < 0.03) this.#outside();
    if (r < 0.4) this.#commit();
    else if (r < 0.7) this.#settleOne();
    else if (r < 0.95) this.#deliver();
    else this.#ack();
  }

  /** What comes without having been asked for. */
  #outside(): void {
    const { random, cancels } = this.#o;
    if (cancels && this.#cancelSeq === undefined && random() < 0.5) this.#cancelTask();
    else if (this.#early < earlyMax) {
      this.#early++;
      this.#post("note", JSON.stringify(++this.#messages));
    } else if (this.#parked && random() < 0.1) this.#assign(); // A question about its state brings it back.
  }

  #state(): string {
    return JSON.stringify({
      rows: this.#rows.length,
      open: [...this.#open],
      queue: this.#queue.length,
      sentSeq: this.#sentSeq,
      seq: this.#deliveries.length,
      waiting: this.#waiting,
      parked: this.#parked,
      crashes: this.#crashes,
    });
  }

  // ---------- attempts

  get #lastAct(): number {
    return this.#baseAct + this.#rows.length;
  }

  get #fence() {
    return { task: 1, boot: 1, leaseNo: this.#leaseNo };
  }

  #assign(): void {
    const leaseNo = ++this.#leaseNo;
    const { workflow, random, evict = 0 } = this.#o;
    this.#queue = [];
    this.#acks = [];
    this.#waiting = false;
    this.#parked = false;
    this.#askedMore = false;
    void this.#worker?.stop();
    const worker = createWorker(
      {
        name: "w",
        slots: 1,
        offers: [],
        build: "b",
        isolation: "in-process",
        definitions: [workflow["~definition"]],
        continuations: random() < evict ? 0 : 10,
      },
      { clock: systemClock, log: silent },
      (m) => {
        if (!("fence" in m) || m.fence.leaseNo !== this.#leaseNo) return;
        if (this.#queue.some((q) => q.t === "settle")) this.#problem = `said ${m.t} after it had settled`;
        if (m.t === "acts") {
          // One by one, so that a prefix may end anywhere.
          for (const act of m.acts) this.#queue.push({ ...m, acts: [act] });
        } else if (m.t === "settle") this.#queue.push(m);
        else if (m.t === "more") this.#askedMore = true;
        else if (m.t === "get") this.#reply(worker, m);
      },
    );
    this.#worker = worker;
    const seq = this.#deliveries.length;
    this.#historyEnd = seq;
    this.#sentSeq = Math.min(seq, this.#baseSeq + this.#page());
    this.#toldSeq = this.#sentSeq;
    this.#toldEarly.clear();
    const blind = this.#o.defect === "woken without its history" && this.#evictions > 0;
    const rows = blind ? [] : this.#rows.map((r) => ({ ...r }));
    const first = this.#page();
    const assignment: Assignment = {
      fence: this.#fence,
      publicId,
      definition: workflow.name,
      tenant: "default",
      attempt: leaseNo,
      input: this.#input,
      startedAt: this.#startedAt,
      acts: this.#lastAct,
      journal: rows.slice(0, first),
      journalLeft: Math.max(0, rows.length - first),
      baseSeq: this.#baseSeq,
      lastSeq: seq,
      deliveries: this.#deliveries.slice(this.#baseSeq, this.#sentSeq),
    };
    worker.receive({ t: "assign", tasks: [assignment] });
    for (let at = first; at < rows.length;) {
      const entries = rows.slice(at, at + this.#page());
      at += entries.length;
      worker.receive({ t: "journal", fence: this.#fence, entries, left: rows.length - at });
    }
  }

  #page(): number {
    const { pageMax, random } = this.#o;
    return pageMax === undefined ? Infinity : 1 + Math.floor(random() * pageMax);
  }

  #reply(worker: Worker, m: Extract<FromWorker, { t: "get" }>): void {
    setImmediate(() =>
      worker.receive({ t: "reply", fence: m.fence, request: m.request, value: m.ref.slice(m.ref.indexOf("-") + 1), error: null }),
    );
  }

  #crash(): void {
    // The orchestrator had taken some of what was said.
    for (let n = Math.floor(this.#o.random() * (this.#queue.length + 1)); n > 0 && !this.#result; n--) this.#commitOne();
    if (this.#result || this.#parked) return;
    this.#crashes++;
    this.#assign();
  }

  /** The worker wants its memory back. Granted when there is nothing that its code has not seen. */
  #park(seen: number): void {
    const careless = this.#o.defect === "an attempt is parked although something has settled";
    if (seen < this.#deliveries.length && !careless) return;
    this.#evictions++;
    this.#parked = true;
    this.#worker?.receive({ t: "parked", fence: this.#fence });
    if (this.#queue.length > 0) this.#problem = `said ${this.#queue[0]?.t} after it had asked to be parked`;
    if (this.#o.defect === "a timer lives in memory")
      for (const [act, wait] of this.#waits) if (wait.act.kind === "timer") this.#open.delete(act);
  }

  /** The next execution of the same task. */
  #continue(input: string): void {
    this.#bases.push(this.#deliveries.length);
    this.#input = input;
    this.#open.clear();
    this.#canceled.clear();
    if (this.#o.defect !== "the same execution after continueAs") {
      this.#baseAct = this.#lastAct;
      this.#baseSeq = this.#deliveries.length;
      this.#rows = [];
      this.#byKey = new Map();
      this.#children = new Map();
      this.#waits = new Map();
      this.#startedAt = this.#deliveries.at(-1)?.at ?? this.#startedAt;
    }
    // The cancel came too late for the execution that ended: the next one learns of it.
    if (this.#cancelSeq !== undefined && !this.#o.order) this.#toldOfCancel();
    this.#assign();
  }

  // ---------- acts

  #commit(): void {
    for (let n = 1 + Math.floor(this.#o.random() * 4); n > 0; n--) this.#commitOne();
  }

  #commitOne(): void {
    const m = this.#queue.shift();
    if (!m) return;
    if (m.t === "settle") {
      if (m.result.status !== "continued") this.#result = m.result;
      else if (this.#deliveries.length < (this.#o.order?.bases[this.#bases.length] ?? 0)) this.#queue.unshift(m);
      else this.#continue(m.result.input);
    } else if (m.t === "acts") this.#act(m.acts[0] as Act);
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
        this.#row(act, "");
        this.#open.add(act.act);
        return;
      case "emit":
        this.#row(act, "");
        this.#emits.push(`${act.name} ${act.value}`);
        return;
      case "send":
        this.#row(act, act.inputHash);
        this.#sends.push(`${JSON.stringify(act.to)} ${act.name} ${act.value}`);
        if ("task" in act.to && act.to.task === publicId && !this.#o.order) this.#post(act.name, act.value);
        return;
      case "timer":
      case "message":
      case "approval":
        return this.#begin(act);
      case "step-result":
        if (this.#rowOf(act.act)?.kind !== "step" || this.#rowOf(act.act)?.seq !== null)
          this.#problem = `a result for act ${act.act}, which awaits none`;
        else this.#settle(act.act, { status: act.error ? "failed" : "succeeded", value: act.value, error: act.error });
        return;
      case "cancel":
        return this.#stop(act.act);
      case "wait":
        if (act.seen > this.#deliveries.length) this.#problem = "saw a seq that is not there";
        if (act.park) this.#park(act.seen);
        return;
    }
  }

  #rowOf(act: number): JournalEntry | undefined {
    return this.#rows[act - this.#baseAct - 1];
  }

  #row(act: { act: number; kind: JournalEntry["kind"]; key: string; askedAfter: number }, inputHash: string): void {
    if (act.act !== this.#lastAct + 1) this.#problem = `act ${act.act} after ${this.#lastAct}`;
    if (this.#byKey.has(act.key)) this.#problem = `key ${act.key} twice`;
    if (act.askedAfter > this.#deliveries.length) this.#problem = `asked after ${act.askedAfter}, which has not settled`;
    if (act.askedAfter < (this.#rows.at(-1)?.askedAfter ?? this.#baseSeq)) this.#problem = "askedAfter falls";
    const row = { act: act.act, kind: act.kind, key: act.key, inputHash, askedAfter: act.askedAfter, seq: null };
    this.#rows.push(row);
    this.#keys.push(act.key);
    this.#byKey.set(act.key, row);
    this.#acks.push(act.act);
  }

  #begin(act: WaitAct): void {
    this.#row(act, act.inputHash);
    const dueAt =
      act.kind !== "timer"
        ? act.timeoutMs === null
          ? null
          : this.#at + act.timeoutMs
        : "at" in act.until
          ? act.until.at
          : this.#at + act.until.delayMs;
    this.#waits.set(act.act, { act, dueAt });
    this.#open.add(act.act);
    if (act.kind !== "message" || this.#o.order) return;
    const box = this.#boxes.get(act.name);
    const value = box?.shift();
    if (value === undefined) return;
    if (this.#o.defect === "a message is taken at the ask") this.#tellEarly(act.act, value);
    this.#settle(act.act, { status: "succeeded", value, error: null });
  }

  /** The defect: it is told before what has settled before it. */
  #tellEarly(act: number, value: string): void {
    this.#toldEarly.add(act);
    const d = { seq: ++this.#toldSeq, act, status: "succeeded" as const, value, error: null, at: this.#at };
    this.#worker?.receive({ t: "deliver", fence: this.#fence, deliveries: [d] });
  }

  #stop(act: number): void {
    const row = this.#rowOf(act);
    if (row?.kind === "child") this.#canceled.add(act);
    else if (!row || !waits.has(row.kind)) this.#problem = `canceled act ${act}, which can not be`;
    else if (this.#open.has(act) && !this.#o.order)
      this.#settle(act, { status: "canceled", value: null, error: canceledBy("its code") });
  }

  #ack(): void {
    const act = this.#acks.at(-1);
    this.#acks = [];
    if (act !== undefined) this.#worker?.receive({ t: "ack", fence: this.#fence, act });
  }

  // ---------- outcomes

  #post(name: string, value: string): void {
    const open = [...this.#open].filter((act) => {
      const wait = this.#waits.get(act)?.act;
      return wait?.kind === "message" && wait.name === name;
    });
    const act = this.#o.defect === "a message goes to the newest wait" ? open.at(-1) : open[0];
    if (act !== undefined) return this.#settle(act, { status: "succeeded", value, error: null });
    const box = this.#boxes.get(name);
    if (box) box.push(value);
    else this.#boxes.set(name, [value]);
  }

  #cancelTask(): void {
    this.#toldOfCancel();
    for (const [act, child] of this.#children)
      if (!child.shielded || this.#o.defect === "a shield's children are canceled") this.#canceled.add(act);
  }

  #toldOfCancel(): void {
    const d = { act: 0, status: "canceled" as const, value: null, error: canceledBy("somebody") };
    if (this.#o.defect === "the cancel overtakes what had settled" && this.#sentSeq < this.#deliveries.length) {
      const at = this.#at;
      this.#deliveries.splice(this.#sentSeq, 0, { ...d, seq: 0, at });
      this.#deliveries.forEach((later, i) => (this.#deliveries[i] = { ...later, seq: i + 1 }));
      this.#order.push({ key: "", status: d.status, value: null, error: d.error, at });
      this.#cancelSeq = this.#sentSeq + 1;
      return this.#wake();
    }
    this.#push(d, "");
    this.#cancelSeq = this.#deliveries.length;
  }

  #settleOne(): void {
    const { order, random } = this.#o;
    const open = [...this.#open].filter((act) => this.#rowOf(act)?.kind !== "step");
    if (order) {
      // All that settled in this execution has: the next one begins first.
      if (this.#deliveries.length === order.bases[this.#bases.length]) return;
      const next = order.settled[this.#deliveries.length];
      if (next?.key === "") return this.#toldOfCancel();
      const row = next && this.#byKey.get(next.key);
      if (!next || !row || row.kind === "step" || !this.#open.has(row.act)) return;
      return this.#settle(row.act, next);
    }
    const act = open[Math.floor(random() * open.length)];
    if (act === undefined) return;
    const wait = this.#waits.get(act);
    if (wait) this.#endWait(act, wait);
    else this.#settle(act, this.#child(act, this.#canceled.has(act) && random() < 0.7));
  }

  /** Time passes as it must: what is due first ends first. */
  #endWait(act: number, { act: wait, dueAt }: { act: WaitAct; dueAt: number | null }): void {
    const { random } = this.#o;
    if (wait.kind === "message" && (dueAt === null || random() < 0.6))
      return this.#post(wait.name, JSON.stringify(++this.#messages));
    if (wait.kind === "approval" && (dueAt === null || random() < 0.6)) return this.#settle(act, this.#answer(wait));
    let due = act;
    let first = dueAt as number;
    for (const [other, { dueAt: at }] of this.#waits)
      if (at !== null && at < first && this.#open.has(other)) {
        due = other;
        first = at;
      }
    this.#at = Math.max(this.#at, first);
    const expired = (this.#waits.get(due) as { act: WaitAct }).act;
    if (expired.kind === "timer") return this.#settle(due, { status: "succeeded", value: "null", error: null });
    if (expired.kind === "message")
      return this.#settle(due, {
        status: "failed",
        value: null,
        error: new FlotillaError("FLOTILLA_TIMEOUT", { after: "timeout" }).toJSON(),
      });
    const { onTimeout, edit } = expired.approval;
    if (onTimeout === "reject") return this.#settle(due, rejected("timeout"));
    const value = JSON.stringify({ by: "timeout", via: "timeout", value: edit?.value ?? null });
    return this.#settle(due, { status: "succeeded", value, error: null });
  }

  #answer({ approval: { edit } }: ApprovalAct): End {
    const { random } = this.#o;
    if (random() < 0.3) return rejected("ann");
    const value = edit && random() < 0.5 ? ++this.#messages : (edit?.value ?? null);
    return { status: "succeeded", value: JSON.stringify({ by: "ann", via: "person", value }), error: null };
  }

  #child(act: number, isCanceled: boolean): End {
    const { input, definition, asRef } = this.#children.get(act) as ChildAct;
    const given = JSON.parse(input) as { fail?: boolean; partial?: boolean } | null;
    if (isCanceled) return { status: "canceled", value: null, error: canceledBy("its parent") };
    if (given?.fail) {
      const details = { agent: definition, task: `${publicId}.${act}`, attempts: 3 };
      return { status: "failed", value: null, error: errorJson(new FlotillaError("FLOTILLA_AGENT_FAILED", details)) };
    }
    const value = valueOf(definition, input);
    const status = given?.partial ? "partial" : "succeeded";
    return { status, value: asRef ? JSON.stringify({ $artifact: `ref-${value}`, bytes: value.length }) : value, error: null };
  }

  #settle(act: number, end: End): void {
    const { order } = this.#o;
    const row = this.#rowOf(act) as JournalEntry;
    const seq = this.#deliveries.length + 1;
    if (order && order.settled[seq - 1]?.key !== row.key) {
      // A step's result came before its turn in the order that is played: it waits.
      const again: Act = { kind: "step-result", act, value: end.value, error: end.error };
      this.#queue.unshift({ t: "acts", fence: this.#fence, acts: [again] });
      if (!order.settled[seq - 1]) this.#problem = `${row.key} settles, which the crashed run never saw`;
      return this.#settleOne();
    }
    const settled = { ...row, seq };
    this.#rows[act - this.#baseAct - 1] = settled;
    this.#byKey.set(row.key, settled);
    this.#open.delete(act);
    this.#push({ ...end, act }, row.key);
  }

  #push({ act, status, value, error }: End & { act: number }, key: string): void {
    const { order, random } = this.#o;
    const seq = this.#deliveries.length + 1;
    this.#at = order ? (order.settled[seq - 1] as Settled).at : this.#at + 1 + Math.floor(random() * 50);
    this.#deliveries.push({ seq, act, status, value, error, at: this.#at });
    this.#order.push({ key, status, value, error, at: this.#at });
    this.#wake();
  }

  #wake(): void {
    if (this.#parked && this.#o.defect !== "an attempt is parked although something has settled") this.#assign();
  }

  #deliver(): void {
    if (this.#parked) return;
    const isHistory = this.#sentSeq < this.#historyEnd;
    if (isHistory && !this.#askedMore) return;
    this.#askedMore = false;
    const until = isHistory
      ? Math.min(this.#historyEnd, this.#sentSeq + this.#page())
      : this.#sentSeq + 1 + Math.floor(this.#o.random() * 5);
    const ready = this.#deliveries.slice(this.#sentSeq, until);
    if (ready.length === 0) return;
    this.#sentSeq += ready.length;
    this.#waiting = false;
    const told = ready.filter((d) => !this.#toldEarly.has(d.act)).map((d) => ({ ...d, seq: ++this.#toldSeq }));
    this.#worker?.receive({ t: "deliver", fence: this.#fence, deliveries: told });
  }
}

function canceledBy(by: string): ErrorJson {
  return errorJson(new FlotillaError("FLOTILLA_CANCELED", { by }));
}

function rejected(by: string): End {
  return { status: "failed", value: null, error: new FlotillaError("FLOTILLA_REJECTED", { by, reason: "no" }).toJSON() };
}

/** What a child gives: the same in every run. */
function valueOf(definition: string, input: string): string {
  const given = JSON.parse(input) as { n?: number; items?: (number | { $artifact: string })[] };
  if (given.items) {
    const items = given.items.map((i) => (typeof i === "number" ? i : Number(i.$artifact.slice(i.$artifact.indexOf("-") + 1))));
    return JSON.stringify(items.reduce((a, b) => a + b, 0));
  }
  return JSON.stringify(definition === "double" ? (given.n ?? 0) * 2 : (given.n ?? 0) + 1);
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
