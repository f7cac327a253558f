// Waits for a run, shows how it goes, prints what it gave.
import { isFlotillaError } from "../core/error.ts";
import type { OrchestratorApi, OutcomeReply } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { exitCodeOfOutcome, exitCodes } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import { printValue } from "./print-value.ts";
import { farFleet } from "./far-fleet.ts";
import { gateOf, valueOf } from "./result.ts";
import { summaryLines } from "./run-view.ts";
import { watchRun } from "./progress/watch.ts";
import type { Watched } from "./progress/watch.ts";
import { shortId } from "./short-id.ts";

/** The output on stdout, everything else on stderr. A stop signal ends the wait, not the run. */
export async function waitAndPrint(api: OrchestratorApi, id: string, c: Context): Promise<ExitCode> {
  const stop = new AbortController();
  const unsubscribe = c.io.onStopSignal(() => stop.abort());
  try {
    return printWatched(c, await watchRun(api, id, c, stop.signal));
  } catch (error) {
    if (isFlotillaError(error, "FLOTILLA_UNREACHABLE") && !c.asJson) {
      c.err.line(`${c.err.theme.glyphs.warn} ${farFleet(c) ? away(id) : stopped(id)}`);
      return exitCodes.unreachable;
    }
    if (!stop.signal.aborted) throw error;
    c.err.line(`${c.err.theme.glyphs.run} ${shortId(id)} goes on without being watched`);
    c.err.line(`  flotilla runs watch ${shortId(id)}   flotilla runs cancel ${shortId(id)}`);
    return exitCodes.interrupted;
  } finally {
    unsubscribe();
  }
}

const stopped = (id: string): string => `the fleet stopped; ${shortId(id)} is stored and goes on with the next: flotilla up`;
const away = (id: string): string =>
  `the fleet does not answer; ${shortId(id)} is stored there. Look again: flotilla runs watch ${shortId(id)}`;

export function printWatched(c: Context, { run, outcome }: Watched): ExitCode {
  const value = valueOf(outcome);
  if (c.asJson) c.out.json({ run, outcome: { ...outcome, value, ...gapsOf(outcome) } });
  else {
    if (outcome.value !== null && value !== null) printValue(c, value);
    if (!c.globals.quiet || outcome.error !== null) c.err.lines(summaryLines(run, outcome, value, c));
  }
  return exitCodeOfOutcome(outcome, gateOf(value).passed);
}

/** Where there are none, there is no field. */
function gapsOf({ gaps }: OutcomeReply): { readonly gaps?: unknown } {
  return gaps ? { gaps: JSON.parse(gaps) as unknown } : {};
}
