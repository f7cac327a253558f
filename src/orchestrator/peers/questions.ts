import { errorJson } from "../../core/error.ts";
import type { Question, SharedStore } from "../../store/shared.ts";
import type { Engine } from "../engine.ts";

/** A question of another orchestrator about code that runs here; the answer goes back through the store. */
export function answerFor(engine: Engine, q: Question): void {
  const { shared } = engine.state.store;
  if (!shared) return;
  const attempt = engine.state.attempts.get(q.task);
  const asked = engine.queries.ask(q.task, q.name, attempt && attempt.publicId !== "" && !attempt.ended ? attempt : undefined);
  const say = (value: string | null, error: unknown) =>
    Promise.resolve(
      shared.answer({ to: q.from, request: q.request, value, error: error === null ? null : errorJson(error) }),
    ).catch((e: unknown) => engine.state.log("warn", "an answer did not reach its orchestrator", { error: String(e) }));
  void asked.then(
    (value) => say(value, null),
    (error: unknown) => say(null, error),
  );
}

/** A workflow that was brought back for a question goes on wherever there is a slot: whoever runs it by now is asked. */
export async function passOnQuestions(engine: Engine, shared: SharedStore): Promise<void> {
  const { state, queries } = engine;
  for (const { task, request, name } of queries.waiting((id) => state.attempts.has(id))) {
    const where = await state.store.tasks.where(task);
    if (where?.in === "outcome") queries.ended(task);
    else if (where?.in === "running" && (await shared.ask({ task, from: state.boot, request, name })))
      queries.passedOn(task, request);
  }
}
