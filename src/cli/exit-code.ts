// Scripts branch on these; docs/guides/command-line.md lists them.
import { isFlotillaError } from "../core/error.ts";
import type { ErrorCode } from "../core/error.ts";
import type { OutcomeReply } from "../protocol/views.ts";
import { UsageError } from "./usage-error.ts";

export const exitCodes = {
  ok: 0,
  /** The run failed, was canceled, stopped or quarantined; or something unforeseen. */
  failed: 1,
  usage: 2,
  /** The run succeeded, and its own gate says that what it found must not pass; or `db check` found something. */
  gate: 3,
  /** No store, no orchestrator, or one that cannot be used. */
  unreachable: 4,
  /** Finished with named gaps. */
  partial: 5,
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const ofError: Partial<Record<ErrorCode, ExitCode>> = {
  FLOTILLA_INPUT_INVALID: exitCodes.usage,
  FLOTILLA_CONFIG_INVALID: exitCodes.usage,
  FLOTILLA_UNKNOWN_DEFINITION: exitCodes.usage,
  FLOTILLA_DUPLICATE_NAME: exitCodes.usage,
  FLOTILLA_VALUE_NOT_JSON: exitCodes.usage,
  FLOTILLA_TOO_LARGE: exitCodes.usage,
  FLOTILLA_IDEMPOTENCY_CONFLICT: exitCodes.usage,
  FLOTILLA_NOT_FOUND: exitCodes.usage,
  FLOTILLA_STILL_OPEN: exitCodes.usage,
  FLOTILLA_BULK_GREW: exitCodes.usage,
  FLOTILLA_DEFINITION_UNREADABLE: exitCodes.usage,
  FLOTILLA_PROTOCOL_VERSION: exitCodes.unreachable,
  FLOTILLA_PLAN_INVALID: exitCodes.usage,
  FLOTILLA_NOT_SUPPORTED: exitCodes.usage,
  FLOTILLA_FORBIDDEN: exitCodes.usage,
  FLOTILLA_UNAUTHENTICATED: exitCodes.unreachable,
  FLOTILLA_STORE_LOCKED: exitCodes.unreachable,
  FLOTILLA_STORE_UNUSABLE: exitCodes.unreachable,
  FLOTILLA_STORE_NEWER: exitCodes.unreachable,
  FLOTILLA_STORE_FULL: exitCodes.unreachable,
  FLOTILLA_STORE_UNREACHABLE: exitCodes.unreachable,
  FLOTILLA_CLOSED: exitCodes.unreachable,
  FLOTILLA_UNREACHABLE: exitCodes.unreachable,
  FLOTILLA_UNEXPECTED_REPLY: exitCodes.unreachable,
};

export function exitCodeOfError(thrown: unknown): ExitCode {
  if (thrown instanceof UsageError) return exitCodes.usage;
  return isFlotillaError(thrown) ? (ofError[thrown.code] ?? exitCodes.failed) : exitCodes.failed;
}

export function exitCodeOfOutcome(outcome: OutcomeReply, gatePassed: boolean): ExitCode {
  if (outcome.status === "succeeded") return gatePassed ? exitCodes.ok : exitCodes.gate;
  // A breach that was seen stays one, gaps or not.
  if (outcome.status === "partial") return gatePassed ? exitCodes.partial : exitCodes.gate;
  return exitCodes.failed;
}
