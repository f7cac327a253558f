import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";

export const schedulesRm: MakeCommand = (bind) =>
  new Command("rm")
    .description("delete a schedule; what runs is left alone")
    .argument("<schedule>", "its name")
    .action(
      bind(async (c, _, [name = ""]) => {
        await using opened = await openFleetOf(c, ["start the fleet that keeps it: flotilla up"]);
        const { origin } = await opened.api.schedules.get(name);
        await opened.api.schedules.delete(name);
        const back = origin === "code" ? "; the fleet's definition holds it, and puts it back when it next opens" : "";
        if (c.asJson) c.out.json({ name, origin, deleted: true });
        else c.err.line(`${c.err.theme.glyphs.ok} ${name} is deleted${back}`);
        return exitCodes.ok;
      }),
    );
