import { Command, Option } from "commander";
import type { MakeCommand } from "../command.ts";
import { wholeNumber } from "../options.ts";
import type { OrchestratorOptions } from "../orchestrator/run.ts";

export const orchestrator: MakeCommand = (bind) =>
  new Command("orchestrator")
    .description("serve a fleet over HTTP; the work is done by workers that join")
    .option(
      "--listen <address>",
      "where, with a port; 0 is any free one (default: FLOTILLA_LISTEN, the config's, or 127.0.0.1:4700)",
    )
    .addOption(
      new Option("--workers <n>", "workers to start in this process, which then runs code of the definitions")
        .argParser(wholeNumber(0, 1_000))
        .default(0),
    )
    .option("--tls-cert <file>", "certificate, PEM (default: FLOTILLA_TLS_CERT, the config's, or none)")
    .option("--tls-key <file>", "its key, PEM (default: FLOTILLA_TLS_KEY, the config's, or none)")
    .addHelpText(
      "after",
      `
Everybody needs a token, also on this machine: flotilla tokens create NAME --role ROLE
SIGTERM or Ctrl-C drains, a second one stops at once.

Examples:
  flotilla orchestrator --store sqlite:/var/lib/flotilla/fleet.db
  flotilla orchestrator --listen 0.0.0.0:4700 --tls-cert fleet.pem --tls-key fleet.key
`,
    )
    .action(
      bind<OrchestratorOptions>(async (c, o) => {
        const { runOrchestrator } = await import("../orchestrator/run.ts");
        return await runOrchestrator(c, o);
      }),
    );
