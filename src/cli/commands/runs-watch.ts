import { Command } from "commander";
import { FlotillaError } from "../../core/error.ts";
import type { MakeCommand } from "../command.ts";
import { openToRead } from "../open-api.ts";
import { resolveRun } from "../short-id.ts";
import { waitAndPrint } from "../wait.ts";

export const runsWatch: MakeCommand = (bind) =>
  new Command("watch")
    .description("follow a run to its end and print its output; exits as it ended")
    .argument("[run]", "its id or the first letters of it (default: the latest)")
    .action(
      bind(async (c, _, [text]) => {
        await using opened = await openToRead(c);
        const id = await resolveRun(opened.api, text);
        // Without workers it would never end.
        if (!opened.live && (await opened.api.run(id)).status === "running") {
          throw new FlotillaError(
            "FLOTILLA_UNREACHABLE",
            { target: opened.name },
            { where: `${id} is unfinished, and no fleet works on it` },
          );
        }
        return await waitAndPrint(opened.api, id, c);
      }),
    );
