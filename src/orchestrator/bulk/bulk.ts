// One operation on everything that a filter finds: counted first, then done in slices, so that nobody waits long for the
// writer. What is asked for twice is done once: a canceled run is told once, a key in the store begins a run once.
import { bounds } from "../../core/bounds.ts";
import { errorJson, FlotillaError, isFlotillaError, type ErrorCode } from "../../core/error.ts";
import { bulkActions, type BulkRequest, type BulkView } from "../../protocol/bulk.ts";
import type { Engine } from "../engine.ts";
import { findRun } from "../lookup.ts";
import { redrive, repair } from "../origin.ts";
import { purgeRuns } from "../upkeep/purge.ts";
import { leftOf, pageRows, search, type Found, type Search } from "./search.ts";
import { resolveWhere } from "./where.ts";

const examplesMax = 5;
const refusalsMax = 20;
/** Ids that are kept to count, 100 bytes each. */
const countMax = 1_000_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Bulk operations of one orchestrator. */
export class BulkDesk {
  readonly #engine: Engine;
  /** One acts at a time: what the one before does is then seen by the count of the next. */
  #turn: Promise<void> = Promise.resolve();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @param namespace what lies in another one does not exist */
  async *run(q: BulkRequest, namespace: number, signal?: AbortSignal): AsyncGenerator<BulkView> {
    check(q);
    if (q.expect === undefined) return void (yield* this.#count(q, namespace, signal));
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = before.then(() => promise);
    try {
      await before;
      yield* this.#act({ ...q, expect: q.expect }, namespace, signal);
    } finally {
      resolve();
    }
  }

  /** Gives what it found, unless it was told to stop. */
  async *#count(
    q: BulkRequest,
    namespace: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BulkView, Counted | undefined> {
    const { state } = this.#engine;
    // What was stored in this very millisecond was there before it was asked for.
    const now = state.clock.now() + 1;
    let seen: Search | undefined;
    for await (seen of search(state, namespace, q.action, resolveWhere(q, now))) {
      if (signal?.aborted === true) return undefined;
      if (seen.found.length > countMax) throw tooMany("fit what is to be counted", seen.found.length, countMax);
      yield { ...empty(q, now), looked: seen.looked, count: seen.found.length };
    }
    if (!seen) return undefined;
    const phase = q.expect === undefined ? "done" : "acting";
    const found = leftOf(seen);
    const view: BulkView = { ...empty(q, now), phase, looked: seen.looked, ...tally(found) };
    yield view;
    return { view, found, seen };
  }

  async *#act(
    q: BulkRequest & { readonly expect: number },
    namespace: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BulkView> {
    const counted = yield* this.#count(q, namespace, signal);
    if (!counted) return;
    const { found, seen } = counted;
    if (found.length > q.expect)
      throw new FlotillaError("FLOTILLA_BULK_GREW", { action: q.action, expected: q.expect, found: found.length });
    const most = Math.min(found.length, q.limit ?? Infinity);
    if (most > bounds.bulk) throw tooMany("fit a bulk operation", most, bounds.bulk);
    const sum: Writable<BulkView> = { ...counted.view };
    for (let at = 0; at < most; at += pageRows) {
      if (signal?.aborted === true) return;
      await this.#slice(q, found.slice(at, Math.min(at + pageRows, most)), seen, sum);
      yield { ...sum };
      await new Promise<void>((resolve) => this.#engine.state.nextTurn(resolve));
    }
    yield { ...sum, started: [], phase: "done" };
  }

  async #slice(q: BulkRequest, slice: readonly Found[], seen: Search, sum: Writable<BulkView>): Promise<void> {
    const refused = (id: string, error: unknown): void => {
      if (!isPlain(error)) throw error;
      sum.refused++;
      if (sum.refusals.length < refusalsMax) {
        const { stack: _, ...json } = errorJson(error);
        sum.refusals = [...sum.refusals, { id, error: json }];
      }
    };
    if (q.action === "purge") {
      const ids = slice.map((f) => f.id);
      return purgeRuns(this.#engine.state, ids, (id, error) => (error === undefined ? void sum.done++ : refused(id, error)));
    }
    // Asked for in one turn, so that they are one commit.
    const asked = await Promise.allSettled(slice.map((f) => this.#one(q, f, seen)));
    const started: BulkView["started"][number][] = [];
    asked.forEach((reply, i) => {
      const { id } = slice[i] as Found;
      if (reply.status === "rejected") return refused(id, reply.reason);
      sum.done++;
      if (reply.value !== undefined) started.push({ of: id, run: reply.value });
    });
    sum.started = started;
  }

  /** The id of the run that it starts, if it starts one. */
  async #one(q: BulkRequest, { id, run }: Found, seen: Search): Promise<string | undefined> {
    if (q.action === "cancel") {
      await findRun(this.#engine.state, id);
      const request = { task: run, reason: q.reason ?? "canceled in bulk", once: true };
      await new Promise<void>((resolve, reject) => this.#engine.cancel({ request, resolve, reject }));
      return undefined;
    }
    // Two orchestrators, or a reply that was lost: the same key, the same run. A canceled one counts, so that a next may come.
    const key = `bulk:${q.action}:${id}:${seen.origins.get(id)?.all ?? 0}`;
    return (await (q.action === "repair" ? repair : redrive)(this.#engine, id, key)).id;
  }
}

interface Counted {
  readonly view: BulkView;
  readonly found: readonly Found[];
  readonly seen: Search;
}

function empty(q: BulkRequest, now: number): BulkView {
  return {
    action: q.action,
    phase: "counting",
    looked: 0,
    count: 0,
    runs: 0,
    examples: [],
    asOf: new Date(now).toISOString(),
    done: 0,
    refused: 0,
    refusals: [],
    started: [],
  };
}

function tally(left: readonly Found[]): Pick<BulkView, "count" | "runs" | "examples"> {
  return {
    count: left.length,
    runs: new Set(left.map((f) => f.run)).size,
    examples: left.slice(0, examplesMax).map((f) => f.id),
  };
}

function check(q: BulkRequest): void {
  if (!bulkActions.includes(q.action)) throw invalid("action", "there is no such action", `use ${bulkActions.join(", ")}`);
  if (q.expect !== undefined && (!Number.isSafeInteger(q.expect) || q.expect < 0))
    throw invalid("expect", `${String(q.expect)} is no count`, "pass the count that was given without it");
  if (q.limit !== undefined && (!Number.isSafeInteger(q.limit) || q.limit < 1 || q.limit > bounds.bulk))
    throw invalid("limit", `${String(q.limit)} is no number of them`, `use 1 to ${bounds.bulk}`);
  if (q.reason !== undefined && (q.action !== "cancel" || q.reason.length === 0 || q.reason.length > bounds.keyLength))
    throw invalid("reason", "it is for cancel, and has 1 to 512 characters", "leave it out, or shorten it");
}

/** Of one run or task, and not of the store: the others may still be done. */
function isPlain(error: unknown): boolean {
  const own: readonly ErrorCode[] = [
    "FLOTILLA_TOO_LATE",
    "FLOTILLA_NOT_FOUND",
    "FLOTILLA_STILL_OPEN",
    "FLOTILLA_UNKNOWN_DEFINITION",
    "FLOTILLA_IDEMPOTENCY_CONFLICT",
    "FLOTILLA_INPUT_INVALID",
    "FLOTILLA_TOO_LARGE",
  ];
  return isFlotillaError(error) && own.includes(error.code);
}

function tooMany(what: string, count: number, max: number): FlotillaError {
  return new FlotillaError("FLOTILLA_TOO_MANY", { what, count, max });
}

function invalid(field: string, problem: string, fix: string): FlotillaError {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field, problem, fix });
}
