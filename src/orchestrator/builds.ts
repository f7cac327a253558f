// Which versions of code and of schemas live workers have, which build came last, and what follows for the lanes that are
// bound to one version. A lane's `build` is empty (any worker with the name), a code version ("c:": workflows that have
// begun) or a schema version ("s:": what running code asks for).
import type { Clock, Timer } from "../core/clock.ts";
import { shortHash } from "../core/hash.ts";
import type { DefinitionCard, Hello } from "../protocol/worker.ts";
import type { BuildRow } from "../store/builds.ts";
import { isRemote, type WorkerState } from "./workers.ts";

/** What of a definition must be equal for a task to go on, or to be understood. */
export interface Versions {
  /** Empty: its code has no version, and binds nothing. */
  readonly code: string;
  readonly schema: string;
  readonly onOrphan: "wait" | "move-if-unchanged";
}

/** A build is gone when no live worker has had it for so long, in ms: workers reconnect, and orchestrators begin anew. */
export const goneAfterMs = 30_000;

// Cards of equal workers are one object, and hashing two schemas costs 10 us.
const known = new WeakMap<DefinitionCard, Versions>();

/** By name. Contracts have no code, and say nothing about who implements them. */
export function versionsOf(hello: Pick<Hello, "definitions">): ReadonlyMap<string, Versions> {
  const versions = new Map<string, Versions>();
  for (const card of hello.definitions) {
    if (card.kind === "contract") continue;
    let v = known.get(card);
    if (!v) {
      const schema = `s:${shortHash(JSON.stringify([card.name, card.inputSchema ?? null, card.outputSchema ?? null]))}`;
      const code = card.kind === "workflow" && card.code !== undefined ? `c:${card.code}` : "";
      known.set(card, (v = { code, schema, onOrphan: card.onOrphan ?? "wait" }));
    }
    versions.set(card.name, v);
  }
  return versions;
}

export function isCode(build: string): boolean {
  return build.startsWith("c:");
}

export interface BuildsOptions {
  readonly clock: Clock;
  /** Others have workers of the same fleet: then every worker's tasks are bound, else only those of remote ones. */
  readonly shared: boolean;
}

export class Builds {
  readonly #clock: Clock;
  readonly #shared: boolean;
  readonly #startedAt: number;
  /** When the first worker of each came. */
  readonly #since = new Map<string, number>();
  /** By version: workers here that take tasks of it, those among them that begin new ones, and the build of the last. */
  readonly #here = new Map<string, { workers: number; active: number; build: string; lastAt: number }>();
  /** How each worker is counted in it. */
  readonly #counted = new Map<WorkerState, { readonly workers: number; readonly active: number }>();
  #elsewhere: ReadonlySet<string> = new Set();
  #timer: { readonly at: number; readonly timer: Timer } | undefined;
  #stopped = false;
  /** What can run where has changed by time alone. */
  changed: () => void = () => {};

  constructor(o: BuildsOptions) {
    this.#clock = o.clock;
    this.#shared = o.shared;
    this.#startedAt = o.clock.elapsedMs();
  }

  know(rows: readonly BuildRow[]): void {
    for (const { name, since } of rows) this.#since.set(name, since);
  }

  joined(worker: WorkerState): void {
    if (!this.#since.has(worker.hello.build))
      this.#since.set(worker.hello.build, Math.max(this.#clock.now(), ...[...this.#since.values()].map((at) => at + 1)));
    this.#recount(worker, worker.draining ? 0 : 1, worker.draining || worker.finishing ? 0 : 1);
  }
  left(worker: WorkerState): void {
    this.#recount(worker, 0, 0);
    this.#counted.delete(worker);
  }
  /** It takes fewer tasks than before, or more. */
  changedItself(worker: WorkerState): void {
    if (this.#counted.has(worker)) this.joined(worker);
  }

  #recount(worker: WorkerState, workers: number, active: number): void {
    const before = this.#counted.get(worker) ?? { workers: 0, active: 0 };
    this.#counted.set(worker, { workers, active });
    this.#count(worker, workers - before.workers, active - before.active);
  }

  #count(worker: WorkerState, workers: number, active: number): void {
    if (workers === 0 && active === 0) return;
    const lastAt = this.#clock.elapsedMs();
    for (const v of worker.versions.values()) {
      for (const version of [v.code, v.schema]) {
        const at = this.#here.get(version) ?? { workers: 0, active: 0, build: "", lastAt };
        const build = workers > 0 ? worker.hello.build : at.build;
        this.#here.set(version, { workers: at.workers + workers, active: at.active + active, build, lastAt });
      }
    }
  }

  /** What workers here take tasks of; those that begin new ones say it again with a plus. */
  offered(): string[] {
    return [...this.#here].flatMap(([version, at]) => {
      if (version === "" || at.workers === 0) return [];
      return at.active > 0 ? [version, `+${version}`] : [version];
    });
  }
  /** What workers of other orchestrators take tasks of. @returns whether that has changed */
  heard(versions: Iterable<string>): boolean {
    const now = new Set(versions);
    const before = this.#elsewhere;
    if (now.size === before.size && [...now].every((v) => before.has(v))) return false;
    const lastAt = this.#clock.elapsedMs();
    for (const version of before) {
      const at = this.#here.get(version) ?? { workers: 0, active: 0, build: "" };
      if (!now.has(version)) this.#here.set(version, { ...at, lastAt });
    }
    this.#elsewhere = now;
    return true;
  }

  isHere(version: string): boolean {
    return (this.#here.get(version)?.workers ?? 0) > 0;
  }
  isElsewhere(version: string): boolean {
    return this.#elsewhere.has(version);
  }
  isGone(version: string): boolean {
    return !this.isHere(version) && !this.isElsewhere(version) && this.#goneAt(version) <= this.#clock.elapsedMs();
  }
  #goneAt(version: string): number {
    return (this.#here.get(version)?.lastAt ?? this.#startedAt) + goneAfterMs;
  }
  /** The build that had it last, as far as this life knows. */
  buildOf(version: string): string | undefined {
    return this.#here.get(version)?.build || undefined;
  }

  /** Builds in the order in which they came: the last is the newest. */
  rank(build: string): number {
    return this.#since.get(build) ?? Number.MAX_SAFE_INTEGER;
  }
  has(build: string): boolean {
    return this.#since.has(build);
  }

  /** Its process owns the store: then what it has is the latest, and a workflow's history says whether it fits. */
  #isOwn(worker: WorkerState): boolean {
    return !this.#shared && !isRemote(worker);
  }

  /** What code at that worker that asks for `name` must be answered by. */
  schemaFor(worker: WorkerState, name: string): string {
    return this.#isOwn(worker) ? "" : (worker.versions.get(name)?.schema ?? "");
  }
  /** What a workflow that has begun there is bound to. */
  codeFor(worker: WorkerState, name: string): string {
    return this.#isOwn(worker) ? "" : (worker.versions.get(name)?.code ?? "");
  }

  /** Whether tasks of a lane with that `build` are for that worker's definition `name`. */
  allows(worker: WorkerState, name: string, build: string): boolean {
    if (worker.finishing && !this.#finishes(worker, name, build)) return false;
    if (build === "" || this.#isOwn(worker)) return true;
    const v = worker.versions.get(name);
    if (!v) return false;
    if (v.code === build || v.schema === build) return true;
    // What it was asked with its own parse decides: a task that no worker would ever take helps nobody.
    return this.isGone(build) && (!isCode(build) || v.onOrphan === "move-if-unchanged");
  }

  /** Of a worker that ends what began there: the workflows that its code has begun, and what nobody else understands. */
  #finishes(worker: WorkerState, name: string, build: string): boolean {
    const v = worker.versions.get(name);
    if (!v || build === "") return false;
    return v.code === build || (v.schema === build && !this.#beginsElsewhere(build));
  }
  #beginsElsewhere(version: string): boolean {
    return (this.#here.get(version)?.active ?? 0) > 0 || this.isElsewhere(`+${version}`);
  }

  /** Looks again when the first of these versions is gone. */
  watch(versions: Iterable<string>): void {
    let at = Number.POSITIVE_INFINITY;
    for (const version of versions)
      if (!this.isHere(version) && !this.isElsewhere(version) && !this.isGone(version)) at = Math.min(at, this.#goneAt(version));
    if (at === (this.#timer?.at ?? Number.POSITIVE_INFINITY)) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (at === Number.POSITIVE_INFINITY || this.#stopped) return;
    const timer = this.#clock.after(Math.max(0, at - this.#clock.elapsedMs()), () => {
      this.#timer = undefined;
      this.changed();
    });
    this.#timer = { at, timer };
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.timer.cancel();
  }
}
