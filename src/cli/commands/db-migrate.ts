import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { requireFile } from "../open-api.ts";
import { storePlace } from "../store-place.ts";

export const dbMigrate: MakeCommand = (bind) =>
  new Command("migrate")
    .description("bring the store up to date, as opening it does; no fleet may have it open")
    .option("--dry-run", "only say what would be done", false)
    .action(
      bind<{ dryRun: boolean }>(async (c, { dryRun }) => {
        const place = await storePlace(c);
        requireFile(c, place);
        const { migrateStore } = await import("../../runtime/db/migrate.ts");
        const done = await migrateStore(place.path, { dryRun });
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
