// The orchestrator of a store, near or far: the process that owns it answers through its control socket; when there is
// none, the file is read as it is.
import { existsSync } from "node:fs";
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { storePlace } from "./store-place.ts";
import type { StorePlace } from "./store-place.ts";
import { nearPath } from "./text/near-path.ts";

export interface OpenedApi extends AsyncDisposable {
  readonly api: OrchestratorApi;
  /** A process with workers answers. */
  readonly live: boolean;
  readonly place: StorePlace;
}

/** For commands that only look. @throws FLOTILLA_UNREACHABLE when there is neither a process nor a database. */
export async function openToRead(c: Context): Promise<OpenedApi> {
  const place = await storePlace(c);
  return (await openLive(place)) ?? (await openHere(c, place));
}

/** For commands that want work done. @throws FLOTILLA_UNREACHABLE when no process owns the store. */
export async function openFleetOf(c: Context, instead: readonly string[]): Promise<OpenedApi> {
  const place = await storePlace(c);
  const opened = await openLive(place);
  if (opened) return opened;
  throw nothingRuns(nameOf(c, place), instead);
}

/** FLOTILLA_UNREACHABLE with the command that would have helped. */
function nothingRuns(target: string, fix: readonly string[]): Error {
  return Object.assign(new FlotillaError("FLOTILLA_UNREACHABLE", { target }), { fix });
}

/** The process that owns the store, if one does and answers. */
export async function openLive(place: StorePlace): Promise<OpenedApi | undefined> {
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
    place,
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
  return { api: opened.api, live: false, place, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

/** The database as a person would type it. */
export function nameOf(c: Context, place: Pick<StorePlace, "path">): string {
  return nearPath(place.path, c.io.cwd);
}

/** Its owner did not answer on a control socket, so the usual advice to ask it would lead back here. */
export function silentOwner(pid: number | null): readonly string[] {
  return [
    `look at it: ps -p ${pid ?? "PID"}`,
    "a fleet answers other commands through a socket beside its database: this one does not, so stop it or wait for its end",
  ];
}
