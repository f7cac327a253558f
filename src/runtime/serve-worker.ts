import { hostname } from "node:os";
import { checkKnown, checkObject, checkText, checkTexts, checkWhole, configInvalid, spanMs } from "../client/check.ts";
import { bounds } from "../core/bounds.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import { checkDefinitions, refuseUnenforced } from "./definitions.ts";
import { systemDeps, type Deps } from "./deps.ts";
import type { RemoteChildrenOptions } from "./remote-children.ts";
import type { RemoteWorker, RemoteWorkerOptions } from "./remote-worker.ts";

type Address = `ws://${string}` | `wss://${string}`;

export interface ServeWorkerOptions {
  // Contracts are left out: they have no code to serve.
  definitions: readonly (AnyCallable & { readonly kind: "agent" | "workflow" })[];
  /** Where the orchestrator listens; several addresses are tried in turn. `wss:` outside of one machine. */
  connect: Address | readonly Address[];
  /** A token of the role `worker`. It travels in a header, never in the address. */
  token: string;
  /** Tasks that run here at a time: the credit that the orchestrator has. @default 16 */
  slots?: number;
  /** Capabilities of this machine, for definitions that need them. @default none */
  offers?: readonly string[];
  /** The pool that it belongs to, shown with the worker. @default none */
  pool?: string;
  /** The version of the code. @default FLOTILLA_BUILD, or "local" */
  build?: string;
  /** What people see. @default the machine's name and the process's number */
  name?: string;
  /**
   * How long its tasks stay its own after the link broke. Raise it where links break for longer and tasks are long and
   * dear; while a worker is really dead, its tasks wait for so long. Up to 15s. @default the orchestrator's, 3s
   */
  reconnectGrace?: Duration;
  /**
   * When nothing has been heard for so long, what runs here is stopped, because others will be given it. At most what the
   * orchestrator waits for a silent worker, 15s, and at least 3s. @default "10s"
   */
  fenceAfter?: Duration;
}

export interface ServedWorker extends AsyncDisposable {
  /** Its public id; another one after it had to begin anew. */
  readonly id: string;
  /**
   * Takes nothing new, finishes what it has and leaves. What is not finished `within` is given back, uncharged, and done by
   * others. @default it takes as long as the tasks take
   */
  drain(o?: { within?: Duration }): Promise<void>;
}

const known = ["definitions", "connect", "token", "slots", "offers", "pool", "build", "name", "reconnectGrace", "fenceAfter"];
const fenceMsDefault = 10_000;
const fenceMsMin = 3_000;
const graceMsMax = 15_000;
const urlsMax = 16;
const tokenLength = 8_192;

/**
 * Serves definitions to a fleet on another machine, from any Node process. It reconnects by itself, to the next address
 * when one does not answer; a link that breaks for a moment interrupts nothing. Resolves when it is connected.
 *
 * ```ts
 * const worker = await serveWorker({ definitions: [review], connect: "wss://fleet.example", token, slots: 8 });
 * process.once("SIGTERM", () => void worker.drain({ within: "30s" }));
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming the option, FLOTILLA_DUPLICATE_NAME, FLOTILLA_NOT_SUPPORTED for what this version
 * cannot enforce; FLOTILLA_PROTOCOL_VERSION, or the orchestrator's refusal of the token.
 */
export async function serveWorker(o: ServeWorkerOptions): Promise<ServedWorker> {
  const worker = await openWorker(o, systemDeps);
  return {
    get id() {
      return worker.id;
    },
    drain: (d = {}) => worker.drain(spanMs(d.within, "drain.within") ?? undefined),
    [Symbol.asyncDispose]: () => worker.stop(),
  };
}

/** @throws as `serveWorker` */
export async function openWorker(
  o: ServeWorkerOptions,
  deps: Deps,
  more: Pick<RemoteWorkerOptions, "ended" | "dismissed" | "dial"> & {
    readonly children?: Pick<RemoteChildrenOptions, "count" | "modules">;
  } = {},
): Promise<RemoteWorker> {
  const { children, ...rest } = more;
  const options = { ...resolve(o), ...rest };
  if (children) {
    const { startRemoteChildren } = await import("./remote-children.ts");
    return startRemoteChildren({ ...options, ...children }, deps);
  }
  // zod and ws are loaded by those who connect.
  const { startRemoteWorker } = await import("./remote-worker.ts");
  return startRemoteWorker(options, deps);
}

/** Resolves once: defaults, check. */
function resolve(o: ServeWorkerOptions): RemoteWorkerOptions {
  checkObject(o, "serveWorker()");
  checkKnown(o, known, "worker");
  const definitions = checkDefinitions(o.definitions);
  refuseUnenforced(definitions);
  const contract = definitions.find((d) => d.kind === "contract");
  if (contract)
    throw configInvalid(
      "worker.definitions",
      `${contract.name} is a contract: it has no code to serve`,
      "pass what implements it",
    );
  const { slots = 16, offers = [], build = process.env["FLOTILLA_BUILD"] ?? "local" } = o;
  const name = o.name ?? `${hostname().slice(0, 80)}-${process.pid}`;
  checkText(o.token, "worker.token", tokenLength);
  checkText(name, "worker.name", bounds.nameLength);
  checkText(build, "worker.build", bounds.keyLength);
  if (o.pool !== undefined) checkText(o.pool, "worker.pool", bounds.nameLength);
  checkWhole(slots, "worker.slots", { least: 1, most: bounds.slotsMax });
  checkTexts(offers, "worker.offers", { most: bounds.needsMax, length: bounds.nameLength });
  const graceMs = spanMs(o.reconnectGrace, "worker.reconnectGrace") ?? undefined;
  if (graceMs !== undefined && graceMs > graceMsMax)
    throw configInvalid("worker.reconnectGrace", `${graceMs} ms is longer than any orchestrator waits`, 'use "15s" at most');
  const fenceMs = spanMs(o.fenceAfter, "worker.fenceAfter") ?? fenceMsDefault;
  if (fenceMs < fenceMsMin)
    throw configInvalid("worker.fenceAfter", `${fenceMs} ms is less than an idle link may be silent`, 'use "3s" at least');
  return Object.freeze({
    name,
    definitions: definitions.map((d) => d["~definition"]),
    urls: urlsOf(o.connect),
    token: o.token,
    slots,
    offers: [...offers],
    pool: o.pool,
    build,
    graceMs,
    fenceMs,
  });
}

function urlsOf(connect: ServeWorkerOptions["connect"]): readonly string[] {
  const given: readonly unknown[] = Array.isArray(connect) ? connect : [connect];
  checkTexts(given, "worker.connect", { most: urlsMax, length: 2_048 });
  if (given.length === 0) throw configInvalid("worker.connect", "it is empty", 'name an address: "wss://fleet.example"');
  return given.map(endpointOf);
}

/** The address of the endpoint, whether a person wrote it out or not. */
function endpointOf(text: string): string {
  const fix = 'write it as "wss://fleet.example:4700"';
  const url = URL.parse(text);
  if (!url || (url.protocol !== "ws:" && url.protocol !== "wss:"))
    throw configInvalid("worker.connect", `${JSON.stringify(text)} is not the address of a WebSocket`, fix);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw configInvalid("worker.connect", "it carries more than an address: addresses are logged", "pass the token as `token`");
  const path = "/api/v1/workers/connect";
  const base = url.pathname.replace(/\/+$/, "");
  url.pathname = base.endsWith(path) ? base : `${base}${path}`;
  return url.href;
}
