import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { readValue } from "../input.ts";
import { openFleetOf } from "../open-api.ts";
import { resolveEither, shortId } from "../short-id.ts";

export const runsSend: MakeCommand = (bind) =>
  new Command("send")
    .description("send a message to a run, or to one task of it: ctx.waitFor takes it, now or later")
    .argument("<run>", "a run or a task: its id or the first letters of it")
    .argument("<name>", "the message's name")
    .argument("<value>", "JSON, @file.json, - for stdin, or plain text")
    .option("--key <key>", "the same key is taken once only, however often it is sent")
    .addHelpText(
      "after",
      `
Examples:
  flotilla runs send r_7k2m9q4x invoice.paid '{"invoice": "i1"}' --key i1
  flotilla runs send r_7k2m9q4x go @go.json
`,
    )
    .action(
      bind<{ key?: string }>(async (c, { key }, [text, name = "", given = ""]) => {
        const value = await readValue(given, c.io, { option: "VALUE", help: "flotilla runs send --help" });
        await using opened = await openFleetOf(c, ["start the fleet that works on it, then send: flotilla up"]);
        const id = await resolveEither(opened.api, text);
        await opened.api.send(id, { name, value: JSON.stringify(value), ...(key !== undefined && { key }) });
        if (c.asJson) c.out.json({ id, message: name, stored: true });
        else c.err.line(`${c.err.theme.glyphs.ok} sent ${name} to ${shortId(id)}`);
        return exitCodes.ok;
      }),
    );
