import { Command } from "commander";
import { answerCommands, approvalLines } from "../approval-view.ts";
import type { MakeCommand } from "../command.ts";
import { hint } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { resolveApproval } from "../short-id.ts";

export const approvalsShow: MakeCommand = (bind) =>
  new Command("show")
    .alias("get")
    .description("show one: what is asked, what may be edited, until when")
    .argument("<approval>", "its id or the first letters of it, such as a_7k2m9q4x.3")
    .action(
      bind(async (c, _, [text = ""]) => {
        await using opened = await openToRead(c);
        const approval = await opened.api.approval(await resolveApproval(opened.api, text));
        if (c.asJson) c.out.json(approval);
        else c.out.lines(approvalLines(approval, c));
        if (approval.state === "open") for (const command of answerCommands(approval)) hint(c, command);
        return exitCodes.ok;
      }),
    );
