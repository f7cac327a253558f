import { checkEmit, type AnyMessage } from "./emit.ts";
import type { Scope } from "./keys.ts";
import type { WorkflowBody } from "./workflow.ts";

/** An emit that an earlier attempt has sent is not sent again. */
export function emitOnce(body: WorkflowBody, scope: Scope, message: AnyMessage, value: unknown): void {
  const emit = checkEmit(message, value, ++body.emits);
  const asked = body.ask("emit", scope, emit.key, "");
  if (!asked || asked.row) return;
  body.submit({
    kind: "emit",
    act: asked.act,
    key: asked.key,
    askedAfter: body.pump.delivered,
    name: emit.name,
    value: emit.value,
  });
}
