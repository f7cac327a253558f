import { notSupported } from "../core/not-supported.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";

export interface ServeWorkerOptions {
  // Contracts are left out: they have no code to serve.
  definitions: readonly (AnyCallable & { readonly kind: "agent" | "workflow" })[];
  connect: `ws://${string}` | `wss://${string}`;
  token: string;
  slots?: number;
  offers?: readonly string[];
  pool?: string;
  build?: string;
}
export interface ServedWorker extends AsyncDisposable {
  readonly id: string;
  drain(o?: { within?: Duration }): Promise<void>;
}

/** Serves definitions to a fleet on another machine. @throws FLOTILLA_NOT_SUPPORTED in this version. */
export async function serveWorker(_o: ServeWorkerOptions): Promise<ServedWorker> {
  throw notSupported(
    "serveWorker()",
    'use workers on the same machine: createFleet({ workers: { count, isolation: "child-process" } })',
  );
}
