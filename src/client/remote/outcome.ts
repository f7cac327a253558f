import type { ErrorJson } from "../../core/error.ts";
import type { OutcomeReply } from "../../protocol/views.ts";
import type { Caller } from "./caller.ts";

/** Below the server's longest (55 s), so that its answer comes before a proxy loses patience. */
const pollMs = 50_000;

/** Long polls, one after the other, until the run has ended. */
export async function remoteOutcome(caller: Caller, run: string, signal: AbortSignal | undefined): Promise<OutcomeReply> {
  for (;;) {
    const path = `/runs/${encodeURIComponent(run)}/outcome?waitMs=${pollMs}`;
    const answer = await caller.text(path, { signal, heldMs: pollMs, waits: true });
    if (answer.status === 202) continue;
    const { status, value, error, gaps } = JSON.parse(answer.text) as {
      status: OutcomeReply["status"];
      value: unknown;
      error: ErrorJson | null;
      gaps?: unknown;
    };
    const kept = status === "succeeded" || status === "partial" || value !== null;
    const partial = gaps === undefined || gaps === null ? {} : { gaps: JSON.stringify(gaps) };
    return { status, value: kept ? JSON.stringify(value) : null, error, ...partial };
  }
}
