import { resolve } from "node:path";
import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openLive, requireFile } from "../open-api.ts";
import { storePlace } from "../store-place.ts";
import { nearPath } from "../text/near-path.ts";
import { plural, size } from "../text/format.ts";

export const dbBackup: MakeCommand = (bind) =>
  new Command("backup")
    .description("copy the store with its artifacts into a new folder, also while its fleet works")
    .argument("<folder>", "where to; it must not be there yet")
    .action(
      bind(async (c, _, [folder = ""]) => {
        const place = await storePlace(c);
        requireFile(c, place);
        const to = resolve(c.io.cwd, folder);
        await using owner = await openLive(c, place);
        const reply = owner
          ? await owner.api.backup(to)
          : await (await import("../../runtime/db/unowned.ts")).backupUnowned(place.path, to, c.io.clock);
        if (c.asJson) c.out.json(reply);
        else {
          const { theme } = c.err;
          c.out.line(
            `${theme.glyphs.ok} ${nearPath(reply.folder, c.io.cwd)}: schema ${reply.schema}, ${plural(reply.artifacts, "artifact")}, ${size(reply.bytes)}`,
          );
          if (reply.missing.length > 0)
            c.err.line(
              `${theme.glyphs.warn} ${plural(reply.missing.length, "artifact")} that runs refer to were not there: flotilla db check names them`,
            );
        }
        return exitCodes.ok;
      }),
    );
