import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";

export const schedulesTrigger: MakeCommand = (bind) =>
  new Command("trigger")
    .description("start its run now, beside its ticks, and print the run's id")
    .argument("<schedule>", "its name")
    .action(
      bind(async (c, _, [name = ""]) => {
        await using opened = await openFleetOf(c, ["start the fleet that keeps it: flotilla up"]);
        const reply = await opened.api.schedules.trigger(name);
        if (c.asJson) c.out.json(reply);
        else c.out.line(reply.id);
        return exitCodes.ok;
      }),
    );
