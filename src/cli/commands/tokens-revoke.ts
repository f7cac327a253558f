import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";

export const tokensRevoke: MakeCommand = (bind) =>
  new Command("revoke")
    .description("let a token open nothing more: here at once, at other orchestrators within seconds")
    .argument("<token>", "its id, as flotilla tokens ls shows it")
    .action(
      bind(async (c, _, [id = ""]) => {
        await using opened = await openFleetOf(c, ["start the fleet that knows it: flotilla orchestrator"]);
        await opened.api.tokens.revoke(id);
        if (c.asJson) c.out.json({ id, revoked: true });
        else c.err.line(`${c.err.theme.glyphs.ok} ${id} is revoked`);
        return exitCodes.ok;
      }),
    );
