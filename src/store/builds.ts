// What a store keeps of the builds of a fleet's workers, types only: part of the contract, in a file of its own.
import type { Awaitable } from "./contract.ts";

export interface BuildRow {
  readonly name: string;
  /** When the first worker of it joined, ms since the epoch; later than that of every build before it. */
  readonly since: number;
}

/** Workers that are to leave: all of a build, or one by its name or public id. */
export interface Drain {
  readonly kind: "build" | "worker";
  readonly name: string;
  /** What began there does not end there: idle workflows are parked, and the worker leaves when no code runs. */
  readonly park: boolean;
  /** A worker that joined later is not meant; a build is meant until it is resumed. */
  readonly at: number;
}

/** Few rows, seldom written. Writes belong to the latest life, as those of the catalogue do. @throws FLOTILLA_STORE_LOCKED */
export interface BuildStore {
  read(): Awaitable<{ readonly builds: readonly BuildRow[]; readonly drains: readonly Drain[] }>;
  /** Said again, the last word counts; those of single workers are forgotten a day after. Where others share the store, their catalogue moves. */
  drain(p: { readonly boot: number; readonly drain: Drain }): Awaitable<void>;
  /** The build is as any other again. false: it was not being drained. */
  resume(p: { readonly boot: number; readonly build: string }): Awaitable<boolean>;
  /** Some task of these lanes has begun and not ended, in any place, at any orchestrator. */
  unfinished(lanes: readonly number[]): Awaitable<boolean>;
}

/** How long a drain of one worker is kept, in ms. */
export const drainKeptMs = 86_400_000;
