// The HTTP API on a Unix socket beside the database file, for whoever may read that file. One process owns an SQLite
// file, so at most one serves it; what another one left behind after its death is replaced.
import { chmodSync, lstatSync, mkdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { connect } from "node:net";
import { isMainThread } from "node:worker_threads";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { besideDatabase, elsewhere } from "./socket-path.ts";
import type { SocketPlace } from "./socket-path.ts";

export interface ControlSocket {
  readonly path: string;
  /** Ends long polls and streams, then stops listening. Safe to call twice. */
  close(): Promise<void>;
}

export interface ControlSocketOptions {
  /** The database file that it lies beside. */
  readonly database: string;
  readonly clock?: Clock;
  /** Whether listening keeps the process alive. @default true */
  readonly keepAlive?: boolean;
}

/** How long requests under way may take to end once their signal aborted, in ms. */
const closeGraceMs = 500;

/**
 * @throws FLOTILLA_STORE_LOCKED when a live process serves this database already, FLOTILLA_STORE_UNUSABLE when the
 * socket cannot be made.
 */
export async function serveControlSocket(api: OrchestratorApi, o: ControlSocketOptions): Promise<ControlSocket> {
  const clock = o.clock ?? systemClock;
  const closing = new AbortController();
  const serve = lazyApp(api, closing.signal, clock);
  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    // close() closes idle connections once; those that answer their last request now become idle after it.
    res.once("close", () => closing.signal.aborted && setImmediate(() => server.closeIdleConnections()));
    serve(req, res);
  });
  const place = await listen(server, o.database);
  if (o.keepAlive === false) server.unref();
  server.on("error", () => {}); // A broken accept concerns that caller only.
  let closed: Promise<void> | undefined;
  return { path: place.socket, close: () => (closed ??= close(server, place, closing, clock)) };
}

/** An embedded fleet rarely hears from a CLI: hono and zod are loaded by the first request. */
function lazyApp(api: OrchestratorApi, closing: AbortSignal, clock: Clock): RequestListener {
  let listener: Promise<RequestListener> | undefined;
  const load = async (): Promise<RequestListener> => {
    const [{ getRequestListener }, { createApp }] = await Promise.all([import("@hono/node-server"), import("./app.ts")]);
    // The globals of the host are not ours to replace.
    const listen = getRequestListener(createApp(api, { closing, clock }).fetch, { overrideGlobalObjects: false });
    return (req, res) => void listen(req, res);
  };
  return (req, res) => {
    listener ??= load();
    listener.then((listen) => listen(req, res)).catch((error: unknown) => res.destroy(error as Error));
  };
}

async function listen(server: Server, database: string): Promise<SocketPlace> {
  const beside = besideDatabase(database);
  const places = beside === undefined ? [elsewhere(database)] : [beside, elsewhere(database)];
  for (const place of places) {
    try {
      return await listenAt(server, place, database);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (!noSocketsHere.has(code) || place === places.at(-1))
        throw isFlotillaError(error) ? error : unusable(place.socket, error);
    }
  }
  throw unusable(database, new Error("no place for it"));
}

/** What bind says on file systems that hold no sockets. */
const noSocketsHere = new Set(["ENOTSUP", "EOPNOTSUPP", "EPERM", "ENOSYS", "EINVAL"]);

async function listenAt(server: Server, place: SocketPlace, database: string): Promise<SocketPlace> {
  if (place.folder !== null) privateFolder(place.folder);
  try {
    await bind(server, place.socket);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    await removeStale(place.socket, database);
    await bind(server, place.socket);
  }
  chmodSync(place.socket, 0o600);
  if (place.pointer !== null) writeFileSync(place.pointer, `${place.socket}\n`, { mode: 0o600 });
  return place;
}

function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).once("listening", resolve);
  // bind happens inside listen(): with this mask there is no moment at which others could connect.
  const mask = isMainThread ? process.umask(0o177) : undefined;
  server.listen(path);
  if (mask !== undefined) process.umask(mask);
  return promise.finally(() => server.off("error", reject).off("listening", resolve));
}

/** Removes a socket that nobody answers on. @throws FLOTILLA_STORE_LOCKED when somebody does. */
async function removeStale(path: string, database: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw unusable(path, new Error("it exists and is not a socket"));
  if (await answers(path)) throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path: database, pid: null });
  unlinkSync(path);
}

/** True when a process listens at `path`. Being refused by permissions counts: somebody made it so. */
export function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket
    .once("connect", () => resolve(true))
    .once("error", (e: NodeJS.ErrnoException) => resolve(e.code === "EACCES" || e.code === "EPERM" || e.code === "EAGAIN"));
  return promise.finally(() => socket.destroy());
}

/** Everybody may write into the temp folder: ours inside it must be ours, or another user could answer in our name. */
function privateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  const own = process.getuid?.() ?? found.uid;
  if (!found.isDirectory() || found.uid !== own || (found.mode & 0o077) !== 0) {
    throw unusable(folder, new Error("it must be a folder of this user that nobody else may enter (mode 0700)"));
  }
}

function unusable(path: string, cause: unknown): FlotillaError {
  const problem = `the control socket cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`;
  const fix = "remove what lies there, or make its folder writable for this user";
  return new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path, problem, fix }, { cause });
}

async function close(server: Server, place: SocketPlace, closing: AbortController, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve()); // also removes the socket file
  closing.abort();
  server.closeIdleConnections();
  const grace = clock.after(closeGraceMs, () => server.closeAllConnections());
  await promise;
  grace.cancel();
  if (place.pointer !== null) rmSync(place.pointer, { force: true });
}
