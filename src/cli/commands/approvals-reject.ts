import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";
import { byOption } from "../options.ts";
import { resolveApproval, shortId } from "../short-id.ts";

interface Options {
  readonly reason: string;
  readonly by?: string;
}

export const approvalsReject: MakeCommand = (bind) =>
  new Command("reject")
    .description("refuse what a workflow asked: its code gets FLOTILLA_REJECTED with the reason")
    .argument("<approval>", "its id or the first letters of it, such as a_7k2m9q4x.3")
    .requiredOption("--reason <text>", "why, for the workflow's code and its record")
    .addOption(byOption())
    .action(
      bind<Options>(async (c, o, [text = ""]) => {
        const by = o.by ?? c.io.user;
        await using opened = await openFleetOf(c, ["start the fleet that waits for it, then answer: flotilla up"]);
        const id = await resolveApproval(opened.api, text);
        await opened.api.reject(id, { reason: o.reason, ...(by && { by }) });
        if (c.asJson) c.out.json({ id, state: "rejected", by: by ?? null });
        else c.err.line(`${c.err.theme.glyphs.ok} rejected ${shortId(id)}${by ? ` as ${by}` : ""}`);
        return exitCodes.ok;
      }),
    );
