import { Command } from "commander";
import type { AnyCallable } from "../../core/definition.ts";
import { FlotillaError } from "../../core/error.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow.ts";
import { readInput } from "../input.ts";
import { openFleetOf } from "../open-api.ts";
import {
  deadlineOption,
  detachOption,
  idempotencyOption,
  inputOption,
  planOnlyOption,
  priorityOption,
  startAtOption,
  tagOption,
  ttlOption,
} from "../options.ts";
import type { Deadline, StartOptions } from "../options.ts";
import type { StartRequest } from "../../protocol/views.ts";
import { withPlanOnly } from "../plan-only.ts";
import { startRequest } from "../start-request.ts";

interface Options extends StartOptions {
  readonly startAt?: string;
  readonly deadline?: Deadline;
  readonly ttl?: number;
  readonly detach?: true;
}

export const run: MakeCommand = (bind) =>
  new Command("run")
    .description("start a run on the fleet that is up, and wait for it")
    .argument("<name>", "an agent or a workflow")
    .addOption(inputOption())
    .addOption(detachOption())
    .option("-w, --wait", "wait, show how it goes, print its output (what happens anyway)")
    .addOption(planOnlyOption())
    .addOption(idempotencyOption())
    .addOption(tagOption())
    .addOption(priorityOption())
    .addOption(startAtOption())
    .addOption(deadlineOption())
    .addOption(ttlOption())
    .addHelpText(
      "after",
      `
Examples:
  flotilla run review --input path=src/a.ts --input depth=2
  flotilla run review --input @input.json -o json
  flotilla run review --input '{"path": "src/a.ts"}' --detach
  flotilla run review --input path=src/a.ts --ttl 10m --deadline 2h
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
        const [reply] = await Promise.all(opened.api.start([{ ...startRequest(name, input, o), ...instantsOf(o) }]));
        if (reply === undefined) throw new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" });
        const note = reply.existing ? " was started before with this key" : "";
        return await follow(opened.api, reply, c, { note, ...(o.detach && { detach: o.detach }) });
      }),
    );

function instantsOf({ startAt, deadline, ttl }: Options): Pick<StartRequest, "startAt" | "deadlineMs" | "deadlineAt" | "ttlMs"> {
  return { ...(startAt !== undefined && { startAt }), ...deadline, ...(ttl !== undefined && { ttlMs: ttl }) };
}

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
