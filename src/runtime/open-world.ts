import type { Client } from "../client/client.ts";
import { notSupported } from "../core/not-supported.ts";
import type { Script } from "../client/script.ts";
import type { AnyCallable, WireOf } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";

/** A fleet under test: its clock and its workers do what the test says. */
export interface World<D extends readonly AnyCallable[]> extends AsyncDisposable {
  readonly fleet: Client<D>;
  readonly clock: { advance(d: Duration): Promise<void>; now(): Date };
  idle(): Promise<void>;
  calls<C extends AnyCallable>(target: C): readonly { input: WireOf<C>; task: string; attempt: number }[];
  /** A worker's name; `"any"` picks one by the seed. */
  kill(worker: string): Promise<void>;
  assertScriptsUsedUp(): void;
}

export interface WorldOptions<D extends readonly AnyCallable[]> {
  definitions: D;
  scripts?: readonly Script<AnyCallable>[];
  store?: "memory" | "sqlite" | "postgres";
  seed?: number;
  workers?: number;
}

/** Opens a fleet with a virtual clock and scripted agents. @throws FLOTILLA_NOT_SUPPORTED in this version. */
export async function openWorld<const D extends readonly AnyCallable[]>(_o: WorldOptions<D>): Promise<World<D>> {
  throw notSupported("openWorld()", "test with createFleet({ definitions }) on the memory store");
}
