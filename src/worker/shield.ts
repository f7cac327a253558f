// Code that goes on although its task was canceled: compensation. A cancel is a delivery like any other; what was asked
// outside a shield is rejected by it, what a shield asks lives on until it is done or its time is over.
import type { WorkflowContext } from "../core/context.ts";
import type { Awaitable } from "../core/definition.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { cancelScope } from "./each.ts";
import type { Scope } from "./keys.ts";
import { quietPromise } from "./pending.ts";
import { timer, type Waiting } from "./waits.ts";
import type { WorkflowBody } from "./workflow.ts";

export class Shield {
  readonly scope: Scope;
  readonly #withinMs: number;
  readonly #body: WorkflowBody;
  #timer: Waiting<void> | undefined;

  constructor(body: WorkflowBody, scope: Scope, withinMs: number) {
    this.#body = body;
    this.scope = scope;
    this.#withinMs = withinMs;
  }

  /** The task is canceled: from here on its time runs. */
  begin(): void {
    this.#timer ??= timer(this.#body, this.scope, "within", this.#withinMs, () => this.#over());
  }

  /** Its time is over, and with it that of the shields inside it. When others go on, its code asks nothing more. */
  #over(): void {
    const { shields } = this.#body;
    for (const other of shields) if (other.scope.isIn(this.scope)) shields.delete(other);
    if (shields.size > 0) cancelScope(this.#body, this.scope, "the time of its shield is over");
  }

  end(): void {
    if (!this.#body.shields.delete(this)) return;
    this.#timer?.pending.cancel("the shield has ended");
  }
}

export function shield<O>(
  body: WorkflowBody,
  scope: Scope,
  context: (scope: Scope) => WorkflowContext,
  fn: (ctx: WorkflowContext) => Awaitable<O>,
  o: { within: Duration },
): Promise<O> {
  const withinMs = durationMs(o?.within, "ctx.shield.within");
  const inner = scope.shielded();
  const mine = new Shield(body, inner, withinMs);
  body.shields.add(mine);
  if (body.canceled) mine.begin();
  const result = quietPromise<O>();
  const run = async () => fn(context(inner));
  run().then(
    (value) => {
      mine.end();
      result.resolve(value);
    },
    (e: unknown) => {
      mine.end();
      result.reject(e);
    },
  );
  return result.promise;
}
