import { FlotillaError } from "../../core/error.ts";
import type { Sql } from "./sql.ts";

/**
 * A life that was taken for dead writes nothing any more. Held until the end of the transaction: whoever sweeps it goes
 * past while it commits (SKIP LOCKED), and its own beats, which touch no key, go on meanwhile. @throws FLOTILLA_LIFE_OVER
 */
export async function refuseStranger(tx: Sql, boot: number): Promise<void> {
  const life = await tx.row("SELECT 1 FROM orchestrator WHERE id = $1 FOR KEY SHARE", [boot]);
  if (!life) throw new FlotillaError("FLOTILLA_LIFE_OVER", { boot });
}
