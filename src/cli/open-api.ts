// The orchestrator of a store: one elsewhere answers over HTTP; here the process that owns the store does through its
// control socket, and when there is none, the file is read as it is.
import { existsSync } from "node:fs";
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { farFleet } from "./far-fleet.ts";
import { anyPlace } from "./store-place.ts";
import type { SharedPlace, StorePlace } from "./store-place.ts";
import { nearPath } from "./text/near-path.ts";

export interface OpenedApi extends AsyncDisposable {
  readonly api: OrchestratorApi;
  /** A process with workers answers. */
  readonly live: boolean;
  /** It is elsewhere, and reached over HTTP. */
  readonly remote: boolean;
  /** The database as a person would type it, or the URL. */
  readonly name: string;
}

/** For commands that only look. @throws FLOTILLA_UNREACHABLE when there is neither a process nor a database. */
export async function openToRead(c: Context): Promise<OpenedApi> {
  const far = await openFar(c);
  if (far) return far;
  const place = await anyPlace(c);
  if ("settings" in place) return openShared(c, place);
  return (await openLive(c, place)) ?? (await openHere(c, place));
}

/** For commands that want work done. @throws FLOTILLA_UNREACHABLE when no process owns the store. */
export async function openFleetOf(c: Context, instead: readonly string[]): Promise<OpenedApi> {
  const far = await openFar(c);
  if (far) return far;
  const place = await anyPlace(c);
  if ("settings" in place) return openShared(c, place);
  const opened = await openLive(c, place);
  if (opened) return opened;
  throw nothingRuns(nameOf(c, place), instead);
}

/** Somebody waits at the terminal: longer than for a restart, shorter than for a night. */
const patience = { callMs: 5_000, waitMs: 120_000, replyMs: 30_000 };

/** The fleet elsewhere that is meant; undefined: none is. Nothing is asked yet. @throws FLOTILLA_CONFIG_INVALID */
export async function openFar(c: Context): Promise<OpenedApi | undefined> {
  const far = farFleet(c);
  if (!far) return undefined;
  const { fetchTransport, fleetUrl, tokenText } = await import("../client/remote/fetch-transport.ts");
  const { remoteApi } = await import("../client/remote/api.ts");
  const url = fleetUrl(far.url, far.from);
  const token = far.token === undefined ? undefined : tokenText(far.token, "--token or FLOTILLA_TOKEN");
  const api = remoteApi(fetchTransport(url, { token, namespace: far.namespace }, fetch), patience);
  return { api, live: true, remote: true, name: url, [Symbol.asyncDispose]: async () => api.close() };
}

/** What the command asks is done by whichever orchestrator has the workers for it. */
async function openShared(c: Context, place: SharedPlace): Promise<OpenedApi> {
  const [{ joinStore }, { systemDeps }] = await Promise.all([import("../runtime/join-store.ts"), import("../runtime/deps.ts")]);
  const joined = await joinStore(place.settings, { ...systemDeps, clock: c.io.clock, log: () => {} });
  return {
    api: joined.api,
    live: true,
    remote: false,
    name: place.name,
    [Symbol.asyncDispose]: () => joined[Symbol.asyncDispose](),
  };
}

/** FLOTILLA_UNREACHABLE with the command that would have helped. */
function nothingRuns(target: string, fix: readonly string[]): Error {
  return Object.assign(new FlotillaError("FLOTILLA_UNREACHABLE", { target }), { fix });
}

/** The process that owns the store, if one does and answers. */
export async function openLive(c: Context, place: StorePlace): Promise<OpenedApi | undefined> {
  const { findControlSocket } = await import("../server/find-socket.ts");
  const socket = await findControlSocket(place.path);
  if (socket === undefined) return undefined;
  const { socketTransport } = await import("../server/socket-transport.ts");
  const { remoteApi } = await import("../client/remote/api.ts");
  const transport = socketTransport(socket);
  const api = remoteApi(transport);
  return {
    api,
    live: true,
    remote: false,
    name: nameOf(c, place),
    async [Symbol.asyncDispose]() {
      api.close();
      transport.close();
    },
  };
}

/** A look must not create what it looks for. @throws FLOTILLA_UNREACHABLE */
export function requireFile(c: Context, place: StorePlace): void {
  if (existsSync(place.path)) return;
  const fix = ["start a fleet on it: flotilla up", "or name another store: --store sqlite:path/to/file.db"];
  throw nothingRuns(`${nameOf(c, place)}, and there is no such file yet`, fix);
}

async function openHere(c: Context, place: StorePlace): Promise<OpenedApi> {
  requireFile(c, place);
  const { readStore } = await import("../runtime/read-store.ts");
  const opened = await readStore(place.path, c.io.clock).catch((error: unknown) => {
    throw isFlotillaError(error, "FLOTILLA_STORE_LOCKED") ? Object.assign(error, { fix: silentOwner(error.details.pid) }) : error;
  });
  return {
    api: opened.api,
    live: false,
    remote: false,
    name: nameOf(c, place),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** The database as a person would type it. */
function nameOf(c: Context, place: Pick<StorePlace, "path">): string {
  return nearPath(place.path, c.io.cwd);
}

/** Its owner did not answer on a control socket, so the usual advice to ask it would lead back here. */
export function silentOwner(pid: number | null): readonly string[] {
  return [
    `look at it: ps -p ${pid ?? "PID"}`,
    "a fleet answers other commands through a socket beside its database: this one does not, so stop it or wait for its end",
  ];
}
