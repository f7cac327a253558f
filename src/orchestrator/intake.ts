import { bounds } from "../core/bounds.ts";
import { errorJson, FlotillaError, isFlotillaError, type ErrorJson } from "../core/error.ts";
import { defaultNamespace } from "../core/namespace.ts";
import { priorityCode } from "../core/task.ts";
import type { ChildAct } from "../protocol/worker.ts";
import type { StartRequest } from "../protocol/views.ts";
import type { NewTask } from "../store/contract.ts";
import type { Attempt, TaskOptions } from "./attempt.ts";
import type { Definitions } from "./definitions.ts";
import type { Lane } from "./lane.ts";
import type { Begun, Kept } from "./origin.ts";
import { instantsOfStart } from "./start-instants.ts";

/** A task on its way in, with the lane it goes to. */
export interface Incoming {
  /** `claim` is filled in by the plan: a copy of 22 fields for each task would be 3 % of the throughput bench. */
  readonly task: NewTask & { claim: number | null };
  readonly lane: Lane;
  readonly options: TaskOptions | null;
}

const nothing = { parent: null, act: null, key: null, inputHash: null, askedAfter: null, path: null };

/** The schedule that starts a run: for the tick `at`, or by hand. `alone`: nothing of it may run beside this. */
export interface ScheduledBy {
  readonly id: number;
  readonly name: string;
  readonly at: number | null;
  readonly alone: boolean;
}

/** What else a run's start may come from than a client. */
export interface Cause {
  /** @default the default one */
  readonly namespace?: number;
  /** The schedule that asks. */
  readonly schedule?: ScheduledBy;
  /** It goes on from another run. */
  readonly begun?: Begun;
}

/** A client's or a schedule's start, checked at the door. @throws the error that the caller gets; then nothing was written. */
export function incomingRoot(
  r: StartRequest,
  definitions: Definitions,
  id: number,
  secret: string,
  now: number,
  { namespace = defaultNamespace.id, schedule: by, begun }: Cause = {},
): Incoming {
  const definition = definitions.require(namespace, r.name);
  checkInput(r.input, r.name);
  checkText("idempotencyKey", r.idempotencyKey, bounds.keyLength);
  checkText("tenant", r.tenant, bounds.tenantLength);
  if ((r.tags?.length ?? 0) > bounds.tagsMax)
    throw new FlotillaError("FLOTILLA_TOO_MANY", { what: "tags", count: r.tags?.length ?? 0, max: bounds.tagsMax });
  for (const tag of r.tags ?? []) checkText("tags", tag, bounds.tagLength);
  const { dueAt, deadlineAt, ttlAt } = instantsOfStart(r, now);
  const lane = definitions.laneOf(definition, begun?.needs ?? []);
  const options = rootOptions(r, { deadlineAt, ttlAt, by, begun });
  const tenant = r.tenant ?? null;
  const task: Incoming["task"] = {
    ...nothing,
    id,
    namespace,
    run: id,
    secret,
    definition: definition.id,
    lane: lane.id,
    prio: priorityCode(r.priority),
    pass: lane.nextPass(tenant),
    tenant,
    depth: 0,
    detached: false,
    shielded: false,
    input: r.input,
    options: options && JSON.stringify(options),
    createdAt: now,
    claim: null,
    dueAt,
    refused:
      deadlineAt !== null && deadlineAt <= now
        ? new FlotillaError("FLOTILLA_TIMEOUT", { after: "deadline" }, { where: r.name }).toJSON()
        : null,
    adopts: null,
    origin: begun?.origin ?? null,
    terms: deadlineAt === null && ttlAt === null && !by?.alone ? null : { deadlineAt, ttlAt, schedule: by?.alone ? by.id : null },
    idempotency: r.idempotencyKey === undefined ? null : { key: r.idempotencyKey, inputHash: r.inputHash ?? "" },
  };
  return { task, lane, options };
}

/** A start that nobody is there to hear the refusal of: it is stored as a run that has failed. */
export function refusedRoot(
  r: StartRequest,
  definitions: Definitions,
  { task: id, secret }: { readonly task: number; readonly secret: string },
  now: number,
  error: unknown,
  { namespace = defaultNamespace.id }: Cause,
): Incoming {
  const lane = definitions.laneOf(definitions.expect(namespace, r.name.slice(0, bounds.nameLength)), []);
  const task: Incoming["task"] = {
    ...nothing,
    id,
    namespace,
    run: id,
    secret,
    definition: lane.definition.id,
    lane: lane.id,
    prio: priorityCode(undefined),
    pass: lane.nextPass(null),
    tenant: typeof r.tenant === "string" && r.tenant.length <= bounds.tenantLength ? r.tenant : null,
    depth: 0,
    detached: false,
    shielded: false,
    // What is too large is the reason, not to be kept.
    input: isFlotillaError(error, "FLOTILLA_TOO_LARGE") ? "null" : r.input,
    options: null,
    createdAt: now,
    claim: null,
    dueAt: null,
    refused: errorJson(error),
    adopts: null,
    origin: null,
    terms: null,
    idempotency: null,
  };
  return { task, lane, options: null };
}

/** A child that running code asked for. What cannot be accepted is stored as refused: a re-run of the parent sees the same. */
export function incomingChild(
  c: ChildAct,
  parent: Attempt,
  /** Children of the parent so far, those of the same batch counted. */
  siblings: number,
  definitions: Definitions,
  id: number,
  now: number,
): Incoming {
  const { namespace } = parent.definition;
  const definition = definitions.expect(namespace, c.definition);
  const lane = definitions.laneOf(definition, c.needs ?? [], definitions.builds.schemaFor(parent.worker, c.definition));
  // A detached child is nobody's result: it is begun anew.
  const kept = c.detached ? undefined : parent.kept?.child(c.key, c.inputHash);
  const options = childOptions(c, kept);
  const task: Incoming["task"] = {
    id,
    namespace,
    run: parent.run,
    parent: parent.fence.task,
    act: c.act,
    key: c.key,
    inputHash: c.inputHash,
    askedAfter: c.askedAfter,
    secret: null,
    path: parent.path === null ? String(c.act) : `${parent.path}.${c.act}`,
    definition: definition.id,
    lane: lane.id,
    prio: c.priority ?? parent.prio,
    pass: lane.nextPass(parent.tenant),
    tenant: parent.tenant,
    depth: parent.depth + 1,
    detached: c.detached ?? false,
    shielded: c.shielded ?? false,
    input: forkedInput(kept) ?? c.input,
    options: options && JSON.stringify(options),
    createdAt: now,
    claim: null,
    dueAt: null,
    refused: kept && "adopts" in kept ? null : refusal(c, parent, siblings, definitions, lane),
    adopts: kept && "adopts" in kept ? kept.adopts : null,
    origin: null,
    idempotency: null,
    terms: null,
  };
  return { task, lane, options };
}

/** What a run's start is to remember beyond its row. */
interface RootTerms {
  readonly deadlineAt: number | null;
  readonly ttlAt: number | null;
  readonly by: ScheduledBy | undefined;
  readonly begun: Begun | undefined;
}

function rootOptions(r: StartRequest, { deadlineAt, ttlAt, by, begun }: RootTerms): TaskOptions | null {
  const options: TaskOptions = {
    ...begun?.call,
    ...(r.tags && r.tags.length > 0 && { tags: r.tags }),
    ...(deadlineAt !== null && { deadlineAt }),
    ...(ttlAt !== null && { ttlAt }),
    ...(by && { schedule: { name: by.name, at: by.at } }),
    ...(begun?.options && { origin: begun.options }),
  };
  return Object.keys(options).length > 0 ? options : null;
}

type KeptChild = ReturnType<Kept["child"]>;

/** The task itself that a fork asks again has another input than its parent's code gave. */
function forkedInput(kept: KeptChild): string | undefined {
  if (!kept || !("origin" in kept)) return undefined;
  const { path, fork } = kept.origin;
  return fork?.path === path ? fork.input : undefined;
}

function childOptions(c: ChildAct, kept: KeptChild): TaskOptions | null {
  const origin = kept && "origin" in kept ? { origin: kept.origin } : undefined;
  if (!c.retry && c.timeoutMs === undefined && !c.asRef && !c.inflate && !origin) return null;
  return {
    ...origin,
    ...(c.retry ? { retry: c.retry } : {}),
    ...(c.timeoutMs === undefined ? {} : { timeoutMs: c.timeoutMs }),
    ...(c.asRef ? { asRef: true } : {}),
    ...(c.inflate ? { inflate: true } : {}),
  };
}

function refusal(c: ChildAct, parent: Attempt, siblings: number, definitions: Definitions, lane: Lane): ErrorJson | null {
  const where = `${parent.runs.name}, task ${parent.publicId}, call ${c.key}`;
  if (!lane.definition.card) {
    const known = definitions.names(parent.definition.namespace);
    return new FlotillaError("FLOTILLA_UNKNOWN_DEFINITION", { name: c.definition, known }, { where }).toJSON();
  }
  if (parent.depth + 1 > bounds.depth)
    return new FlotillaError(
      "FLOTILLA_TOO_MANY",
      { what: "levels of tasks", count: parent.depth + 1, max: bounds.depth },
      { where },
    ).toJSON();
  if (siblings + 1 > bounds.fanout)
    return new FlotillaError(
      "FLOTILLA_TOO_MANY",
      { what: "children of one task", count: siblings + 1, max: bounds.fanout },
      { where },
    ).toJSON();
  try {
    checkInput(c.input, c.definition);
  } catch (e) {
    return (e as FlotillaError).toJSON();
  }
  if (c.ifNoWorker === "fail" && lane.workers.size === 0) return noWorker(definitions, lane, where).toJSON();
  return null;
}

function noWorker(definitions: Definitions, lane: Lane, where: string): FlotillaError {
  const nearest = definitions.nearest(lane);
  return new FlotillaError("FLOTILLA_NO_WORKER", { needs: lane.needs, nearest: nearest ? [nearest] : [] }, { where });
}

/** @throws FLOTILLA_TOO_LARGE */
export function checkInput(input: string, name: string): void {
  // Length in UTF-16 units first: counting bytes of every small input would cost more than the check is worth.
  if (input.length * 3 <= bounds.inputBytes) return;
  const bytes = Buffer.byteLength(input);
  if (bytes > bounds.inputBytes)
    throw new FlotillaError(
      "FLOTILLA_TOO_LARGE",
      { what: `the input of ${name}`, bytes, max: bounds.inputBytes },
      { where: name },
    );
}

function checkText(field: string, text: string | undefined, max: number): void {
  if (text === undefined) return;
  if (text.length === 0 || text.length > max) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field,
      problem: text.length === 0 ? "it is empty" : `it has ${text.length} characters`,
      fix: `use 1 to ${max} characters`,
    });
  }
  // UTF-8 has no half of a surrogate pair: stores would keep another text, and two of them would be one.
  if (!text.isWellFormed()) {
    const fix = "cut texts between characters";
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", { field, problem: "it has half of a character (a lone surrogate)", fix });
  }
}
