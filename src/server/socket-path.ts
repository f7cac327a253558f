// Where the control socket of a database file lies. Beside the file when its path fits into sun_path, else in a private
// folder of the user with a pointer file beside the database, so that another TMPDIR still finds it.
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** sun_path holds 108 bytes on Linux and 104 on macOS, the final zero counted. */
const pathBytesMax = process.platform === "linux" ? 107 : 103;

export interface SocketPlace {
  readonly socket: string;
  /** Set when the socket lies elsewhere: this file holds its path. */
  readonly pointer: string | null;
  /** Set when the socket's folder is ours to make and to keep private. */
  readonly folder: string | null;
}

export function pointerPath(database: string): string {
  return `${resolve(database)}.sock.path`;
}

export function besideDatabase(database: string): SocketPlace | undefined {
  const socket = `${resolve(database)}.sock`;
  return Buffer.byteLength(socket) <= pathBytesMax ? { socket, pointer: null, folder: null } : undefined;
}

/** Short by construction: also for file systems that hold no sockets (some network and container mounts). */
export function elsewhere(database: string, env: Readonly<Record<string, string | undefined>> = process.env): SocketPlace {
  const hash = createHash("sha256").update(resolve(database)).digest("hex").slice(0, 16);
  const folder = join(env["XDG_RUNTIME_DIR"] ?? tmpdir(), `flotilla-${process.getuid?.() ?? "user"}`);
  return { socket: join(folder, `${hash}.sock`), pointer: pointerPath(database), folder };
}
