import { Command, Option } from "commander";
import type { BulkWhere } from "../../protocol/bulk.ts";
import type { OrchestratorApi } from "../../protocol/views.ts";
import { bulkCommand } from "../bulk.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow.ts";
import { openFleetOf } from "../open-api.ts";
import { detachOption, wholeNumber } from "../options.ts";
import { resolveRun, resolveTask, shortId } from "../short-id.ts";
import { UsageError } from "../usage-error.ts";
import { choiceOf, whereHelp, whereOf, whereOption, type BulkChoice } from "../where.ts";

interface Options extends BulkChoice {
  readonly quarantined?: true;
  readonly run?: string;
  readonly name?: string;
  readonly limit: number;
  readonly detach?: true;
}

const more = "flotilla tasks redrive --help";

export const tasksRedrive: MakeCommand = (bind) =>
  new Command("redrive")
    .description("run a quarantined or failed task once more, as a run of its own; or all that fit, counted by the fleet")
    .argument("[task]", "its id or the first letters of it, such as t_7k2m9q4x.3.1")
    .addOption(detachOption())
    .addOption(new Option("--quarantined", "every quarantined task that was not redriven yet; counts them, then asks"))
    .addOption(whereOption("every task that fits and was not redriven yet; quarantined ones, unless it says state=failed"))
    .option("--run <run>", "with --quarantined: only of this run")
    .option("--name <name>", "with --quarantined: only of this agent or workflow")
    .addOption(
      new Option("--limit <n>", "with --quarantined or --where: at most so many").argParser(wholeNumber(1, 10_000)).default(100),
    )
    .option("--dry-run", "with --quarantined or --where: only count")
    .option("-y, --yes", "with --quarantined or --where: do not ask")
    .addHelpText(
      "after",
      `${whereHelp}

Examples:
  flotilla tasks redrive t_7k2m9q4x.3
  flotilla tasks redrive --quarantined --name parse --limit 10 -y
  flotilla tasks redrive --where state=failed --where error=FLOTILLA_TIMEOUT --where from=2h --dry-run
`,
    )
    .action(
      bind<Options>(async (c, o, [text]) => {
        check(o, text);
        await using opened = await openFleetOf(c, ["start the fleet that keeps them, then redrive: flotilla up"]);
        if (text === undefined) {
          const where = await filterOf(c, opened.api, o);
          const none = `nothing is ${(where.state ?? ["quarantined"]).join(" or ")} that was not redriven yet`;
          return await bulkCommand(opened.api, c, { action: "redrive", where, limit: o.limit, none, ...choiceOf(o) });
        }
        const id = await resolveTask(opened.api, text);
        const reply = await opened.api.redrive(id);
        return await follow(opened.api, reply, c, { note: ` redrives ${shortId(id)}`, ...(o.detach && { detach: o.detach }) });
      }),
    );

function check(o: Options, task: string | undefined): void {
  const all = o.quarantined !== undefined || o.where !== undefined;
  if ((task === undefined) !== all)
    throw new UsageError("What is to be redriven?", { why: "it takes either a task or --quarantined or --where", more });
  const filters = (["run", "name", "dryRun", "yes"] as const).filter((name) => o[name] !== undefined);
  if (task !== undefined && filters.length > 0) {
    const named = filters.map((name) => `--${name === "dryRun" ? "dry-run" : name}`).join(" and ");
    throw new UsageError(`${named} go with --quarantined or --where`, { why: "one task needs no choice", more });
  }
}

async function filterOf(c: Context, api: OrchestratorApi, o: Options): Promise<BulkWhere> {
  return {
    ...(o.where && (await whereOf(c, api, o.where))),
    ...(o.quarantined && { state: ["quarantined"] as const }),
    ...(o.run !== undefined && { run: await resolveRun(api, o.run) }),
    ...(o.name !== undefined && { name: o.name }),
  };
}
