import { Command } from "commander";
import type { PurgeReply, PurgeRequest } from "../../protocol/views.ts";
import { bulkCommand } from "../bulk.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { farFleet } from "../far-fleet.ts";
import { openFar, openFleetOf, openLive, openToRead, requireFile } from "../open-api.ts";
import { resolveRun, shortId } from "../short-id.ts";
import { anyPlace } from "../store-place.ts";
import { count, plural } from "../text/format.ts";
import { UsageError } from "../usage-error.ts";
import { choiceOf, whereHelp, whereOf, whereOption, type BulkChoice } from "../where.ts";

interface Options extends BulkChoice {
  readonly run?: string;
  readonly tenant?: string;
}

export const dbPurge: MakeCommand = (bind) =>
  new Command("purge")
    .description("delete closed runs now, with inputs, results and journals; asks before, and counts what a filter finds")
    .option("--run <id>", "one run: its id or the first letters of it")
    .option("--tenant <tenant>", "every closed run of a tenant")
    .addOption(whereOption("every closed run that fits; needs a fleet that is up"))
    .option("--dry-run", "with --where: only count")
    .option("-y, --yes", "do not ask")
    .addHelpText("after", whereHelp)
    .action(
      bind<Options>(async (c, o) => {
        const { run, tenant, yes } = o;
        if ([run, tenant, o.where].filter((choice) => choice !== undefined).length !== 1 || (o.dryRun && !o.where))
          throw new UsageError("What is to be deleted?", {
            why: o.dryRun && !o.where ? "--dry-run goes with --where" : "it takes one of --run, --tenant and --where",
            more: "flotilla db purge --help",
          });
        if (o.where) {
          await using opened = await openFleetOf(c, ["start the fleet that keeps them, then delete: flotilla up"]);
          const where = await whereOf(c, opened.api, o.where);
          return await bulkCommand(opened.api, c, { action: "purge", where, none: "no closed run fits", ...choiceOf(o) });
        }
        const here = farFleet(c) ? undefined : await anyPlace(c);
        if (here && !("settings" in here)) requireFile(c, here);
        const what: PurgeRequest = run === undefined ? { tenant: tenant as string } : { run: await fullId(c, run) };
        if (yes !== true && !(await confirmed(c, what))) {
          c.err.line("nothing was deleted");
          return exitCodes.ok;
        }
        const reply = await purge(c, what);
        if (c.asJson) c.out.json(reply);
        else {
          c.out.line(`${c.out.theme.glyphs.ok} deleted ${plural(reply.runs, "run")} of ${plural(reply.tasks, "task")} in all`);
          if (reply.open > 0)
            c.err.line(`${c.err.theme.glyphs.warn} ${count(reply.open)} open and left: cancel them, then purge again`);
        }
        return exitCodes.ok;
      }),
    );

async function purge(c: Context, what: PurgeRequest): Promise<PurgeReply> {
  await using far = await openFar(c);
  if (far) return await far.api.purge(what);
  const place = await anyPlace(c);
  if ("settings" in place) {
    await using joined = await openToRead(c);
    return await joined.api.purge(what);
  }
  await using owner = await openLive(c, place);
  if (owner) return await owner.api.purge(what);
  const { purgeUnowned } = await import("../../runtime/db/unowned.ts");
  return await purgeUnowned(place.path, what, { clock: c.io.clock });
}

async function fullId(c: Context, text: string): Promise<string> {
  await using opened = await openToRead(c);
  return await resolveRun(opened.api, text);
}

async function confirmed(c: Context, what: PurgeRequest): Promise<boolean> {
  const named = what.run === undefined ? `every closed run of tenant ${what.tenant}` : `run ${shortId(what.run)}`;
  if (!c.io.stdinIsTTY)
    throw new UsageError("Nobody is there to ask", { why: `it would delete ${named} for good`, fix: ["say so: -y"] });
  return /^y(es)?$/i.test((await c.io.ask(`Delete ${named}, with inputs, results and journals, for good? [y/N] `)).trim());
}
