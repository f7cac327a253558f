import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { follow } from "../follow.ts";
import { openFleetOf } from "../open-api.ts";
import { detachOption } from "../options.ts";
import { resolveRun, shortId } from "../short-id.ts";

export const runsRepair: MakeCommand = (bind) =>
  new Command("repair")
    .description("start a new run that does again what did not succeed in a closed one, and takes over the rest")
    .argument("<run>", "a run that failed, was canceled or is partial: its id or the first letters of it")
    .addOption(detachOption())
    .action(
      bind<{ detach?: true }>(async (c, { detach }, [text]) => {
        await using opened = await openFleetOf(c, ["start the fleet that keeps it, then repair: flotilla up"]);
        const id = await resolveRun(opened.api, text);
        const reply = await opened.api.repair(id);
        return await follow(opened.api, reply, c, { note: ` repairs ${shortId(id)}`, ...(detach && { detach }) });
      }),
    );
