// What agents and workflows share about steps.
import type { Awaitable } from "../core/definition.ts";
import { shortHash } from "../core/hash.ts";
import type { Attempt } from "./attempt.ts";
import { track, type Frame } from "./track.ts";
import { boundedText } from "./values.ts";
import { unsupported } from "./unsupported.ts";

export type OnDoubt = "retry" | "fail" | "ask";
export type StepFn = (s: { effectKey: string; signal: AbortSignal }) => Awaitable<unknown>;

export function onDoubtOf(o: { onDoubt?: OnDoubt } | undefined): "retry" | "fail" {
  const onDoubt = o?.onDoubt ?? "retry";
  if (onDoubt === "ask")
    unsupported('onDoubt: "ask"', 'use onDoubt: "fail", catch FLOTILLA_STEP_IN_DOUBT, and ask with ctx.approve');
  return onDoubt;
}

/** Runs the effect. The key that it passes on is the same in every attempt, and fits an HTTP header. */
export async function runStep(attempt: Attempt, key: string, fn: StepFn): Promise<string> {
  const frame: Frame = { step: true, stray: (e) => attempt.stray(e) };
  const value = await track(frame, fn, {
    effectKey: `${attempt.assignment.publicId}-${shortHash(key)}`,
    get signal() {
      return attempt.signal;
    },
  });
  return boundedText(value, `step ${key}`);
}
