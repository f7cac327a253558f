import { FlotillaError } from "../../../src/core/error.ts";
import type { Rows } from "./disk.ts";

/** A later life owns the store. @throws FLOTILLA_STORE_LOCKED */
export function refuseStranger(rows: Rows, boot: number): void {
  const life = rows.lives.at(-1);
  if (life && life.boot !== boot) throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path: "model", pid: life.pid });
}
