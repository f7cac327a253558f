// The smallest orchestrator that keeps a worker going: children go back to the same worker, whatever is said is
// committed at once. For tests of the worker; the one that lies and crashes is model.ts.
import { setImmediate } from "node:timers";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import type { Random } from "../../src/core/random.ts";
import type { Act, Assignment, AttemptResult, Delivery, FromWorker, Settle, ToWorker } from "../../src/protocol/worker.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";

interface Task {
  readonly number: number;
  readonly publicId: string;
  readonly parent: { readonly task: Task; readonly act: number } | undefined;
  leaseNo: number;
  seq: number;
  detached: boolean;
}
export type ActOf<K extends Act["kind"]> = Extract<Act, { kind: K }>;
type Of<T extends FromWorker["t"]> = Extract<FromWorker, { t: T }>;

export interface TinyFleet extends Disposable {
  readonly worker: Worker;
  /** All that the worker said, in order. */
  readonly said: readonly FromWorker[];
  /** Numbers of the tasks that said it, for messages of one kind. */
  of<T extends FromWorker["t"]>(t: T): Of<T>[];
  /** Acts of a task but its waits. */
  acts(task?: number): Act[];
  assign(target: AnyCallable, input?: unknown, over?: Partial<Assignment>): number;
  /** Assigns and gives the end. */
  run(target: AnyCallable, input?: unknown, over?: Partial<Assignment>): Promise<Settle>;
  /** Assigns and gives the value. */
  value(target: AnyCallable, input?: unknown): Promise<unknown>;
  /** The first message that fits, past or to come. */
  until(test: (m: FromWorker) => boolean): Promise<FromWorker>;
  settled(task: number): Promise<Settle>;
  send(m: ToWorker): void;
  /** What came of a wait, or of the task's own cancel (act 0): the next in its order. */
  end(task: number, act: number, end?: Partial<Pick<Delivery, "status" | "value" | "error">>): void;
  /** The task's first act of that kind, when it has been asked. */
  asked<K extends Act["kind"]>(task: number, kind: K, which?: (act: ActOf<K>) => boolean): Promise<ActOf<K>>;
  fence(task: number): { task: number; boot: number; leaseNo: number };
}
export interface TinyFleetOptions {
  readonly definitions: readonly AnyCallable[];
  readonly slots?: number;
  readonly continuations?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Answers acts by hand: nothing is acknowledged or delivered. */
  readonly mute?: boolean;
  readonly warnings?: string[];
  /** What the link throws when it is to carry that message. */
  readonly refuses?: (m: FromWorker) => Error | undefined;
}

/** Turns of the loop: more than an assignment, a resume and a flush need. */
export async function turns(n = 10): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export function tinyFleet(o: TinyFleetOptions): TinyFleet {
  const said: FromWorker[] = [];
  const tasks = new Map<number, Task>();
  const waiting: { test: (m: FromWorker) => boolean; resolve: (m: FromWorker) => void }[] = [];
  const artifacts = new Map<string, string>();
  let last = 0;

  const fence = (task: number) => ({ task, boot: 1, leaseNo: tasks.get(task)?.leaseNo ?? 1 });
  // Answers come in a later macrotask, as over every link.
  const send = (m: ToWorker): void => void setImmediate(() => worker.receive(m));

  const start = (definition: string, input: string, parent: Task["parent"], over: Partial<Assignment> = {}): number => {
    const number = ++last;
    const publicId = parent ? `${parent.task.publicId}.${parent.act}` : `t_00000000000000000000000000${number % 10}`;
    const task: Task = {
      number,
      publicId,
      parent,
      leaseNo: over.fence?.leaseNo ?? 1,
      seq: over.deliveries?.length ?? 0,
      detached: false,
    };
    tasks.set(number, task);
    send({
      t: "assign",
      tasks: [
        {
          fence: fence(number),
          publicId,
          definition,
          tenant: "default",
          attempt: 1,
          input,
          startedAt: 1_000,
          acts: 0,
          journal: [],
          deliveries: [],
          ...over,
        },
      ],
    });
    return number;
  };
  const deliver = (task: Task, act: number, result: AttemptResult): void => {
    const error = "error" in result ? result.error : null;
    const delivery: Delivery = {
      seq: ++task.seq,
      act,
      status: result.status === "succeeded" ? "succeeded" : "failed",
      value: result.status === "succeeded" ? result.value : null,
      error,
      at: 1_000 + task.seq,
    };
    send({ t: "deliver", fence: fence(task.number), deliveries: [delivery] });
  };
  const end: TinyFleet["end"] = (number, act, over = {}) => {
    const task = tasks.get(number) as Task;
    const seq = ++task.seq;
    const d: Delivery = { seq, act, status: "succeeded", value: "null", error: null, at: 1_000 + seq, ...over };
    send({ t: "deliver", fence: fence(number), deliveries: [d] });
  };
  const asked = async <K extends Act["kind"]>(task: number, kind: K, which: (act: ActOf<K>) => boolean = () => true) => {
    const fits = (act: Act): act is ActOf<K> => act.kind === kind && which(act as ActOf<K>);
    const find = (m: FromWorker) => (m.t === "acts" && m.fence.task === task ? m.acts.find(fits) : undefined);
    return find(await until((m) => find(m) !== undefined)) as ActOf<K>;
  };
  const takeAct = (task: Task, act: Act): void => {
    if (act.kind === "child") start(act.definition, act.input, act.detached ? undefined : { task, act: act.act });
    if (act.kind === "step-result")
      deliver(
        task,
        act.act,
        act.error ? { status: "failed", error: act.error, terminal: true } : { status: "succeeded", value: act.value as string },
      );
    if (act.kind === "step") send({ t: "ack", fence: fence(task.number), act: act.act });
  };
  const take = (m: FromWorker): void => {
    if (o.mute) return;
    const task = "fence" in m ? tasks.get(m.fence.task) : undefined;
    if (!task) return;
    if (m.t === "acts") for (const act of m.acts) takeAct(task, act);
    if (m.t === "settle" && task.parent) deliver(task.parent.task, task.parent.act, m.result);
    if (m.t === "put") {
      const id = `artifact-${artifacts.size + 1}`;
      artifacts.set(id, m.value);
      send({
        t: "reply",
        fence: m.fence,
        request: m.request,
        value: JSON.stringify({ $artifact: id, bytes: m.value.length }),
        error: null,
      });
    }
    if (m.t === "get")
      send({
        t: "reply",
        fence: m.fence,
        request: m.request,
        value: artifacts.get(m.ref) ?? null,
        error: artifacts.has(m.ref)
          ? null
          : { code: "FLOTILLA_NOT_FOUND", message: "no artifact", details: { what: "artifact", id: m.ref } },
      });
  };

  const warn = (message: string): void => void o.warnings?.push(message);
  const worker = createWorker(
    {
      name: "w",
      slots: o.slots ?? 4,
      ...(o.continuations === undefined ? {} : { continuations: o.continuations }),
      offers: [],
      build: "b",
      isolation: "in-process",
      definitions: o.definitions.map((d) => d["~definition"]),
    },
    {
      clock: o.clock ?? systemClock,
      log: { debug() {}, info() {}, warn, error: warn },
      ...(o.random ? { random: o.random } : {}),
    },
    (m) => {
      const error = o.refuses?.(m);
      if (error) throw error;
      said.push(m);
      take(m);
      for (const w of waiting.splice(0)) {
        if (w.test(m)) w.resolve(m);
        else waiting.push(w);
      }
    },
  );
  const until = (test: (m: FromWorker) => boolean): Promise<FromWorker> => {
    const past = said.find(test);
    return past ? Promise.resolve(past) : new Promise((resolve) => waiting.push({ test, resolve }));
  };
  const settled = (task: number) => until((m) => m.t === "settle" && m.fence.task === task) as Promise<Settle>;
  const assign: TinyFleet["assign"] = (target, input = null, over) => start(target.name, JSON.stringify(input), undefined, over);
  return {
    worker,
    said,
    assign,
    until,
    settled,
    send,
    end,
    asked,
    fence,
    of: <T extends FromWorker["t"]>(t: T) => said.filter((m): m is Of<T> => m.t === t),
    acts: (task) =>
      said.flatMap((m) =>
        m.t === "acts" && (task === undefined || m.fence.task === task) ? m.acts.filter((a) => a.kind !== "wait") : [],
      ),
    run: (target, input, over) => settled(assign(target, input, over)),
    async value(target, input) {
      const { result } = await settled(assign(target, input));
      if (result.status !== "succeeded") throw new Error(JSON.stringify(result));
      return JSON.parse(result.value);
    },
    [Symbol.dispose]: () => void worker.stop(),
  };
}
