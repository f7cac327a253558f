import { Command } from "commander";
import type { AnyCallable } from "../../core/definition.ts";
import { FlotillaError } from "../../core/error.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { readInput } from "../input.ts";
import { openFleetOf } from "../open-api.ts";
import { idempotencyOption, inputOption, planOnlyOption, priorityOption, tagOption } from "../options.ts";
import type { StartOptions } from "../options.ts";
import { withPlanOnly } from "../plan-only.ts";
import { startRequest } from "../start-request.ts";
import { waitAndPrint } from "../wait.ts";

interface Options extends StartOptions {
  readonly detach?: true;
}

export const run: MakeCommand = (bind) =>
  new Command("run")
    .description("start a run on the fleet that is up, and wait for it")
    .argument("<name>", "an agent or a workflow")
    .addOption(inputOption())
    .option("-d, --detach", "print its id and do not wait")
    .option("-w, --wait", "wait, show how it goes, print its output (what happens anyway)")
    .addOption(planOnlyOption())
    .addOption(idempotencyOption())
    .addOption(tagOption())
    .addOption(priorityOption())
    .addHelpText(
      "after",
      `
Examples:
  flotilla run review --input path=src/a.ts --input depth=2
  flotilla run review --input @input.json -o json
  flotilla run review --input '{"path": "src/a.ts"}' --detach
`,
    )
    .action(
      bind<Options>(async (c, o, [name = ""]) => {
        const given = await readInput(o.input, c.io);
        const input = o.planOnly === true ? withPlanOnly(given ?? {}, name, await knownDefinitions(c)) : (given ?? {});
        const words = [name, ...o.input.flatMap((i) => ["--input", i])].map(quoted).join(" ");
        await using opened = await openFleetOf(c, [
          "start a fleet, in another terminal: flotilla up",
          `or a fleet for this run alone: flotilla up --run ${words}`,
        ]);
        const [reply] = await Promise.all(opened.api.start([startRequest(name, input, o)]));
        if (reply === undefined) throw new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" });
        if (o.detach === true) {
          if (c.asJson) c.out.json(reply);
          else c.out.line(reply.id);
          return exitCodes.ok;
        }
        if (!c.globals.quiet)
          c.err.line(`${c.err.theme.glyphs.run} run ${reply.id}${reply.existing ? " was started before with this key" : ""}`);
        return await waitAndPrint(opened.api, reply.id, c);
      }),
    );

/** The definitions here, if there are any: the fleet that is up need not be ours. */
async function knownDefinitions(c: Context): Promise<readonly AnyCallable[]> {
  const { findDefinitionFile, loadDefinitions } = await import("../../runtime/load.ts");
  try {
    return (await loadDefinitions(await findDefinitionFile({ file: c.globals.config, cwd: c.io.cwd }))).definitions;
  } catch {
    return [];
  }
}

/** For the shell that it is pasted into. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
