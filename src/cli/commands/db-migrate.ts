import { Command } from "commander";
import type { MigrateReply } from "../../runtime/db/migrate.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { requireFile } from "../open-api.ts";
import { anyPlace } from "../store-place.ts";

export const dbMigrate: MakeCommand = (bind) =>
  new Command("migrate")
    .description("bring the store up to date, as opening it does; no fleet may have a file open")
    .option("--dry-run", "only say what would be done", false)
    .action(
      bind<{ dryRun: boolean }>(async (c, { dryRun }) => {
        const done = await migrate(c, dryRun);
        if (c.asJson) c.out.json({ ...done, dryRun });
        else if (done.files.length === 0) c.out.line(`schema ${done.to}: nothing to do`);
        else
          c.out.lines([
            `schema ${done.from} ${dryRun ? "would become" : "became"} ${done.to}`,
            ...done.files.map((file) => `  ${file}`),
            ...(dryRun ? ["an older version cannot open it afterwards; take a copy first: flotilla db backup FOLDER"] : []),
          ]);
        return exitCodes.ok;
      }),
    );

async function migrate(c: Context, dryRun: boolean): Promise<MigrateReply> {
  const place = await anyPlace(c);
  if ("settings" in place) {
    const { migratePostgres } = await import("../../runtime/db/postgres.ts");
    return await migratePostgres(place.settings, { dryRun });
  }
  requireFile(c, place);
  const { migrateStore } = await import("../../runtime/db/migrate.ts");
  return await migrateStore(place.path, { dryRun });
}
