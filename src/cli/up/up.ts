import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { readInput } from "../input.ts";
import type { StartOptions } from "../options.ts";
import { withPlanOnly } from "../plan-only.ts";
import { watchRun } from "../progress/watch.ts";
import { shortId } from "../short-id.ts";
import { anyPlace } from "../store-place.ts";
import { UsageError } from "../usage-error.ts";
import { printWatched } from "../wait.ts";
import { bannerLines } from "./banner.ts";
import { planFleet } from "./definitions.ts";
import type { FleetPlan, UpOptions } from "./definitions.ts";
import { drawStatus } from "./idle.ts";
import { drain } from "./drain.ts";
import { openServed } from "./open-served.ts";
import type { Served } from "./open-served.ts";
import { listenForStops } from "./stop.ts";
import type { Stops } from "./stop.ts";

interface Options extends StartOptions, UpOptions {
  readonly run?: string;
  readonly keep?: true;
}

/** A fleet from start to stop. Everything that can be wrong with the command line is found before it is opened. */
export async function runUp(c: Context, o: Options): Promise<ExitCode> {
  refuseStray(o);
  const place = await anyPlace(c);
  const plan = await planFleet(c, place, o);
  const input = await inputOf(c, o, plan);
  const stops = listenForStops(c);
  try {
    const served = await openServed(c, plan);
    try {
      await announce(c, o, plan, served, "settings" in place ? place.name : place.path);
      const code = o.run === undefined ? undefined : await runOnce(c, o.run, input, o, served, stops);
      if (code !== undefined && o.keep !== true) return code;
      return (await stayUp(c, served, stops)) ? (code ?? exitCodes.ok) : exitCodes.interrupted;
    } finally {
      await served.close();
    }
  } finally {
    stops.end();
  }
}

/** Options of a run without one would be ignored in silence. */
function refuseStray(o: Options): void {
  if (o.run !== undefined) return;
  const given = {
    "--input": o.input.length > 0,
    "--keep": o.keep,
    "--plan-only": o.planOnly,
    "--tag": o.tag.length > 0,
    "--priority": o.priority,
    "--idempotency-key": o.idempotencyKey,
  };
  const stray = Object.entries(given).find(([, value]) => Boolean(value));
  if (stray)
    throw new UsageError(`${stray[0]} belongs to a run`, {
      fix: ["name it: flotilla up --run NAME"],
      more: "flotilla up --help",
    });
}

async function inputOf(c: Context, o: Options, plan: FleetPlan): Promise<unknown> {
  if (o.run === undefined) return undefined;
  const input = (await readInput(o.input, c.io)) ?? {};
  return o.planOnly === true ? withPlanOnly(input, o.run, plan.config.definitions) : input;
}

async function announce(c: Context, o: Options, plan: FleetPlan, { api }: Served, database: string): Promise<void> {
  if (c.globals.quiet) return;
  const [health, workers, open] = await Promise.all([api.health(), api.workers(), api.runs({ status: "running", limit: 500 })]);
  const { definitions } = plan.config;
  c.err.lines(
    bannerLines(
      { health, workers, definitions, resumed: open.items.length, file: plan.file ?? "", database, cwd: c.io.cwd, run: o.run },
      c.err.columns ?? Infinity,
      c.err.theme,
    ),
  );
}

async function runOnce(
  c: Context,
  name: string,
  input: unknown,
  o: Options,
  served: Served,
  stops: Stops,
): Promise<ExitCode | undefined> {
  const { api, fleet } = served;
  // Through the client, which has the schema: bad input is refused before anything is stored.
  const run = await fleet.start(name, input, {
    ...(o.idempotencyKey !== undefined && { idempotencyKey: o.idempotencyKey }),
    ...(o.tag.length > 0 && { tags: o.tag }),
    ...(o.priority !== undefined && { priority: o.priority }),
  });
  try {
    return printWatched(c, await watchRun(api, run.id, c, stops.drain));
  } catch (error) {
    if (!stops.drain.aborted) throw error;
    await drain(c, served, stops);
    c.err.line(`${c.err.theme.glyphs.run} ${shortId(run.id)} is unfinished and stored; it goes on with the next: flotilla up`);
    return exitCodes.interrupted;
  }
}

/** True when it drained, false when it was stopped. */
async function stayUp(c: Context, served: Served, stops: Stops): Promise<boolean> {
  const status = drawStatus(served.api, c);
  // An idle fleet holds no handle that keeps a process alive, and a signal handler is none either.
  const stay = setInterval(() => {}, 2 ** 30);
  await stops.asked.finally(() => clearInterval(stay));
  status.end();
  return await drain(c, served, stops);
}
