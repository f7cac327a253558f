import { FlotillaError } from "../../core/error.ts";
import { inspectStore } from "../../store/sqlite/inspect/status.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";

export interface MigrateReply {
  readonly from: number;
  readonly to: number;
  /** Files that were applied, or would be. */
  readonly files: readonly string[];
}

/**
 * Brings a store up to date, as opening it does. `dryRun` only says what would be done.
 * @throws FLOTILLA_STORE_NEWER, FLOTILLA_STORE_LOCKED, FLOTILLA_STORE_UNUSABLE
 */
export async function migrateStore(path: string, o: { readonly dryRun: boolean }): Promise<MigrateReply> {
  const { schema, known, pending } = inspectStore(path, { exact: false });
  if (schema > known) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path, schema, known });
  // A store that is up to date is not opened: its fleet may have it.
  if (!o.dryRun && pending.length > 0) await openSqliteStore({ path }).close();
  return { from: schema, to: known, files: pending };
}
