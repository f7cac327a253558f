import type { Limit, LimitOptions } from "../core/limit.ts";
import { checkBoolean, checkKnown, checkName, checkObject, checkWhole } from "./check.ts";

const numbers = ["requestsPerMinute", "tokensPerMinute", "inputTokensPerMinute", "outputTokensPerMinute", "inFlight"] as const;
const mostPerMinute = 1_000_000_000;

/**
 * Names a shared cap. This version cannot enforce one: a fleet refuses definitions that ask for it.
 *
 * ```ts
 * const claude = limit("anthropic:sonnet", { requestsPerMinute: 4000, inFlight: 64 });
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming the option that is unknown or out of range.
 */
export function limit(name: string, o: LimitOptions): Limit {
  checkName(name, "limit().name");
  const where = `limit(${JSON.stringify(name)})`;
  checkObject(o, where);
  checkKnown(o, [...numbers, "learn"], where);
  for (const field of numbers) {
    if (o[field] !== undefined) checkWhole(o[field], `${where}.${field}`, { least: 1, most: mostPerMinute });
  }
  if (o.learn !== undefined) checkBoolean(o.learn, `${where}.learn`);
  return Object.freeze({ kind: "limit", name });
}
