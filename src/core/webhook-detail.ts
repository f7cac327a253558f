// What of an event is kept for webhooks, as a rule that both stores share: enough to act on, and none of its payload.
import type { ErrorJson } from "./error.ts";

/** Of a message or a title: a webhook is told what happened, not all of it. */
const textMax = 1_000;

/** JSON of how a run failed; null: it did not. */
export function errorDetail(error: ErrorJson | null): string | null {
  return error && JSON.stringify({ code: error.code, message: error.message.slice(0, textMax) });
}

/** JSON of what people are asked. `detail`: as it is stored with the wait. */
export function askedDetail(detail: string | null, expiresAt: number | null): string {
  const { title = "", role = null } = JSON.parse(detail ?? "{}") as { title?: string; role?: string | null };
  return JSON.stringify({ title: title.slice(0, textMax), role, expiresAt });
}
