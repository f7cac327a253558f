// The orchestrator of a store, near or far: the process that owns it answers through its control socket; when there is
// none, reads open the store here, with no workers.
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { FlotillaError } from "../core/error.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { storePlace } from "./store-place.ts";
import type { StorePlace } from "./store-place.ts";

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
  throw new NothingRuns(nameOf(c, place), instead);
}

/** FLOTILLA_UNREACHABLE with the command that would have helped. */
class NothingRuns extends FlotillaError<"FLOTILLA_UNREACHABLE"> {
  override readonly fix: readonly string[];
  constructor(target: string, fix: readonly string[]) {
    super("FLOTILLA_UNREACHABLE", { target });
    this.fix = fix;
  }
}

async function openLive(place: StorePlace): Promise<OpenedApi | undefined> {
  const { findControlSocket } = await import("../server/find-socket.ts");
  const socket = await findControlSocket(place.path);
  if (socket === undefined) return undefined;
  const { remoteApi } = await import("../server/remote-api.ts");
  const api = remoteApi(socket);
  return { api, live: true, place, [Symbol.asyncDispose]: async () => api.close() };
}

async function openHere(c: Context, place: StorePlace): Promise<OpenedApi> {
  // A look must not create what it looks for.
  if (!existsSync(place.path)) {
    const fix = ["start a fleet on it: flotilla up", "or name another store: --store sqlite:path/to/file.db"];
    throw new NothingRuns(`${nameOf(c, place)}, and there is no such file yet`, fix);
  }
  const { openFleet } = await import("../runtime/create-fleet.ts");
  const opened = await openFleet({ definitions: [], store: `sqlite:${place.path}` });
  return { api: opened.orchestrator, live: false, place, [Symbol.asyncDispose]: () => opened.fleet.close() };
}

/** Relative to where the person stands, when that is shorter. */
export function nameOf(c: Context, place: Pick<StorePlace, "path">): string {
  const near = relative(c.io.cwd, place.path);
  return near.startsWith("..") || near === "" ? place.path : near;
}
