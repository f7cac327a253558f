// When a fan-out is decided. Pure: counts in, decision out.
import type { Join } from "../core/context.ts";
import { FlotillaError } from "../core/error.ts";
import { durationMs } from "../core/duration.ts";

export interface JoinRule {
  readonly kind: "all" | "first" | "atLeast" | "gather";
  readonly wanted: number;
  /** Stop as soon as `wanted` have succeeded. */
  readonly early: boolean;
  /** Longest to wait, in ms: then it is decided with what there is. */
  readonly withinMs?: number;
}
export interface Counts {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  /** `withinMs` is over. */
  readonly timeUp?: boolean;
}
export type Decision = "met" | "unmet" | undefined;

/** @throws FLOTILLA_CONFIG_INVALID */
export function joinRule(join: Join | undefined, total: number): JoinRule {
  if (join === undefined || join === "all") return { kind: "all", wanted: total, early: false };
  if (join === "first") return { kind: "first", wanted: 1, early: true };
  const within = join.within === undefined ? {} : { withinMs: durationMs(join.within, "join.within") };
  return { kind: "atLeast", wanted: wantedOf(join.atLeast, total), early: join.early === true, ...within };
}

function wantedOf(atLeast: number | `${number}%`, total: number): number {
  const share = typeof atLeast === "string" ? /^(\d+(?:\.\d+)?)%$/.exec(atLeast) : undefined;
  const wanted = typeof atLeast === "number" ? atLeast : Math.ceil((Number(share?.[1] ?? Number.NaN) / 100) * total);
  if (!Number.isInteger(wanted) || wanted < 0 || (share && wanted > total)) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "join.atLeast",
      problem: `${JSON.stringify(atLeast)} is neither a whole number nor a share up to 100%`,
      fix: 'write 10 or "95%"',
    });
  }
  return wanted;
}

export function decide(rule: JoinRule, { total, succeeded, failed, timeUp = false }: Counts): Decision {
  const done = succeeded + failed === total;
  switch (rule.kind) {
    case "gather":
      return done ? "met" : undefined;
    case "all":
      return failed > 0 ? "unmet" : done ? "met" : undefined;
    case "first":
    case "atLeast":
      if (total - failed < rule.wanted || (timeUp && succeeded < rule.wanted)) return "unmet";
      return done || timeUp || (rule.early && succeeded >= rule.wanted) ? "met" : undefined;
  }
}
