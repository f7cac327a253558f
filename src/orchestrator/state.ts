import type { Clock, NextTurn } from "../core/clock.ts";
import type { LogSink } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { rootTaskId } from "../core/id.ts";
import type { ArtifactStore } from "../store/artifact-store.ts";
import type { Boot, Store, TaskRow } from "../store/contract.ts";
import type { Attempt } from "./attempt.ts";
import { Builds } from "./builds.ts";
import { Definitions } from "./definitions.ts";
import { ArtifactKeeper } from "./upkeep/artifacts.ts";
import { TaskIds } from "./task-ids.ts";
import { PutUses } from "./upkeep/put-uses.ts";
import type { RetentionSettings } from "./upkeep/retention.ts";
import type { WebhookWant } from "../store/webhooks.ts";
import type { WebhookSettings } from "./webhooks/settings.ts";
import type { WorkerState } from "./workers.ts";

export interface OrchestratorOptions {
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly random: Random;
  /** 26 letters of 128 random bits: for runs, workers and this life. @default from node:crypto */
  readonly secret?: () => string;
  readonly log?: LogSink;
  /** @default setImmediate */
  readonly nextTurn?: NextTurn;
  /** How long canceled or timed-out code may go on before its worker process is ended. @default 5_000 */
  readonly abortGraceMs?: number;
  /** How long a worker's main loop may be silent before its process is ended. @default 300_000 */
  readonly blockedMs?: number;
  /** Tasks that may wait in all; a start beyond it is refused. @default 5_000_000 */
  readonly queuedMax?: number;
  /** Schedules tick only after `Orchestrator.adopt`. @default false */
  readonly holdTicks?: boolean;
  /** How long closed runs are kept. @default for ever */
  readonly retention?: RetentionSettings;
  /** Who is told of what. @default nobody */
  readonly webhooks?: readonly WebhookSettings[];
}

// Secrets of runs that this life did not start are kept up to this many, then dropped all at once: evicting one by one
// from the front of a Map costs more than it saves (4 us each at 10,000).
const secretsMax = 10_000;

/** What an orchestrator knows in memory. Everything here can be rebuilt from the store and the workers. */
export class State {
  readonly store: Store;
  readonly artifacts: ArtifactKeeper;
  /** Who uses what running code puts. */
  readonly uses: PutUses;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LogSink;
  readonly nextTurn: NextTurn;
  boot: number;
  readonly startedAt: number;
  readonly builds: Builds;
  readonly definitions: Definitions;
  readonly workers = new Map<number, WorkerState>();
  /** Live attempts by task. */
  readonly attempts = new Map<number, Attempt>();
  /** Runs of this life that have not ended, with their secrets: no read is needed to wait for one. */
  readonly openRuns = new Map<number, string>();
  readonly #secrets = new Map<number, string>();
  readonly taskIds: TaskIds;
  nextWorker: number;
  delayed: number;
  /** Waiting workflows outside every worker's memory. */
  parked: number;
  nextDueAt: number | null;
  /** When the next schedule is due. */
  nextTickAt: number | null;
  /** Nothing ticks before the fleet has said what its schedules are: those of the last life may have changed. */
  ticksHeld: boolean;
  cancelsLeft: boolean;
  /** Who wants to be told of what the batches bring about. */
  readonly webhooks: readonly WebhookWant[];
  /** Calls of webhooks were stored. */
  callsStored: () => void = () => {};
  draining = false;
  /** What workers of other orchestrators on the same store serve, as those said last. */
  elsewhere: { readonly lanes: ReadonlySet<number>; readonly names: ReadonlySet<string> } = {
    lanes: new Set(),
    names: new Set(),
  };
  /** It lets go of its workers elsewhere: what they execute goes on at another orchestrator. */
  handingOver = false;
  /** Since when the store has no room; null: it has. */
  storeFullAt: number | null = null;

  constructor(o: OrchestratorOptions, boot: Boot) {
    this.store = o.store;
    this.clock = o.clock;
    this.random = o.random;
    this.log = o.log ?? (() => {});
    this.nextTurn = o.nextTurn ?? setImmediate;
    this.boot = boot.boot;
    this.artifacts = new ArtifactKeeper(o.artifacts, o.clock, this.log);
    this.uses = new PutUses(o.store, this, o.clock);
    this.startedAt = o.clock.now();
    this.taskIds = new TaskIds(o.store, o.clock);
    this.nextWorker = boot.nextWorker;
    this.delayed = boot.delayed;
    this.parked = boot.parked;
    this.nextDueAt = boot.nextDueAt;
    this.nextTickAt = boot.nextTickAt;
    this.ticksHeld = o.holdTicks ?? false;
    this.cancelsLeft = boot.cancelsLeft;
    this.webhooks = (o.webhooks ?? []).map(({ name: webhook, events, definitions, namespace }) => ({
      webhook,
      events,
      definitions,
      namespace,
    }));
    this.builds = new Builds({ clock: o.clock, shared: o.store.shared !== null });
    this.definitions = new Definitions(o.store, boot, this, this);
  }

  /** Another life begins in this process: nothing of the last one is held any more. */
  renew(boot: Boot): void {
    this.boot = boot.boot;
    this.nextWorker = boot.nextWorker;
    this.delayed = boot.delayed;
    this.parked = boot.parked;
    this.nextDueAt = boot.nextDueAt;
    this.nextTickAt = boot.nextTickAt;
    this.cancelsLeft = boot.cancelsLeft;
    this.openRuns.clear();
    for (const lane of this.definitions.lanes) lane.forget();
  }

  get ready(): number {
    let n = 0;
    for (const lane of this.definitions.lanes) n += lane.ready;
    return n;
  }

  rememberSecret(run: number, secret: string): void {
    if (this.#secrets.size >= secretsMax) this.#secrets.clear();
    this.#secrets.set(run, secret);
  }

  async secretOf(run: number): Promise<string> {
    const known = this.openRuns.get(run) ?? this.#secrets.get(run);
    if (known !== undefined) return known;
    const [root] = await this.store.tasks.get([run]);
    const secret = root?.secret ?? "";
    this.rememberSecret(run, secret);
    return secret;
  }

  /** Without a read; undefined when the run's secret is not at hand. */
  knownPublicId(task: Pick<TaskRow, "run" | "path" | "secret">): string | undefined {
    const secret = task.secret ?? this.openRuns.get(task.run) ?? this.#secrets.get(task.run);
    if (secret === undefined) return undefined;
    const root = rootTaskId(secret, task.run);
    return task.path === null ? root : `${root}.${task.path}`;
  }

  async publicId(task: Pick<TaskRow, "run" | "path">): Promise<string> {
    const root = rootTaskId(await this.secretOf(task.run), task.run);
    return task.path === null ? root : `${root}.${task.path}`;
  }
}
