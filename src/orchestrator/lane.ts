import type { ReadyRow } from "../store/contract.ts";
import type { Definitions, DefinitionState } from "./definitions.ts";
import { serves, type WorkerState } from "./workers.ts";

// The store holds the queue; a lane keeps its head in memory. 1,024 rows: two full batches of 512 between two reads.
const headMax = 1_024;
const tenantsMax = 10_000;
const passedMax = headMax / 4;

/** One definition with one set of needs: what dispatch claims by. */
export class Lane {
  readonly id: number;
  readonly definition: DefinitionState;
  readonly needs: readonly string[];
  /** The version of code or of schemas that it is bound to; empty: any. */
  readonly build: string;
  /** Ready tasks in the store, exactly. */
  ready: number;
  /** Workers that can serve it, each with the definition that it would run. */
  workers = new Map<WorkerState, DefinitionState>();
  /** How new each worker's build is; null: all have the same. */
  #ranks: Map<WorkerState, number> | null = null;
  #head: ReadyRow[] = [];
  /** The head is the whole queue. */
  #whole: boolean;
  #servedPass: number;
  /** Rows at the front that other orchestrators are about to claim. */
  #passed = 0;
  readonly #tenants = new Map<string, number>();

  constructor(
    id: number,
    definition: DefinitionState,
    needs: readonly string[],
    depth: { readonly ready: number; readonly lastPass: number },
    build = "",
  ) {
    this.build = build;
    this.id = id;
    this.definition = definition;
    this.needs = needs;
    this.ready = depth.ready;
    this.#whole = depth.ready === 0;
    this.#servedPass = depth.lastPass;
  }

  /**
   * The place of a tenant's next task: stride scheduling (Waldspurger and Weihl, 1995) at enqueue. A tenant alone gets
   * consecutive places; one that comes later starts where the lane is being served, not behind the other's backlog.
   */
  nextPass(tenant: string | null): number {
    const key = tenant ?? "";
    // Who has nothing waiting has no place to keep: the map would grow with every tenant there ever was.
    if (this.ready === 0 && this.#tenants.size > tenantsMax) this.#tenants.clear();
    const pass = Math.max(this.#servedPass, this.#tenants.get(key) ?? 0) + 1;
    this.#tenants.set(key, pass);
    return pass;
  }

  /** A task at that place is being served. */
  served(pass: number): void {
    if (pass > this.#servedPass) this.#servedPass = pass;
  }

  /** A task became ready. */
  added(row: ReadyRow): void {
    this.ready += 1;
    const tail = this.#head.at(-1);
    if (this.#whole && (tail === undefined || before(tail, row))) this.#head.push(row);
    else if (tail !== undefined && before(row, tail)) {
      const place = this.#placeOf(row);
      // The head may have been read again between the row's commit and this.
      if (this.#head[place]?.task !== row.task) this.#head.splice(place, 0, row);
    } else if (!this.#whole) return;
    if (this.#head.length > headMax) {
      this.#head.length = headMax;
      this.#whole = false;
    }
  }

  /** The head in claim order. When it may be short of what the store has, `refill` must run first. */
  get head(): readonly ReadyRow[] {
    return this.#head;
  }
  /**
   * Where to begin in the head. Two orchestrators that both claim from the front meet at each row, and the slower one would
   * win none: it passes over more of them each time it loses, never over a priority.
   */
  get from(): number {
    let at = Math.min(this.#passed, this.#head.length - 1);
    while (at > 0 && this.#head[at]?.prio !== this.#head[0]?.prio) at -= 1;
    return Math.max(0, at);
  }
  /** How a batch's claims of it went. */
  raced(won: number, lost: number): void {
    if (lost > won) this.#passed = Math.min(passedMax, this.#passed * 2 + lost);
    else if (lost === 0) this.#passed >>= 1;
  }
  get short(): boolean {
    return !this.#whole && this.#head.length < headMax / 2;
  }
  refilled(rows: readonly ReadyRow[]): void {
    this.#head = [...rows];
    this.#whole = rows.length < headMax;
  }
  static readonly headMax = headMax;

  /** Tasks left the queue: claimed, or canceled. */
  removed(tasks: ReadonlySet<number>): void {
    this.ready -= tasks.size;
    this.#head = this.#head.filter((row) => !tasks.has(row.task));
  }

  /** Rows that are not in the store any more, whatever took them; the one that took them has counted. */
  dropped(tasks: ReadonlySet<number>): void {
    if (tasks.size > 0) this.#head = this.#head.filter((row) => !tasks.has(row.task));
  }

  /** What the store that others write to holds now. */
  counted(depth: { readonly ready: number; readonly firstPass: number; readonly lastPass: number } | undefined): void {
    const ready = depth?.ready ?? 0;
    if (ready !== this.ready || (this.#whole && ready !== this.#head.length)) this.forget();
    this.ready = ready;
    if (!depth) return;
    // A tenant alone goes behind what others have queued, and nobody before what is being served elsewhere.
    this.served(depth.firstPass - 1);
    if (this.#tenants.size <= 1) this.#tenants.set("", Math.max(this.#tenants.get("") ?? 0, depth.lastPass));
  }
  /** Others have put tasks here. */
  grew(): void {
    this.ready += 1;
    this.forget();
  }

  /** Memory no longer knows: read the head again. */
  forget(): void {
    this.#head = [];
    this.#whole = false;
  }

  findWorkers(workers: Iterable<WorkerState>, definitions: Definitions): void {
    this.workers = new Map();
    for (const worker of workers) {
      const runs = this.#servedBy(worker, definitions);
      if (runs) this.workers.set(worker, runs);
    }
    this.#ranks = null;
    const [first] = this.workers.keys();
    if (first && [...this.workers.keys()].some((w) => w.hello.build !== first.hello.build))
      this.#ranks = new Map([...this.workers.keys()].map((w) => [w, definitions.builds.rank(w.hello.build)]));
  }

  /** A task that may run on several builds goes to the one with the highest rank that has room. */
  rank(worker: WorkerState): number {
    return this.#ranks?.get(worker) ?? 0;
  }

  /** Which of the worker's definitions would run a task of this lane: itself, else the closest implementation. */
  #servedBy(worker: WorkerState, definitions: Definitions): DefinitionState | undefined {
    const { namespace } = this.definition;
    if (!serves(worker, namespace) || !this.needs.every((need) => worker.offers.has(need))) return undefined;
    if (worker.names.has(this.definition.name))
      return definitions.builds.allows(worker, this.definition.name, this.build) ? this.definition : undefined;
    let best: DefinitionState | undefined;
    let bestFit = -1;
    for (const card of worker.hello.definitions) {
      if (card.implements !== this.definition.name || !card.needs.every((need) => worker.offers.has(need))) continue;
      if (!definitions.builds.allows(worker, card.name, this.build)) continue;
      const fit = card.needs.filter((need) => this.needs.includes(need)).length;
      const state = definitions.get(namespace, card.name);
      if (state && fit > bestFit) {
        best = state;
        bestFit = fit;
      }
    }
    return best;
  }

  #placeOf(row: ReadyRow): number {
    let low = 0;
    let high = this.#head.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(this.#head[middle] as ReadyRow, row)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Claim order: priority, place, age. */
export function before(a: ReadyRow, b: ReadyRow): boolean {
  return a.prio !== b.prio ? a.prio < b.prio : a.pass !== b.pass ? a.pass < b.pass : a.task < b.task;
}
