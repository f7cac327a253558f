// What a PostgreSQL store is, seen from outside, for doors that may not touch it; and its migrations, run by hand.
import { inspectSchema } from "../../store/postgres/inspect/status.ts";
import { migrate } from "../../store/postgres/migrate.ts";
import { resolveSettings, type PostgresOptions } from "../../store/postgres/settings.ts";
import type { MigrateReply } from "./migrate.ts";

export { checkPostgres } from "../../store/postgres/inspect/check.ts";
export { inspectPostgres, type PostgresStatus, type PostgresTable } from "../../store/postgres/inspect/status.ts";

/**
 * Creates the tables, or brings them up to date, as opening the store does; also where the URL says `migrate=false`, since this
 * is how that is done then. `dryRun` only says what would be done.
 * @throws FLOTILLA_STORE_NEWER, FLOTILLA_STORE_UNREACHABLE; FLOTILLA_STORE_UNUSABLE also when orchestrators are up that do not
 * know what a migration makes of the tables
 */
export async function migratePostgres(o: PostgresOptions, { dryRun }: { readonly dryRun: boolean }): Promise<MigrateReply> {
  const settings = resolveSettings(o);
  const { from, known, pending } = await inspectSchema(settings);
  if (dryRun || pending.length === 0) return { from, to: Math.max(from, known), files: pending };
  return { from, to: await migrate({ ...settings, migrate: true }), files: pending };
}
