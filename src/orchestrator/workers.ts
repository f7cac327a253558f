import type { Hello, WorkerLink } from "../protocol/worker.ts";
import type { StoredDelivery } from "../store/contract.ts";
import type { Attempt } from "./attempt.ts";
import type { Versions } from "./builds.ts";
import type { Hearing } from "./hearing.ts";

/** A live worker, as the orchestrator sees it. */
export interface WorkerState {
  /** Changes when another life of the orchestrator begins. */
  id: number;
  readonly publicId: string;
  readonly hello: Hello;
  /** Whose lanes it serves; null: those of every namespace. */
  readonly namespace: number | null;
  readonly link: WorkerLink;
  /** Names that it has code for. */
  readonly names: ReadonlySet<string>;
  readonly offers: ReadonlySet<string>;
  /** Of its definitions, by name. */
  readonly versions: ReadonlyMap<string, Versions>;
  readonly joinedAt: number;
  /** Attempts whose result counts, by task. */
  readonly attempts: Map<number, Attempt>;
  /** Attempts whose result no longer counts while their code still runs: they hold their slot. */
  readonly ending: Set<Attempt>;
  /** Slots in use: attempts that are not waiting, and those that are ending. */
  busy: number;
  /** What waiting workflows there would resume by, while a task that must be alone is executing. */
  parked: StoredDelivery[];
  /** It was told to leave, and takes nothing more. */
  draining: boolean;
  /** It begins nothing new, and leaves when what its code has begun has ended. */
  finishing: boolean;
  /** Its link is broken, and may come back. */
  away: boolean;
  /** What it brought along is being looked up: until it is known what of it goes on, it is given nothing new. */
  arriving: boolean;
  /** Its main loop has not answered for a while. */
  unresponsive: boolean;
  /** Why we ended it, if we did: then its end is no crash. */
  killed: string | null;
  pingSent: number;
  pongSeen: number;
  pongAt: number;
  readonly hearing: Hearing;
}

export function freeSlots(worker: WorkerState): number {
  if (worker.draining || worker.away || worker.arriving || worker.killed !== null || executesAlone(worker)) return 0;
  return worker.hello.slots - worker.busy;
}

/** More has resumed there than has a slot: some of it waits at the worker, and says nothing until it has one. */
export function isCrowded(worker: WorkerState): boolean {
  return worker.busy > worker.hello.slots;
}

/** It is on another machine: a socket lies between. */
export function isRemote(worker: WorkerState): boolean {
  return worker.hello.isolation === "remote";
}

/** No code is executing there. Workflows that wait may lie in its memory: they are nobody's suspects. */
export function isQuiet(worker: WorkerState): boolean {
  return worker.busy === 0;
}

/** A task that must be alone is executing there. */
export function executesAlone(worker: WorkerState): boolean {
  if (worker.busy === 0) return false;
  for (const attempt of worker.attempts.values()) if (attempt.alone && attempt.state === "running") return true;
  return false;
}

/** Whether tasks of that namespace are for this worker. */
export function serves(worker: Pick<WorkerState, "namespace">, namespace: number): boolean {
  return worker.namespace === null || worker.namespace === namespace;
}
