import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import type { MessageRequest } from "../protocol/views.ts";
import type { Engine } from "./engine.ts";
import { findTask } from "./lookup.ts";

/**
 * A client's message to a run or a task; resolves when it is stored. The same key for the same task is taken once.
 * @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE when the task has ended, FLOTILLA_TOO_MANY, FLOTILLA_TOO_LARGE
 */
export async function sendMessage(engine: Engine, id: string, r: MessageRequest): Promise<void> {
  const { name, value, key } = r;
  for (const [field, text, max] of [
    ["name", name, bounds.nameLength],
    ["idempotencyKey", key, bounds.keyLength],
  ] as const) {
    if (text !== undefined && (typeof text !== "string" || text.length === 0 || text.length > max))
      throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
        field,
        problem: "it is no text of a fitting length",
        fix: `use 1 to ${max} characters`,
      });
  }
  const bytes = Buffer.byteLength(value);
  if (bytes > bounds.inputBytes)
    throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: `message ${name}`, bytes, max: bounds.inputBytes });
  const task = await findTask(engine.state, id);
  if (engine.state.definitions.byId(task.definition).card?.kind === "agent")
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "message",
      problem: `${id} is an agent's task, and agents wait for no messages`,
      fix: "send it to the workflow that waits for it",
    });
  await new Promise<void>((resolve, reject) =>
    engine.message({ message: { task: task.id, name, value, key: key ?? null }, resolve, reject }),
  );
}

/** What a client is told of a message that the store did not take; a key that was used before is a success. */
export function unsent(name: string, why: "ended" | "full" | "duplicate"): FlotillaError | undefined {
  if (why === "duplicate") return undefined;
  if (why === "ended")
    return new FlotillaError("FLOTILLA_TOO_LATE", { what: `message ${name}`, why: "the task that it is for has ended" });
  const max = bounds.messagesPerTask;
  return new FlotillaError("FLOTILLA_TOO_MANY", { what: "messages that wait for one task", count: max + 1, max });
}
