import { Command, Option } from "commander";
import type { MakeCommand } from "../command.ts";
import { idempotencyOption, inputOption, planOnlyOption, priorityOption, tagOption, wholeNumber } from "../options.ts";
import type { StartOptions } from "../options.ts";
import type { UpOptions } from "../up/definitions.ts";

interface Options extends StartOptions, UpOptions {
  readonly run?: string;
  readonly keep?: true;
}

export const up: MakeCommand = (bind) =>
  new Command("up")
    .description("start a fleet here: orchestrator and workers, on one database file")
    .addOption(new Option("--workers <n>", "workers to start (default: the config's, or 1)").argParser(wholeNumber(1, 1_000)))
    .addOption(
      new Option(
        "--slots <n>",
        "tasks that one worker runs at a time (default: the config's, or 16; 1 in a child process)",
      ).argParser(wholeNumber(1, 10_000)),
    )
    .addOption(
      new Option("--isolation <kind>", "where workers run (default: the config's, or in-process)").choices([
        "in-process",
        "child-process",
      ]),
    )
    .option("--offers <list>", "capabilities of the workers, with commas between")
    .option("--run <name>", "start this agent or workflow, wait for it, then stop and exit as it ended")
    .option("--keep", "with --run: stay up afterwards")
    .addOption(inputOption())
    .addOption(planOnlyOption())
    .addOption(idempotencyOption())
    .addOption(tagOption())
    .addOption(priorityOption())
    .addHelpText(
      "after",
      `
Examples:
  flotilla up --workers 4 --isolation child-process
  flotilla up --run review --input path=src/a.ts -o json
`,
    )
    .action(
      bind<Options>(async (c, o) => {
        const { runUp } = await import("../up/up.ts");
        return await runUp(c, o);
      }),
    );
