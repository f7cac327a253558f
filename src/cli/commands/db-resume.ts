import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { requireFile } from "../open-api.ts";
import { storePlace } from "../store-place.ts";

export const dbResume: MakeCommand = (bind) =>
  new Command("resume").description("let a fleet go on with the open runs of a restored store: its original is gone").action(
    bind(async (c) => {
      const place = await storePlace(c);
      requireFile(c, place);
      const { resumeStore } = await import("../../runtime/db/restore.ts");
      const resumed = resumeStore(place.path);
      if (c.asJson) c.out.json({ path: place.path, resumed });
      else
        c.err.line(
          resumed ? `${c.err.theme.glyphs.ok} the next fleet on it goes on with its open runs` : "nothing kept it from going on",
        );
      return exitCodes.ok;
    }),
  );
