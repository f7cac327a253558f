import { FlotillaError } from "../core/error.ts";
import { bulkActions, type BulkAction, type BulkRequest, type BulkView, type BulkWhere } from "../protocol/bulk.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { checkKnown, checkObject, configInvalid, isoDate } from "./check.ts";

/** All that is named must fit. What an action cannot do anything to never fits: no ended run is canceled. */
export interface BulkFilter extends Omit<BulkWhere, "startedFrom" | "startedBefore"> {
  /** The run was stored then or later. @default at any time */
  readonly startedFrom?: Date;
  /** The run was stored before. @default before the counting */
  readonly startedBefore?: Date;
}

export interface BulkOptions {
  /**
   * `cancel` running runs, `repair` runs that ended without succeeding and that nobody repaired yet, `purge` ended runs,
   * `redrive` tasks that are quarantined or failed and that nobody redrove yet.
   */
  readonly action: BulkAction;
  /** @default everything that the action can do something to */
  readonly where?: BulkFilter;
  /** What canceled runs say. 1 to 512 characters. @default "canceled in bulk" */
  readonly reason?: string;
}

export interface BulkExecution {
  /** At most so many, the latest first; the next call does the next ones. 1 to 100,000. @default all */
  readonly limit?: number;
  /** Told after each slice of 500. */
  readonly onProgress?: (progress: { readonly done: number; readonly refused: number; readonly count: number }) => void;
  /** Stops after the slice that is under way: what is done stays done. @default never */
  readonly signal?: AbortSignal;
}

export interface BulkResult {
  readonly done: number;
  /** What could not be done any more, such as canceling a run that had ended meanwhile. */
  readonly refused: number;
  /** Why, of the first 20. */
  readonly refusals: BulkView["refusals"];
  /** Runs that `repair` and `redrive` started. */
  readonly started: BulkView["started"];
}

/** What fits, counted; nothing was changed. */
export interface Bulk {
  readonly action: BulkAction;
  /** Exact, for the instant `asOf`. */
  readonly count: number;
  /** Of how many runs they are. */
  readonly runs: number;
  /** Ids of the latest five. */
  readonly examples: readonly string[];
  readonly asOf: string;
  /**
   * Does it, in slices of 500, to what was counted: what started later is left alone. Called again it does what is left.
   * @throws FLOTILLA_BULK_GREW when more fit than were counted: then nothing was done. Else what the store refuses
   */
  execute(o?: BulkExecution): Promise<BulkResult>;
}

type Api = Pick<OrchestratorApi, "bulk">;

export async function countBulk(api: Api, o: BulkOptions): Promise<Bulk> {
  const request = bulkRequest(o);
  let last: BulkView | undefined;
  for await (const view of api.bulk(request)) last = view;
  if (last?.phase !== "done") throw new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" });
  const { action, count, runs, examples, asOf } = last;
  // The later of both would let in what nobody has counted.
  const startedBefore = earlier(request.where.startedBefore, asOf);
  const again = { ...request, where: { ...request.where, startedBefore }, expect: count };
  return { action, count, runs, examples, asOf, execute: (how) => execute(api, again, how) };
}

async function execute(api: Api, request: BulkRequest, o: BulkExecution = {}): Promise<BulkResult> {
  const started: BulkView["started"][number][] = [];
  let last: BulkView | undefined;
  const asked = o.limit === undefined ? request : { ...request, limit: o.limit };
  for await (const view of api.bulk(asked, o.signal)) {
    last = view;
    started.push(...view.started);
    if (view.phase !== "counting") o.onProgress?.({ done: view.done, refused: view.refused, count: view.count });
  }
  o.signal?.throwIfAborted();
  if (last?.phase !== "done") throw new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" });
  const { done, refused, refusals } = last;
  return { done, refused, refusals, started };
}

function bulkRequest(o: BulkOptions): BulkRequest {
  checkObject(o, "bulk()");
  checkKnown(o, ["action", "where", "reason"], "bulk()");
  if (!bulkActions.includes(o.action))
    throw configInvalid("bulk().action", "there is no such action", `use ${bulkActions.join(", ")}`);
  const { startedFrom, startedBefore, ...rest } = o.where ?? {};
  const where: BulkWhere = {
    ...rest,
    ...(startedFrom && { startedFrom: isoDate(startedFrom, "bulk().where.startedFrom") }),
    ...(startedBefore && { startedBefore: isoDate(startedBefore, "bulk().where.startedBefore") }),
  };
  return { action: o.action, where, ...(o.reason !== undefined && { reason: o.reason }) };
}

/** Both are UTC as `toISOString` gives them. */
function earlier(a: string | undefined, b: string): string {
  return a !== undefined && a < b ? a : b;
}
