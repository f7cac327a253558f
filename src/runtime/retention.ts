import { checkKnown, checkObject, configInvalid, spanMs } from "../client/check.ts";
import type { RetentionConfig } from "../client/fleet-definition.ts";
import type { Duration } from "../core/duration.ts";
import type { RetentionSettings } from "../orchestrator/upkeep/retention.ts";

export type { RetentionSettings } from "../orchestrator/upkeep/retention.ts";

/** 30 days: what happened last month can be looked at, and a store that nobody keeps does not grow for ever. */
const defaultMs = 30 * 86_400_000;

/** @throws FLOTILLA_CONFIG_INVALID naming the field. */
export function resolveRetention(
  given: RetentionConfig | "forever" | undefined,
  idempotencyFor: Duration | undefined,
): RetentionSettings {
  const idempotencyForMs = spanMs(idempotencyFor, "fleet.idempotencyFor") ?? 0;
  if (given === "forever") return Object.freeze({ succeededMs: null, failedMs: null, idempotencyForMs });
  if (typeof given === "string")
    throw configInvalid(
      "fleet.retention",
      `${JSON.stringify(given)} is not a retention`,
      'write "forever", or { succeeded: "7d", failed: "30d" }',
    );
  if (given !== undefined) {
    checkObject(given, "fleet.retention");
    checkKnown(given, ["succeeded", "failed"], "fleet.retention");
  }
  return Object.freeze({
    succeededMs: spanMs(given?.succeeded, "fleet.retention.succeeded") ?? defaultMs,
    failedMs: spanMs(given?.failed, "fleet.retention.failed") ?? defaultMs,
    idempotencyForMs,
  });
}
