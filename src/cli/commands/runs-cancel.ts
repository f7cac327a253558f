import { Command } from "commander";
import { closedStates } from "../../core/task.ts";
import { runStatuses } from "../../protocol/views.ts";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";
import { resolveEither, shortId } from "../short-id.ts";

/** Of runs and of tasks. */
const ends: ReadonlySet<string> = new Set([...runStatuses.filter((status) => status !== "running"), ...closedStates]);

export const runsCancel: MakeCommand = (bind) =>
  new Command("cancel")
    .description("cancel a run, or one task with all below it")
    .argument("<id>", "a run or a task: its id or the first letters of it")
    .option("--reason <text>", "what its record says", "canceled from the command line")
    .action(
      bind<{ reason: string }>(async (c, { reason }, [text]) => {
        await using opened = await openFleetOf(c, ["start the fleet that works on it, then cancel: flotilla up"]);
        const id = await resolveEither(opened.api, text);
        const before = id.startsWith("r_") ? (await opened.api.run(id)).status : (await opened.api.task(id)).state;
        const ended = ends.has(before);
        if (!ended) await opened.api.cancel(id, reason);
        if (c.asJson) c.out.json({ id, canceling: !ended, was: before });
        else
          c.err.line(
            ended
              ? `${shortId(id)} has ${before} already; nothing to cancel`
              : `${c.err.theme.glyphs.ok} canceling ${shortId(id)} and all below it`,
          );
        return exitCodes.ok;
      }),
    );
