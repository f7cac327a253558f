import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { readValue } from "../input.ts";
import { openFleetOf } from "../open-api.ts";
import { byOption } from "../options.ts";
import { resolveApproval, shortId } from "../short-id.ts";

interface Options {
  readonly note?: string;
  readonly value?: string;
  readonly by?: string;
}

export const approvalsApprove: MakeCommand = (bind) =>
  new Command("approve")
    .description("let a workflow go on with what it proposed, or with an edited value")
    .argument("<approval>", "its id or the first letters of it, such as a_7k2m9q4x.3")
    .option("--note <text>", "what the workflow's code and its record get beside it")
    .option("--value <value>", "the edited value: JSON, @file.json or - for stdin (default: what was proposed)")
    .addOption(byOption())
    .addHelpText(
      "after",
      `
Examples:
  flotilla approvals approve a_7k2m9q4x.3 --note "fine"
  flotilla approvals show a_7k2m9q4x.3 -o json
  flotilla approvals approve a_7k2m9q4x.3 --value @edited.json
`,
    )
    .action(
      bind<Options>(async (c, o, [text = ""]) => {
        const given = { option: "--value", help: "flotilla approvals approve --help" };
        const value = o.value === undefined ? undefined : await readValue(o.value, c.io, given);
        const by = o.by ?? c.io.user;
        await using opened = await openFleetOf(c, ["start the fleet that waits for it, then answer: flotilla up"]);
        const id = await resolveApproval(opened.api, text);
        await opened.api.approve(id, {
          ...(by && { by }),
          ...(o.note !== undefined && { note: o.note }),
          ...(value !== undefined && { value: JSON.stringify(value) }),
        });
        if (c.asJson) c.out.json({ id, state: "approved", by: by ?? null });
        else c.err.line(`${c.err.theme.glyphs.ok} approved ${shortId(id)}${by ? ` as ${by}` : ""}`);
        return exitCodes.ok;
      }),
    );
