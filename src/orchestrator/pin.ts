// A workflow is bound to its code by its first act: from then on it lies in a lane that only workers with the same code
// serve. `continueAs` begins with an empty journal, so it unbinds.
import type { Attempt } from "./attempt.ts";
import { isCode } from "./builds.ts";
import type { Requeue } from "../store/contract.ts";
import type { State } from "./state.ts";

/** Its code asks for something: stored with that. */
export function bind(state: State, attempt: Attempt): void {
  if (attempt.bound) return;
  attempt.bound = true;
  const code = state.builds.codeFor(attempt.worker, attempt.runs.name);
  const lane = state.definitions.lane(attempt.lane);
  if (code === "" || lane.build === code) return;
  attempt.lane = state.definitions.boundTo(lane, code).id;
  attempt.pin = attempt.lane;
}

/** Where the next execution of a task goes: to any build that understands its input. */
export function unbound(state: State, attempt: Attempt, requeue: Requeue): Requeue {
  const lane = state.definitions.lane(attempt.lane);
  if (!isCode(lane.build)) return requeue;
  const schema = state.builds.schemaFor(attempt.worker, attempt.runs.name);
  return { ...requeue, lane: state.definitions.boundTo(lane, schema).id, pin: true };
}
