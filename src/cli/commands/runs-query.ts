import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";
import { printValue } from "../print-value.ts";
import { resolveEither } from "../short-id.ts";

export const runsQuery: MakeCommand = (bind) =>
  new Command("query")
    .description("ask a running workflow's code about its state: what it answers with ctx.query")
    .argument("<run>", "a run or a task: its id or the first letters of it")
    .argument("<name>", "the query's name; a wrong one is answered with those that it knows")
    .action(
      bind(async (c, _, [text, name = ""]) => {
        await using opened = await openFleetOf(c, ["start the fleet that works on it, then ask: flotilla up"]);
        const value = JSON.parse(await opened.api.query(await resolveEither(opened.api, text), name)) as unknown;
        if (c.asJson) c.out.json(value);
        else printValue(c, value);
        return exitCodes.ok;
      }),
    );
