import { readFileSync } from "node:fs";
import { answers } from "./control-socket.ts";
import { besideDatabase, pointerPath } from "./socket-path.ts";

/** The control socket of the process that owns this database; undefined when none answers. */
export async function findControlSocket(database: string): Promise<string | undefined> {
  for (const path of [readPointer(database), besideDatabase(database)?.socket]) {
    if (path !== undefined && (await answers(path))) return path;
  }
  return undefined;
}

function readPointer(database: string): string | undefined {
  try {
    const path = readFileSync(pointerPath(database), "utf8").trim();
    return path === "" ? undefined : path;
  } catch {
    return undefined; // The usual case: the socket lies beside the database.
  }
}
