// Artifacts in workflow code. Both are steps, because an answer that came outside the order of delivery would make a
// re-run differ. A put is recorded with its reference. A get is recorded as a mark alone: an artifact never changes, so
// a re-run loads it again, and the pump waits with that delivery until the value is there.
import type { BaseContext, Ref } from "../core/context.ts";
import { errorFromJson, type ErrorJson } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";
import type { Delivery } from "../protocol/worker.ts";
import { artifactText, refId } from "./context-parts.ts";
import { defaultKey, type Scope } from "./keys.ts";
import { boundedError } from "./classify.ts";
import { noop, quietPromise } from "./pending.ts";
import type { WorkflowBody } from "./workflow.ts";

export function workflowArtifacts(body: WorkflowBody, scope: Scope): BaseContext["artifact"] {
  return {
    put: <T>(value: T, o?: { type?: string }): Promise<Ref<T>> => {
      const text = artifactText(value);
      const key = `artifact.put-${shortHash(text)}`;
      return body.steps.ask(
        scope,
        key,
        async () => JSON.parse(await body.attempt.put(text, o?.type ?? null)) as unknown,
        undefined,
      ) as Promise<Ref<T>>;
    },
    get: <T>(ref: Ref<T>): Promise<T> => get(body, scope, refId(ref)) as Promise<T>,
  };
}

function get(body: WorkflowBody, scope: Scope, id: string): Promise<unknown> {
  const asked = body.ask("step", scope, defaultKey("artifact.get", shortHash(id)), "");
  if (!asked) return new Promise(noop);
  const { act, key, row } = asked;
  const recorded = row !== undefined && row.seq !== null;
  const result = quietPromise<unknown>();
  let text = "null";
  const receiver = {
    scope,
    awaited: true,
    loading: true,
    take(d: Delivery): boolean {
      if (d.status === "succeeded") result.resolve(JSON.parse(text));
      else result.reject(d.error ? errorFromJson(d.error) : new Error(`the artifact is ${d.status}`));
      return true;
    },
  };
  const loaded = (error: ErrorJson | null, value = "null"): void => {
    text = value;
    receiver.loading = false;
    body.loads--;
    if (!recorded) body.submit({ kind: "step-result", act, value: error ? null : "null", error });
    body.kick();
  };
  body.await(act, receiver);
  if (!row) body.submit({ kind: "step", act, key, askedAfter: body.pump.delivered });
  body.loads++;
  body.attempt.get(id).then(
    (value) => loaded(null, value),
    // It was there when this was recorded: not a matter of the code.
    (e: unknown) => (recorded ? body.giveBack(e) : loaded(boundedError(e))),
  );
  return result.promise;
}
