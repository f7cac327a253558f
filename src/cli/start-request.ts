import { shortHash } from "../core/hash.ts";
import { canonicalJson } from "../core/json.ts";
import type { StartRequest } from "../protocol/views.ts";
import type { StartOptions } from "./options.ts";

/** What was typed, as the orchestrator takes it. */
export function startRequest(name: string, input: unknown, o: StartOptions): StartRequest {
  const key =
    o.idempotencyKey === undefined ? {} : { idempotencyKey: o.idempotencyKey, inputHash: shortHash(canonicalJson(input)) };
  return {
    name,
    input: JSON.stringify(input),
    ...(o.tag.length === 0 ? {} : { tags: o.tag }),
    ...(o.priority === undefined ? {} : { priority: o.priority }),
    ...key,
  };
}
