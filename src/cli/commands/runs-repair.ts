import { Command } from "commander";
import { bulkCommand } from "../bulk.ts";
import type { MakeCommand } from "../command.ts";
import { follow } from "../follow.ts";
import { openFleetOf } from "../open-api.ts";
import { detachOption } from "../options.ts";
import { resolveRun, shortId } from "../short-id.ts";
import { bulkOptions, checkBulk, choiceOf, whereHelp, whereOf, type BulkChoice } from "../where.ts";

interface Options extends BulkChoice {
  readonly detach?: true;
}

export const runsRepair: MakeCommand = (bind) =>
  bulkOptions(
    new Command("repair")
      .description(
        "start a new run that does again what did not succeed in a closed one, and takes over the rest; or for every run that fits",
      )
      .argument("[run]", "a run that failed, was canceled or is partial: its id or the first letters of it")
      .addOption(detachOption()),
    "every run that fits and was not repaired yet",
  )
    .addHelpText("after", whereHelp)
    .action(
      bind<Options>(async (c, o, [text]) => {
        const typed = checkBulk(o, text, "repaired");
        await using opened = await openFleetOf(c, ["start the fleet that keeps it, then repair: flotilla up"]);
        const { api } = opened;
        if (typed) {
          const where = await whereOf(c, api, typed);
          const none = "no run fits that ended without succeeding and was not repaired yet";
          return await bulkCommand(api, c, { action: "repair", where, none, ...choiceOf(o) });
        }
        const id = await resolveRun(api, text);
        const reply = await api.repair(id);
        return await follow(api, reply, c, { note: ` repairs ${shortId(id)}`, ...(o.detach && { detach: o.detach }) });
      }),
    );
