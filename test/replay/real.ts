// The same programs under the orchestrator that ships, on a SQLite store in memory: two workers, one for the workflow and
// one for the agents, whose messages travel late and in pieces, which die at random points, and which have no memory for what waits. People
// send messages, answer and cancel when it suits them. It writes down the root
// task's history as the orchestrator tells it, so that the whole of it can be run once more without a death.
import { setImmediate } from "node:timers";
import { agent } from "../../src/client/agent.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { TerminalError } from "../../src/core/error.ts";
import type { Random } from "../../src/core/random.ts";
import { createOrchestrator, type Attachment, type Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import type { OutcomeReply, TaskView } from "../../src/protocol/views.ts";
import type { Act, Assignment, Delivery, FromWorker, JournalEntry, ToWorker } from "../../src/protocol/worker.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";
import { testClock, type TestClock } from "../orchestrator/world.ts";
import { gappy, listener, open } from "./programs.ts";

export interface RealRun {
  readonly outcome: OutcomeReply;
  readonly publicId: string;
  readonly startedAt: number;
  /** What the attempts of the root's last execution asked and learned, all of them together. */
  readonly rows: readonly JournalEntry[];
  readonly deliveries: readonly Delivery[];
  readonly baseSeq: number;
  readonly acts: number;
  readonly input: string;
  /** Steps that said their result: it may never have been told to them, when the code did not wait for it. */
  readonly results: ReadonlySet<number>;
  /** Of the executions before. */
  readonly past: readonly JournalEntry[];
  /** How each attempt of the root ended. */
  readonly attempts: readonly string[];
  readonly tasks: readonly TaskView[];
  /** Values of its durable messages. */
  readonly emits: readonly unknown[];
  /** Slots in use by workers when all was over. */
  readonly busy: number;
  readonly deaths: number;
  readonly evictions: number;
}
export interface RealOptions {
  readonly workflow: AnyCallable;
  readonly random: Random;
  /** Chance of a death per move. */
  readonly death: number;
  readonly deathsMax: number;
  /** Share of workers that have no memory for what waits. @default 0 */
  readonly evict?: number;
  /** Somebody cancels the run at a random moment. */
  readonly cancels?: boolean;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const movesMax = 100_000;
const finals: ReadonlySet<string> = new Set(["succeeded", "partial", "failed", "canceled", "quarantined"]);

export async function playReal(o: RealOptions): Promise<RealRun> {
  const clock = testClock();
  const orchestrator = await createOrchestrator({
    store: openSqliteStore({ path: ":memory:" }),
    artifacts: memoryArtifacts(),
    clock,
    random: o.random,
  });
  const game = new Game(o, orchestrator, clock);
  try {
    return await game.run();
  } finally {
    game.end();
    await orchestrator.close();
  }
}

class Game {
  readonly #o: RealOptions;
  readonly #orchestrator: Orchestrator;
  readonly #clock: TestClock;
  readonly #history = new History();
  readonly #hosts: Host[];
  #deaths = 0;
  #run = "";
  #messages = 0;
  #canceled = false;

  constructor(o: RealOptions, orchestrator: Orchestrator, clock: TestClock) {
    this.#o = o;
    this.#orchestrator = orchestrator;
    this.#clock = clock;
    const agents = agentsOf(o.random);
    this.#hosts = [
      new Host(orchestrator, clock, o, [o.workflow], 1, this.#history),
      new Host(orchestrator, clock, o, [...agents, listener, gappy], 3, undefined),
    ];
  }

  end(): void {
    for (const host of this.#hosts) host.leave();
  }

  async run(): Promise<RealRun> {
    const { workflow } = this.#o;
    const [started] = this.#orchestrator.start([{ name: workflow.name, input: "null" }]);
    const { id } = await (started as NonNullable<typeof started>);
    this.#run = id;
    let outcome: OutcomeReply | undefined;
    void this.#orchestrator.outcome(id).then((reply) => (outcome = reply));
    await this.#movesUntil(() => outcome !== undefined);
    // What it left behind (canceled children, detached ones) ends too, and then no slot is in use.
    let tasks: readonly TaskView[] = [];
    let busy = 0;
    await this.#movesUntil(async () => {
      tasks = (await this.#orchestrator.tasks({ run: id, limit: 500 })).items;
      busy = (await this.#orchestrator.workers()).reduce((n, w) => n + w.busy, 0);
      return busy === 0 && tasks.every((t) => finals.has(t.state));
    });
    const { publicId, startedAt, rows, past, deliveries, baseSeq, baseAct, input, results, evictions } = this.#history;
    const root = await this.#orchestrator.task(publicId);
    return {
      outcome: outcome as unknown as OutcomeReply,
      publicId,
      startedAt,
      rows: rows.map((row) => ({ ...row, seq: deliveries.find((d) => d?.act === row.act)?.seq ?? null })),
      deliveries: deliveries.slice(baseSeq),
      baseSeq,
      acts: baseAct + rows.length,
      input,
      results,
      past,
      attempts: root.attempts.map((a) => a.outcome),
      tasks,
      emits: await this.#emits(id),
      busy,
      deaths: this.#deaths,
      evictions,
    };
  }

  async #emits(run: string): Promise<unknown[]> {
    const emits: unknown[] = [];
    for await (const event of this.#orchestrator.events(run, { types: ["custom", "run.finished"] })) {
      if (event.type === "run.finished") break;
      emits.push((event.data as { value: unknown }).value);
    }
    return emits;
  }

  async #movesUntil(done: () => boolean | Promise<boolean>): Promise<void> {
    for (let move = 0; !(await done()); move++) {
      if (move > movesMax) throw new Error(`hangs after ${this.#deaths} deaths: ${JSON.stringify(this.#history)}`);
      await this.#move();
    }
  }

  async #move(): Promise<void> {
    const { random, death, deathsMax } = this.#o;
    const host = this.#hosts[random() < 0.6 ? 0 : 1] as Host;
    this.#clock.advance(1 + Math.floor(random() * 20));
    if (random() < 0.6) await turns(1 + Math.floor(random() * 3));
    if (random() < 0.05) await this.#people();
    if (this.#deaths < deathsMax && random() < death) {
      this.#deaths++;
      return host.die();
    }
    if (random() < 0.5) host.hear(1 + Math.floor(random() * 4));
    else host.speak(1 + Math.floor(random() * 4));
  }

  /** Somebody outside does something. What comes too late is refused, and that is all. */
  async #people(): Promise<void> {
    const { random, cancels } = this.#o;
    const orchestrator = this.#orchestrator;
    const late = (e: unknown): void => {
      const { code } = e as { code?: string };
      if (code !== "FLOTILLA_TOO_LATE" && code !== "FLOTILLA_TOO_MANY") throw e;
    };
    if (cancels && !this.#canceled && this.#history.rows.length > 0 && random() < 0.3) {
      this.#canceled = true;
      void orchestrator.cancel(this.#run, "somebody").catch(late);
    } else if (random() < 0.6) {
      void orchestrator.send(this.#run, { name: "note", value: JSON.stringify(++this.#messages) }).catch(late);
    } else {
      const [open] = (await orchestrator.approvals({})).items;
      if (!open) return;
      if (random() < 0.3) void orchestrator.reject(open.id, { by: "ann", reason: "no" }).catch(late);
      else {
        const edited = open.valueSchema !== null || open.value !== null ? { value: JSON.stringify(++this.#messages) } : {};
        void orchestrator.approve(open.id, { by: "ann", ...(random() < 0.5 ? edited : {}) }).catch(late);
      }
    }
  }
}

/** A worker process: what it is told and what it says waits in two queues until the link carries it. */
class Host {
  readonly #orchestrator: Orchestrator;
  readonly #clock: TestClock;
  readonly #o: RealOptions;
  readonly #definitions: readonly AnyCallable[];
  readonly #slots: number;
  readonly #history: History | undefined;
  #worker!: Worker;
  #attachment!: Attachment;
  #told: ToWorker[] = [];
  #said: FromWorker[] = [];

  constructor(
    orchestrator: Orchestrator,
    clock: TestClock,
    o: RealOptions,
    definitions: readonly AnyCallable[],
    slots: number,
    history: History | undefined,
  ) {
    this.#orchestrator = orchestrator;
    this.#clock = clock;
    this.#o = o;
    this.#definitions = definitions;
    this.#slots = slots;
    this.#history = history;
    this.#join();
  }

  #join(): void {
    const { random, evict = 0 } = this.#o;
    const told: ToWorker[] = [];
    const said: FromWorker[] = [];
    this.#told = told;
    this.#said = said;
    this.#worker = createWorker(
      {
        name: "w",
        slots: this.#slots,
        offers: [],
        build: "b",
        isolation: "in-process",
        definitions: this.#definitions.map((d) => d["~definition"]),
        continuations: random() < evict ? 0 : 10,
      },
      { clock: this.#clock, random, log: silent },
      (m) => void said.push(m),
    );
    this.#attachment = this.#orchestrator.attach({ send: (m) => void told.push(m), kill: () => {} }, this.#worker.hello());
  }

  /** The worker gets up to n messages. */
  hear(n: number): void {
    for (const m of this.#told.splice(0, n)) {
      this.#history?.told(m);
      this.#worker.receive(m);
    }
  }

  /** The orchestrator gets up to n messages. */
  speak(n: number): void {
    for (const m of this.#said.splice(0, n)) {
      this.#history?.said(m);
      this.#attachment.receive(m);
    }
  }

  /** Some of what it said has arrived, the rest never will. */
  die(): void {
    this.speak(Math.floor(this.#o.random() * (this.#said.length + 1)));
    this.leave();
    this.#attachment.lost("died", { observed: false });
    this.#join();
  }

  leave(): void {
    void this.#worker.stop();
  }
}

/** What the attempts of the root were told and said. */
class History {
  publicId = "";
  startedAt = 0;
  input = "null";
  baseAct = 0;
  baseSeq = 0;
  evictions = 0;
  readonly results = new Set<number>();
  past: JournalEntry[] = [];
  rows: JournalEntry[] = [];
  deliveries: Delivery[] = [];

  told(m: ToWorker): void {
    if (m.t === "assign") for (const task of m.tasks) this.#assigned(task);
    if (m.t === "deliver") for (const d of m.deliveries) this.#delivered(d);
    if (m.t === "parked") this.evictions++;
  }

  said(m: FromWorker): void {
    if (m.t === "acts") for (const act of m.acts) this.#asked(act);
  }

  /** A new attempt: the orchestrator says what was kept, and that must be how it was. */
  #assigned(task: Assignment): void {
    this.publicId = task.publicId;
    this.startedAt = task.startedAt;
    const baseSeq = task.baseSeq ?? 0;
    const baseAct = task.acts - task.journal.length;
    if (baseSeq > this.baseSeq || baseAct > this.baseAct || task.input !== this.input) {
      this.past.push(...this.rows);
      this.rows = [];
      this.deliveries.length = baseSeq;
    }
    Object.assign(this, { baseSeq, baseAct, input: task.input });
    task.journal.forEach((row, i) => {
      if (row.act !== baseAct + i + 1) throw new Error(`the journal has act ${row.act} in place ${i + 1}`);
      const before = this.rows[i];
      if (!before) throw new Error(`the journal has ${row.key}, which nobody asked`);
      if (
        before.key !== row.key ||
        before.kind !== row.kind ||
        before.askedAfter !== row.askedAfter ||
        before.inputHash !== row.inputHash
      )
        throw new Error(`the journal has ${JSON.stringify(row)} for ${JSON.stringify(before)}`);
    });
    this.rows = [...task.journal];
    for (const [i, d] of task.deliveries.entries()) {
      if (d.seq !== baseSeq + i + 1) throw new Error(`the journal has seq ${d.seq} in place ${i + 1}`);
      this.#delivered(d);
    }
  }

  #delivered(d: Delivery): void {
    const before = this.deliveries[d.seq - 1];
    if (before && JSON.stringify(before) !== JSON.stringify(d))
      throw new Error(`seq ${d.seq} was ${JSON.stringify(before)} and is ${JSON.stringify(d)}`);
    if (d.seq > this.deliveries.length + 1) throw new Error(`seq ${d.seq} after ${this.deliveries.length}`);
    this.deliveries[d.seq - 1] = d;
  }

  #asked(act: Act): void {
    if (act.kind === "step-result") this.results.add(act.act);
    if (act.kind === "wait" || act.kind === "cancel" || act.kind === "step-result") return;
    const { kind, key, askedAfter } = act;
    if (act.act !== this.baseAct + this.rows.length + 1)
      throw new Error(`act ${act.act} after ${this.baseAct + this.rows.length}`);
    if (this.rows.some((row) => row.key === key)) throw new Error(`${key} was asked twice`);
    this.rows.push({
      act: act.act,
      kind,
      key,
      inputHash: "inputHash" in act ? act.inputHash : "",
      askedAfter,
      seq: null,
    });
  }
}

/** Real agents under the names that the programs call. They take some turns, so that they end in any order. */
function agentsOf(random: Random): readonly AnyCallable[] {
  interface In {
    n?: number;
    fail?: boolean;
    items?: number[];
  }
  const made = (name: string, value: (input: In) => number): AnyCallable =>
    agent({
      name,
      input: open<In>(),
      output: open<number>(),
      async run(input) {
        await turns(Math.floor(random() * 6));
        if (input.fail) throw new TerminalError(`${name} was told to fail`);
        return value(input);
      },
    });
  return [
    made("inc", ({ n }) => (n ?? 0) + 1),
    made("double", ({ n }) => (n ?? 0) * 2),
    made("sum", ({ items }) => (items ?? []).reduce((a, b) => a + b, 0)),
  ];
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
