import type { Context } from "../context.ts";
import { plural } from "../text/format.ts";
import type { Served } from "./open-served.ts";
import type { Stops } from "./stop.ts";

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
    const drained = await Promise.race([fleet.drain().then(() => true), stopped.promise]);
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
