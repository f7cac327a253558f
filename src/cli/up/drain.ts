import type { OrchestratorApi } from "../../protocol/views.ts";
import type { Context } from "../context.ts";
import { pause } from "../pause.ts";
import { plural } from "../text/format.ts";
import type { Served } from "./open-served.ts";
import type { Stops } from "./stop.ts";

const lookEveryMs = 200;

/** Lets what runs end. True when it did, false when a second signal came first. */
export async function drain(
  c: Context,
  { api, fleet }: Pick<Served, "api" | "fleet">,
  stops: Pick<Stops, "now">,
): Promise<boolean> {
  const { workers } = await api.health();
  if (workers.busy > 0) c.err.line(`draining: ${plural(workers.busy, "task")} may end; Ctrl-C again stops at once`);
  const over = new AbortController();
  const stopped = Promise.withResolvers<false>();
  // The second signal may have come with the first.
  if (stops.now.aborted) stopped.resolve(false);
  stops.now.addEventListener("abort", () => stopped.resolve(false), { once: true, signal: over.signal });
  try {
    const drained = await Promise.race([fleet.drain().then(() => true), nothingRuns(api, c, over.signal), stopped.promise]);
    c.err.line(
      drained
        ? "stopped; what is unfinished is stored"
        : "stopped at once; what is unfinished is stored and goes on with the next: flotilla up",
    );
    return drained;
  } finally {
    over.abort();
  }
}

/** A workflow that waits for tasks that are not started any more would wait for ever: it holds no slot and does not count. */
async function nothingRuns(api: OrchestratorApi, c: Context, signal: AbortSignal): Promise<true> {
  // Twice, so that a task between its workflow's two waits is seen.
  for (let quiet = 0; quiet < 2 && !signal.aborted;) {
    await pause(c, lookEveryMs, signal);
    quiet = (await api.health()).workers.busy === 0 ? quiet + 1 : 0;
  }
  return true;
}
