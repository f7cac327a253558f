import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { scheduleLines } from "../schedule-view.ts";

export const schedulesGet: MakeCommand = (bind) =>
  new Command("get")
    .description("show one schedule: when it ticks, what it starts, what it passed over")
    .argument("<schedule>", "its name")
    .action(
      bind(async (c, _, [name = ""]) => {
        await using opened = await openToRead(c);
        const view = await opened.api.schedules.get(name);
        if (c.asJson) c.out.json(view);
        else c.out.lines(scheduleLines(view, c));
        return exitCodes.ok;
      }),
    );
