import { FlotillaError } from "../../core/error.ts";
import type { Statements } from "./statements.ts";

/**
 * A later life in the file means that another process owns it by now: POSIX locks fall when any part of this process
 * closes the lock file, as a copy of the folder does. 2 us a batch. @throws FLOTILLA_STORE_LOCKED
 */
export function refuseStranger(sql: Statements, path: string, boot: number): void {
  const latest = sql.row<{ id: number; pid: number }>("SELECT id, pid FROM orchestrator ORDER BY id DESC LIMIT 1");
  if (latest && latest.id !== boot) throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path, pid: latest.pid });
}
