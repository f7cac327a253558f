// Short ways to say what a batch holds, with everything that a test does not care about filled in.
import { FlotillaError, type ErrorJson } from "../../src/core/error.ts";
import type { ActBatch, Batch, Boot, Claim, NewTask, Requeue, Settlement, Store } from "../../src/store/contract.ts";

export const now = 1_000_000;
/** Why a child was refused, and why an attempt failed, where it does not matter why. */
export const refusal: ErrorJson = new FlotillaError("FLOTILLA_UNKNOWN_DEFINITION", { name: "nobody", known: [] }).toJSON();
export const failure: ErrorJson = new FlotillaError("FLOTILLA_TIMEOUT", { after: "timeout" }).toJSON();

export function batch(over: Partial<Batch> = {}): Batch {
  return {
    now,
    boot: 1,
    acts: [],
    settles: [],
    requeues: [],
    cancels: [],
    cancelSlice: 0,
    dueSlice: 0,
    messages: [],
    answers: [],
    wakes: [],
    ticks: [],
    tasks: [],
    claims: [],
    webhooks: [],
    ...over,
  };
}

export function root(id: number, over: Partial<NewTask> = {}): NewTask {
  return {
    id,
    namespace: 1,
    run: id,
    parent: null,
    act: null,
    key: null,
    inputHash: null,
    askedAfter: null,
    secret: "s".repeat(26),
    path: null,
    definition: 1,
    lane: 1,
    prio: 1,
    pass: id,
    tenant: null,
    depth: 0,
    detached: false,
    shielded: false,
    input: `{"n":${id}}`,
    options: null,
    createdAt: now,
    claim: null,
    dueAt: null,
    refused: null,
    adopts: null,
    origin: null,
    idempotency: null,
    terms: null,
    ...over,
  };
}

export function child(id: number, parent: NewTask, act: number, over: Partial<NewTask> = {}): NewTask {
  return root(id, {
    run: parent.run,
    parent: parent.id,
    act,
    key: `k${act}`,
    inputHash: `h${act}`,
    askedAfter: 0,
    secret: null,
    path: String(act),
    depth: 1,
    ...over,
  });
}

export function claimOf(t: NewTask, over: Partial<Claim> = {}): Claim {
  return {
    task: t.id,
    leaseNo: 0,
    attempt: 0,
    crashes: 0,
    alone: false,
    lane: t.lane,
    prio: t.prio,
    pass: t.pass,
    run: t.run,
    worker: 7,
    ...over,
  };
}

export function settleOf(t: NewTask, leaseNo: number, over: Partial<Settlement> = {}): Settlement {
  return {
    lease: { task: t.id, leaseNo },
    run: t.run,
    parent: t.parent,
    act: t.act,
    definition: t.definition,
    detached: t.detached,
    status: "succeeded",
    attempt: 1,
    worker: 7,
    startedAt: now,
    value: `"v${t.id}"`,
    ref: null,
    error: null,
    spent: null,
    hasGate: true,
    gaps: null,
    expires: false,
    ...over,
  };
}

export function requeueOf(t: NewTask, leaseNo: number, next: Requeue["next"], over: Partial<Requeue> = {}): Requeue {
  return {
    lease: { task: t.id, leaseNo },
    run: t.run,
    definition: t.definition,
    isRoot: t.parent === null,
    lane: t.lane,
    prio: t.prio,
    pass: t.pass,
    attempt: 1,
    worker: 7,
    startedAt: now,
    how: "failed",
    error: null,
    spent: null,
    next,
    ...over,
  };
}

export function actsOf(t: NewTask, leaseNo: number, over: Partial<ActBatch> = {}): ActBatch {
  const children = over.children ?? [];
  const acts = [
    ...children.map((c) => c.act as number),
    ...(over.steps ?? []).map((s) => s.act),
    ...(over.emits ?? []).map((e) => e.act),
    ...(over.waits ?? []).map((w) => w.act),
    ...(over.sends ?? []).map((s) => s.act),
  ];
  return {
    lease: { task: t.id, leaseNo },
    run: t.run,
    startedAt: now,
    children,
    steps: [],
    stepResults: [],
    emits: [],
    waits: [],
    sends: [],
    cancels: [],
    lastAct: Math.max(0, ...acts),
    armed: false,
    seen: Number.MAX_SAFE_INTEGER,
    park: false,
    unwinds: false,
    ...over,
  };
}

/** A booted store with one definition, `work`, and one lane. */
export async function begin(store: Store): Promise<Boot> {
  const boot = await store.boot({ nonce: "n", pid: 1, now });
  await store.catalogue.defineAll({
    boot: boot.boot,
    definitions: [{ id: 1, namespace: 1, name: "work", card: "null" }],
    lanes: [{ id: 1, definition: 1, needs: [], build: "" }],
  });
  return boot;
}

/** A root that runs on worker 7 with lease 1. */
export async function runningRoot(store: Store, id = 1): Promise<NewTask> {
  const task = root(id, { claim: 7 });
  await store.commit(batch({ tasks: [task] }));
  return task;
}
