import { resolve } from "node:path";
import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { plural } from "../text/format.ts";
import { nearPath } from "../text/near-path.ts";

export const dbRestore: MakeCommand = (bind) =>
  new Command("restore")
    .description("make a store from a backup; nothing is overwritten, every file is compared with the manifest")
    .argument("<folder>", "a backup")
    .argument("<store>", "where to: sqlite:PATH, or a path")
    .option("--resume", "the original is gone: a fleet may go on with the open runs", false)
    .action(
      bind<{ resume: boolean }>(async (c, { resume }, [folder = "", store = ""]) => {
        const { parseStore, realDatabasePath } = await import("../../runtime/store-url.ts");
        const { restoreStore } = await import("../../runtime/db/restore.ts");
        const target = parseStore(store.startsWith("sqlite:") ? store : `sqlite:${store}`, c.io.cwd);
        const path = target.kind === "sqlite" ? realDatabasePath(target.path) : "";
        const done = await restoreStore(resolve(c.io.cwd, folder), path, { resume, now: c.io.clock.now() });
        if (c.asJson) c.out.json(done);
        else {
          const near = nearPath(done.path, c.io.cwd);
          c.out.line(
            `${c.out.theme.glyphs.ok} ${near}: as of ${done.takenAt}, schema ${done.schema}, ${plural(done.artifacts, "artifact")}`,
          );
          if (!done.resumed)
            c.err.lines([
              `${plural(done.open, "open task")}: no fleet starts on it while the original may still work on them`,
              `when the original is stopped for good: flotilla db resume --store sqlite:${near}`,
            ]);
        }
        return exitCodes.ok;
      }),
    );
