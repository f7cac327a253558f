import { FlotillaError } from "../../../src/core/error.ts";
import type { Rows } from "./disk.ts";

/** A later life owns the store, or this one was taken for dead. @throws FLOTILLA_STORE_LOCKED, FLOTILLA_LIFE_OVER */
export function refuseStranger(rows: Rows, boot: number): void {
  const life = rows.lives.at(-1);
  if (life?.shares) {
    if (!rows.alive.has(boot)) throw new FlotillaError("FLOTILLA_LIFE_OVER", { boot });
    return;
  }
  if (life && life.boot !== boot) throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path: "model", pid: life.pid });
}
