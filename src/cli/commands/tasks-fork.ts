import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { follow } from "../follow.ts";
import { readInput } from "../input.ts";
import { openFleetOf } from "../open-api.ts";
import { detachOption, inputOption } from "../options.ts";
import { resolveTask, shortId } from "../short-id.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly input: readonly string[];
  readonly detach?: true;
}

export const tasksFork: MakeCommand = (bind) =>
  new Command("fork")
    .description("start a new run that asks one task again with another input, and takes over what does not depend on it")
    .argument("<task>", "its id or the first letters of it, such as t_7k2m9q4x.3.1")
    .addOption(inputOption().default([], "none: it must be given"))
    .addOption(detachOption())
    .addHelpText(
      "after",
      `
Examples:
  flotilla tasks fork t_7k2m9q4x.3 --input path=src/b.ts
  flotilla tasks fork t_7k2m9q4x --input @input.json --detach
`,
    )
    .action(
      bind<Options>(async (c, { input, detach }, [text = ""]) => {
        if (input.length === 0)
          throw new UsageError("What is the task to be asked instead?", {
            why: "a fork is the same task with another input",
            fix: ["give it: --input key=value, or --input @input.json"],
            more: "flotilla tasks fork --help",
          });
        const given = await readInput(input, c.io);
        await using opened = await openFleetOf(c, ["start the fleet that keeps it, then fork: flotilla up"]);
        const id = await resolveTask(opened.api, text);
        const reply = await opened.api.fork(id, JSON.stringify(given));
        return await follow(opened.api, reply, c, { note: ` forks ${shortId(id)}`, ...(detach && { detach }) });
      }),
    );
