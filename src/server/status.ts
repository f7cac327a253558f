import { isFlotillaError } from "../core/error.ts";
import type { ErrorCode } from "../core/error.ts";

const statusOf: Partial<Record<ErrorCode, number>> = {
  FLOTILLA_CONFIG_INVALID: 400,
  FLOTILLA_INPUT_INVALID: 400,
  FLOTILLA_REJECTED: 403,
  FLOTILLA_NOT_FOUND: 404,
  FLOTILLA_CANCELED: 409,
  FLOTILLA_IDEMPOTENCY_CONFLICT: 409,
  FLOTILLA_STILL_OPEN: 409,
  FLOTILLA_TOO_LARGE: 413,
  FLOTILLA_VALUE_NOT_JSON: 422,
  FLOTILLA_UNKNOWN_DEFINITION: 422,
  FLOTILLA_TOO_MANY: 422,
  FLOTILLA_NOT_SUPPORTED: 501,
  FLOTILLA_NO_WORKER: 503,
  FLOTILLA_STORE_LOCKED: 503,
  FLOTILLA_STORE_UNUSABLE: 503,
  FLOTILLA_CLOSED: 503,
  FLOTILLA_UNREACHABLE: 503,
  FLOTILLA_STORE_FULL: 507,
};

export function httpStatus(thrown: unknown): number {
  return isFlotillaError(thrown) ? (statusOf[thrown.code] ?? 500) : 500;
}
