import { Command } from "commander";
import type { DrainRequest } from "../../protocol/views.ts";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";
import { plural } from "../text/format.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly build?: string;
  readonly park?: boolean;
}

export const workersDrain: MakeCommand = (bind) =>
  new Command("drain")
    .description("let workers end what they have begun, and leave: all of a build, or one")
    .argument("[worker]", "its name or its id")
    .option("--build <build>", "all workers of that build, at every orchestrator, those that join later too")
    .option("--park", "do not wait for workflows that are idle: they are parked, and go on where their code is")
    .addHelpText(
      "after",
      `
Drained workers begin nothing new. Workflows that a build has begun end there, so its workers stay until the last of them
has ended; with --park they leave as soon as no code runs. A build stays drained until it is resumed.

Examples:
  flotilla workers drain --build 2026-11-20
  flotilla workers resume --build 2026-11-20
`,
    )
    .action(
      bind<Options>(async (c, o, [worker]) => {
        if ((worker === undefined) === (o.build === undefined))
          throw new UsageError("It takes a worker or a build", {
            fix: ["name a build: flotilla workers drain --build BUILD", "or a worker: flotilla workers drain WORKER"],
            more: "flotilla workers ls",
          });
        await using opened = await openFleetOf(c, ["start the fleet whose workers they are: flotilla up"]);
        const request: DrainRequest = {
          ...(o.build === undefined ? {} : { build: o.build }),
          ...(worker === undefined ? {} : { worker }),
          ...(o.park === undefined ? {} : { park: o.park }),
        };
        const reply = await opened.api.drainWorkers(request);
        if (c.asJson) c.out.json(reply);
        else
          c.err.line(
            `${c.err.theme.glyphs.ok} ${plural(reply.workers.length, "worker")} here ${reply.workers.length === 1 ? "begins" : "begin"} nothing new; other orchestrators are told`,
          );
        return exitCodes.ok;
      }),
    );

export const workersResume: MakeCommand = (bind) =>
  new Command("resume")
    .description("let a build that is being drained begin new tasks again")
    .requiredOption("--build <build>", "the build")
    .action(
      bind<{ readonly build: string }>(async (c, { build }) => {
        await using opened = await openFleetOf(c, ["start the fleet whose workers they are: flotilla up"]);
        await opened.api.resumeBuild(build);
        if (c.asJson) c.out.json({ build, draining: false });
        else
          c.err.line(
            `${c.err.theme.glyphs.ok} ${build} begins new tasks again; workers that were told to leave do not come back`,
          );
        return exitCodes.ok;
      }),
    );
