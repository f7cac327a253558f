import { Command, Option } from "commander";
import type { MakeCommand } from "../command.ts";
import { spanOption, wholeNumber } from "../options.ts";
import type { WorkerOptions } from "../worker/serve.ts";

export const worker: MakeCommand = (bind) =>
  new Command("worker")
    .description("serve the definitions of this folder to a fleet on another machine")
    .addOption(
      new Option(
        "--connect <urls>",
        "where orchestrators listen, with commas between: the next is tried when one does not answer",
      )
        .env("FLOTILLA_CONNECT")
        .makeOptionMandatory(),
    )
    .addOption(new Option("--slots <n>", "tasks that it runs at a time (default: 16)").argParser(wholeNumber(1, 10_000)))
    .addOption(
      new Option("--isolation <kind>", "child-process: code runs in processes of their own, which may compute and crash")
        .choices(["in-process", "child-process"])
        .default("in-process"),
    )
    .addOption(
      new Option("--workers <n>", "with child-process: how many, each a worker with its slots").argParser(wholeNumber(1, 1_000)),
    )
    .option("--offers <list>", "capabilities of this machine, with commas between")
    .option("--name <name>", "what people see (default: the machine's name and the process's number)")
    .option("--pool <name>", "the pool that it belongs to")
    .addOption(
      spanOption("--within <span>", "how long tasks may still run when it is told to stop; then they are given back").default(
        25_000,
        "25s",
      ),
    )
    .addOption(
      spanOption(
        "--reconnect-grace <span>",
        "how long its tasks stay its own when the link breaks (default: the orchestrator's, 3s)",
      ),
    )
    .addOption(spanOption("--fence-after <span>", "when nothing is heard for so long, what runs is stopped (default: 10s)"))
    .addHelpText(
      "after",
      `
In-process, one process is one worker: right for agents that wait for the network. Agents that compute block the process that
they run in, and with it the link, which is given up after 15 s: give those --isolation child-process. SIGTERM and Ctrl-C let
what runs end, a second one stops at once; what is unfinished is done by others. Its token has the role worker;
FLOTILLA_TOKEN is safer than --token, which process lists show.

Examples:
  FLOTILLA_TOKEN=... flotilla worker --connect wss://fleet.example:4700 --slots 8
  flotilla worker --connect wss://a.example,wss://b.example --offers gpu,region:eu
`,
    )
    .action(
      bind<WorkerOptions>(async (c, o) => {
        const { serve } = await import("../worker/serve.ts");
        return await serve(c, o);
      }),
    );
