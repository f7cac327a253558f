import { Command, Option } from "commander";
import { errorJson, isFlotillaError } from "../../core/error.ts";
import type { OrchestratorApi } from "../../protocol/views.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes, type ExitCode } from "../exit-code.ts";
import { follow } from "../follow.ts";
import { openFleetOf } from "../open-api.ts";
import { detachOption, wholeNumber } from "../options.ts";
import { findQuarantined, type Quarantined } from "../quarantined.ts";
import { resolveRun, resolveTask, shortId } from "../short-id.ts";
import { renderError } from "../text/error.ts";
import { count, plural } from "../text/format.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly quarantined?: true;
  readonly run?: string;
  readonly name?: string;
  readonly limit: number;
  readonly yes?: true;
  readonly detach?: true;
}

const more = "flotilla tasks redrive --help";

export const tasksRedrive: MakeCommand = (bind) =>
  new Command("redrive")
    .description("run a quarantined or failed task once more, as a run of its own; or all that are quarantined")
    .argument("[task]", "its id or the first letters of it, such as t_7k2m9q4x.3.1")
    .addOption(detachOption())
    .addOption(new Option("--quarantined", "every quarantined task that was not redriven yet; counts them, then asks"))
    .option("--run <run>", "with --quarantined: only of this run")
    .option("--name <name>", "with --quarantined: only of this agent or workflow")
    .addOption(new Option("--limit <n>", "with --quarantined: at most so many").argParser(wholeNumber(1, 10_000)).default(100))
    .option("-y, --yes", "with --quarantined: do not ask")
    .addHelpText(
      "after",
      `
Examples:
  flotilla tasks redrive t_7k2m9q4x.3
  flotilla tasks redrive --quarantined --name parse --limit 10 -y
`,
    )
    .action(
      bind<Options>(async (c, o, [text]) => {
        check(o, text);
        await using opened = await openFleetOf(c, ["start the fleet that keeps them, then redrive: flotilla up"]);
        if (text === undefined) return await redriveAll(opened.api, c, o);
        const id = await resolveTask(opened.api, text);
        const reply = await opened.api.redrive(id);
        return await follow(opened.api, reply, c, { note: ` redrives ${shortId(id)}`, ...(o.detach && { detach: o.detach }) });
      }),
    );

function check(o: Options, task: string | undefined): void {
  if ((task === undefined) === (o.quarantined === undefined))
    throw new UsageError("What is to be redriven?", { why: "it takes either a task or --quarantined", more });
  const filters = (["run", "name", "yes"] as const).filter((name) => o[name] !== undefined).map((name) => `--${name}`);
  if (task !== undefined && filters.length > 0)
    throw new UsageError(`${filters.join(" and ")} go with --quarantined`, { why: "one task needs no choice", more });
}

async function redriveAll(api: OrchestratorApi, c: Context, o: Options): Promise<ExitCode> {
  const run = o.run === undefined ? undefined : await resolveRun(api, o.run);
  const found = await findQuarantined(api, { run, name: o.name, limit: o.limit });
  if (found.tasks.length === 0) {
    if (c.asJson) c.out.json({ redriven: [], refused: [] });
    else c.err.line("nothing is quarantined that was not redriven yet");
    return exitCodes.ok;
  }
  if (o.yes !== true && !(await confirmed(c, found))) {
    c.err.line("nothing was redriven");
    return exitCodes.ok;
  }
  const redriven: { task: string; run: string }[] = [];
  const refused: { task: string; error: unknown }[] = [];
  for (const { id } of found.tasks) {
    try {
      redriven.push({ task: id, run: (await api.redrive(id)).id });
      if (!c.asJson) c.out.line(`${shortId(id)}  ${redriven.at(-1)?.run}`);
    } catch (error) {
      if (isFlotillaError(error, "FLOTILLA_UNREACHABLE")) throw error;
      // One whose definition is gone must not keep the others back.
      refused.push({ task: id, error: errorJson(error) });
      if (!c.asJson) c.err.lines([`${shortId(id)}:`, ...renderError(errorJson(error), c.err)]);
    }
  }
  if (c.asJson) c.out.json({ redriven, refused });
  else c.err.line(`${c.err.theme.glyphs.ok} redrove ${count(redriven.length)} of ${plural(found.tasks.length, "task")}`);
  return refused.length > 0 ? exitCodes.failed : exitCodes.ok;
}

async function confirmed(c: Context, { tasks, more: left }: Quarantined): Promise<boolean> {
  const runs = new Set(tasks.map((t) => t.runId)).size;
  const named = `${left ? "the first " : ""}${plural(tasks.length, "quarantined task")} of ${plural(runs, "run")}`;
  if (!c.io.stdinIsTTY)
    throw new UsageError("Nobody is there to ask", { why: `it would start a run for ${named}`, fix: ["say so: -y"] });
  return /^y(es)?$/i.test((await c.io.ask(`Start a run for ${named}? [y/N] `)).trim());
}
