// An orchestrator on a real store in memory, with a clock that the test moves and workers that do what the test says.
import type { LogSink } from "../../src/core/log.ts";
import { createRandom, type Random } from "../../src/core/random.ts";
import type { Clock } from "../../src/core/clock.ts";
import { createOrchestrator, type Attachment, type Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import type { RetentionSettings } from "../../src/orchestrator/upkeep/retention.ts";
import type { WebhookSettings } from "../../src/orchestrator/webhooks/settings.ts";
import type { ArtifactStore } from "../../src/store/artifact-store.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Batch, Store } from "../../src/store/contract.ts";
import type { StartReply, StartRequest } from "../../src/protocol/views.ts";
import type { Assignment, DefinitionCard, FromWorker, Hello, ToWorker } from "../../src/protocol/worker.ts";

export interface TestClock extends Clock {
  /** Moves time, and fires what is due in order. */
  advance(ms: number): void;
  /** Time passes while nothing runs, as in a process that is stopped: afterwards what is due fires, late. */
  oversleep(ms: number): void;
  /** Somebody sets the wall clock; the monotonic one and the timers know nothing of it. */
  set(byMs: number): void;
  readonly timers: number;
}

export function testClock(start = 1_700_000_000_000): TestClock {
  let now = start;
  let setBy = 0;
  let order = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  return {
    now: () => now + setBy,
    elapsedMs: () => now - start,
    after(ms, fn) {
      const id = ++order;
      timers.set(id, { at: now + ms, fn });
      return { cancel: () => void timers.delete(id) };
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const next = [...timers].filter(([, t]) => t.at <= until).toSorted((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
        if (!next) break;
        timers.delete(next[0]);
        now = Math.max(now, next[1].at);
        next[1].fn();
      }
      now = until;
    },
    oversleep(ms) {
      now += ms;
      this.advance(0);
    },
    set(byMs) {
      setBy += byMs;
    },
    get timers() {
      return timers.size;
    },
  };
}

export function card(name: string, over: Partial<DefinitionCard> = {}): DefinitionCard {
  return {
    name,
    kind: "agent",
    implements: null,
    description: "",
    version: "1",
    needs: [],
    retry: { attempts: 3, backoff: "fixed", fromMs: 1_000, toMs: 1_000 },
    timeoutMs: null,
    idleTimeoutMs: null,
    idempotent: false,
    inputSchema: null,
    outputSchema: null,
    ...over,
  };
}

export class TestWorker {
  readonly sent: ToWorker[] = [];
  readonly killed: string[] = [];
  attachment!: Attachment;

  get assigned(): Assignment[] {
    return this.sent.flatMap((m) => (m.t === "assign" ? [...m.tasks] : []));
  }
  of<T extends ToWorker["t"]>(t: T): Extract<ToWorker, { t: T }>[] {
    return this.sent.filter((m) => m.t === t) as Extract<ToWorker, { t: T }>[];
  }
  say(m: FromWorker): void {
    this.attachment.receive(m);
  }
  succeed(a: Assignment, value: unknown = null): void {
    this.say({ t: "settle", fence: a.fence, result: { status: "succeeded", value: JSON.stringify(value) }, spent: null });
  }
  fail(a: Assignment, over: { terminal?: boolean; retryAfterMs?: number } = {}): void {
    const { terminal = false, ...rest } = over;
    this.say({
      t: "settle",
      fence: a.fence,
      result: { status: "failed", error: { code: "ERROR", message: "boom" }, terminal, ...rest },
      spent: null,
    });
  }
  die(how = "was killed by SIGKILL"): void {
    this.attachment.lost(how, { observed: true });
  }
}

export interface World {
  readonly orchestrator: Orchestrator;
  readonly clock: TestClock;
  readonly store: Store;
  worker(over?: Partial<Hello>, namespace?: number): TestWorker;
  start(name: string, over?: Partial<StartRequest>): Promise<StartReply>;
  /** Lets everything that was said become a committed batch, and what follows from it too. */
  turn(): Promise<void>;
  /** What the artifact store does instead, while it is set: throw, or wait. */
  artifactFault: (() => Promise<void>) | undefined;
  /** What a commit throws, while it is set. */
  commitFault: ((batch: Batch) => Error | undefined) | undefined;
  /** What happens between a commit and its answer, while it is set. */
  afterCommit: ((batch: Batch) => Promise<void> | undefined) | undefined;
  /** Commits wait until the returned function is called, as those of a database across a network do. */
  holdCommits(): () => void;
  /** Its process is gone: what was not committed is lost, and nothing more is heard of it. */
  die(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface WorldOptions {
  readonly abortGraceMs?: number;
  readonly queuedMax?: number;
  readonly blockedMs?: number;
  readonly holdTicks?: boolean;
  readonly clock?: TestClock;
  /** A file, so that another life can follow. @default in memory */
  readonly path?: string;
  readonly retention?: RetentionSettings;
  /** @default one at `path` */
  readonly store?: Store;
  readonly artifacts?: ArtifactStore;
  /** Of its clock's first instant. */
  readonly startMs?: number;
  readonly random?: Random;
  readonly log?: LogSink;
  readonly webhooks?: readonly WebhookSettings[];
}

export async function openWorld({ store: given, artifacts, startMs, ...rest }: WorldOptions = {}): Promise<World> {
  const { path = ":memory:", clock = testClock(startMs), ...o } = rest;
  const store = given ?? openSqliteStore({ path });
  let held: Promise<void> | undefined;
  const memory = artifacts ?? memoryArtifacts();
  const faulty = async <T>(work: () => Promise<T>): Promise<T> => {
    await world.artifactFault?.();
    return work();
  };
  const commit = (batch: Batch) => {
    const fault = world.commitFault?.(batch);
    if (fault) throw fault;
    const result = store.commit(batch);
    const pause = world.afterCommit?.(batch);
    return pause ? pause.then(() => result) : result;
  };
  const orchestrator = await createOrchestrator({
    store: { ...store, commit: (batch) => (held ? held.then(() => commit(batch)) : commit(batch)) },
    artifacts: { ...memory, put: (text) => faulty(() => memory.put(text)), get: (hash) => faulty(() => memory.get(hash)) },
    clock,
    random: createRandom(7),
    ...o,
  });
  let workers = 0;
  const turn = async () => {
    for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const world: World = {
    artifactFault: undefined,
    commitFault: undefined,
    afterCommit: undefined,
    orchestrator,
    clock,
    store,
    turn,
    holdCommits() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return () => {
        held = undefined;
        resolve();
      };
    },
    die: () => void store.close(),
    worker(over = {}, namespace) {
      const worker = new TestWorker();
      const hello: Hello = {
        t: "hello",
        protocol: 1,
        name: `w${++workers}`,
        pid: 1,
        isolation: "child-process",
        slots: 4,
        offers: [],
        build: "b",
        definitions: [card("work")],
        ...over,
      };
      worker.attachment = orchestrator.attach(
        { send: (m) => void worker.sent.push(m), kill: (why) => void worker.killed.push(why) },
        hello,
        namespace === undefined ? {} : { namespace },
      );
      return worker;
    },
    start: (name, over = {}) => orchestrator.start([{ name, input: "{}", ...over }])[0] as Promise<StartReply>,
    [Symbol.asyncDispose]: () => orchestrator.close(),
  };
  return world;
}
