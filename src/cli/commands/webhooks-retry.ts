import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";

export const webhooksRetry: MakeCommand = (bind) =>
  new Command("retry")
    .description("tell a webhook what was given up, now")
    .argument("<call>", "its number, as webhooks ls prints it")
    .action(
      bind(async (c, _, [id = ""]) => {
        await using opened = await openFleetOf(c, ["start the fleet that tells it: flotilla up"]);
        const call = await opened.api.webhooks.retry(id);
        if (c.asJson) c.out.json(call);
        else c.err.line(`${c.err.theme.glyphs.ok} ${call.webhook} is told again; how it went: flotilla webhooks ls`);
        return exitCodes.ok;
      }),
    );
