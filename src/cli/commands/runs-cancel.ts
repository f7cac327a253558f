import { Command } from "commander";
import { closedStates } from "../../core/task.ts";
import { runStatuses } from "../../protocol/views.ts";
import type { OrchestratorApi } from "../../protocol/views.ts";
import { bulkCommand } from "../bulk.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes, type ExitCode } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";
import { resolveEither, shortId } from "../short-id.ts";
import { bulkOptions, checkBulk, choiceOf, whereHelp, whereOf, type BulkChoice } from "../where.ts";

interface Options extends BulkChoice {
  readonly reason: string;
}

/** Of runs and of tasks. */
const ends: ReadonlySet<string> = new Set([...runStatuses.filter((status) => status !== "running"), ...closedStates]);

export const runsCancel: MakeCommand = (bind) =>
  bulkOptions(
    new Command("cancel")
      .description("cancel a run, or one task with all below it; or every running run that fits, counted by the fleet")
      .argument("[id]", "a run or a task: its id or the first letters of it")
      .option("--reason <text>", "what its record says", "canceled from the command line"),
    "every running run that fits",
  )
    .addHelpText(
      "after",
      `${whereHelp}

Examples:
  flotilla runs cancel r_7k2m9q4x
  flotilla runs cancel --where tenant=acme --where before=1d --dry-run
`,
    )
    .action(
      bind<Options>(async (c, o, [text]) => {
        const typed = checkBulk(o, text, "canceled");
        await using opened = await openFleetOf(c, ["start the fleet that works on it, then cancel: flotilla up"]);
        const { api } = opened;
        if (!typed) return await cancelOne(api, c, await resolveEither(api, text), o.reason);
        const none = "no run goes on that fits";
        const where = await whereOf(c, api, typed);
        return await bulkCommand(api, c, { action: "cancel", where, reason: o.reason, none, ...choiceOf(o) });
      }),
    );

async function cancelOne(api: OrchestratorApi, c: Context, id: string, reason: string): Promise<ExitCode> {
  const before = id.startsWith("r_") ? (await api.run(id)).status : (await api.task(id)).state;
  const ended = ends.has(before);
  if (!ended) await api.cancel(id, reason);
  if (c.asJson) c.out.json({ id, canceling: !ended, was: before });
  else
    c.err.line(
      ended
        ? `${shortId(id)} has ${before} already; nothing to cancel`
        : `${c.err.theme.glyphs.ok} canceling ${shortId(id)} and all below it`,
    );
  return exitCodes.ok;
}
