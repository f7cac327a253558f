import type { Message } from "../core/message.ts";
import { reservedMessages } from "../core/plan-record.ts";
import type { Parsed, Schema, Wire } from "../core/schema.ts";
import { checkName, checkSchema, configInvalid } from "./check.ts";

/**
 * Defines a message: a typed value that a run emits (`ctx.emit`, read with `run.messages`) or is sent.
 *
 * ```ts
 * const found = message("finding", z.object({ rule: z.string() }));
 * for await (const finding of run.messages(found)) console.log(finding.rule);
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming what is wrong.
 */
export function message<const N extends string, S extends Schema>(name: N, schema: S): Message<N, Wire<S>, Parsed<S>> {
  checkName(name, "message().name");
  if (name.startsWith(reservedMessages))
    throw configInvalid(
      "message().name",
      `${JSON.stringify(name)} is a name of Flotilla's own`,
      "give it a name that begins otherwise",
    );
  checkSchema(schema, `message(${JSON.stringify(name)}).schema`);
  return Object.freeze({ kind: "message", name, "~schema": schema });
}
