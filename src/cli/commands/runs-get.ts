import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { hint } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { planLines } from "../plan-view.ts";
import { runLines } from "../run-view.ts";
import { resolveRun, shortId } from "../short-id.ts";

export const runsGet: MakeCommand = (bind) =>
  new Command("get")
    .description("show one run: its counts by stage, its plans, what it spent, its error")
    .argument("[run]", "its id or the first letters of it (default: the latest)")
    .action(
      bind(async (c, _, [text]) => {
        await using opened = await openToRead(c);
        const view = await opened.api.run(await resolveRun(opened.api, text));
        const plans = await opened.api.plans(view.id);
        if (c.asJson) c.out.json({ ...view, plans });
        else c.out.lines([...runLines(view, c, c.out), ...planLines(plans, c.out)]);
        const short = shortId(view.id);
        hint(
          c,
          view.status === "running"
            ? `follow it: flotilla runs watch ${short}`
            : `its output: flotilla runs watch ${short}   its tasks: flotilla tasks ls --run ${short}`,
        );
        return exitCodes.ok;
      }),
    );
