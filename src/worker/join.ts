// When a fan-out is decided. Pure: counts in, decision out.
import type { Join } from "../core/context.ts";
import { FlotillaError } from "../core/error.ts";
import { unsupported } from "./unsupported.ts";

export interface JoinRule {
  readonly kind: "all" | "first" | "atLeast" | "gather";
  readonly wanted: number;
  /** Stop as soon as `wanted` have succeeded. */
  readonly early: boolean;
}
export interface Counts {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
}
export type Decision = "met" | "unmet" | undefined;

/** @throws FLOTILLA_CONFIG_INVALID, FLOTILLA_NOT_SUPPORTED */
export function joinRule(join: Join | undefined, total: number): JoinRule {
  if (join === undefined || join === "all") return { kind: "all", wanted: total, early: false };
  if (join === "first") return { kind: "first", wanted: 1, early: true };
  if (join.within !== undefined)
    unsupported("join: within (it needs timers)", "leave `within` out, or bound each child with `timeout`");
  return { kind: "atLeast", wanted: wantedOf(join.atLeast, total), early: join.early === true };
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

export function decide(rule: JoinRule, { total, succeeded, failed }: Counts): Decision {
  const done = succeeded + failed === total;
  switch (rule.kind) {
    case "gather":
      return done ? "met" : undefined;
    case "all":
      return failed > 0 ? "unmet" : done ? "met" : undefined;
    case "first":
    case "atLeast":
      if (total - failed < rule.wanted) return "unmet";
      return done || (rule.early && succeeded >= rule.wanted) ? "met" : undefined;
  }
}
