// What an agent's code holds. Every part is a getter that makes it on first use and gives a function without `this`:
// an attempt that only computes pays for one object, and `const { step } = ctx` works.
import type { AgentContext, BaseContext } from "../core/context.ts";
import { declaredError } from "../core/error.ts";
import { runOf } from "../core/id.ts";
import type { AgentBody } from "./agent.ts";
import type { AnyMessage } from "./emit.ts";
import { completeIn } from "./complete-in.ts";
import { artifactsOf, budgetViewOf, logOf, progressOf, spendOf } from "./context-parts.ts";
import { drawUuid } from "./draws.ts";
import { unsupported } from "./unsupported.ts";

export function createAgentContext(body: AgentBody): AgentContext {
  return new Context(body);
}

class Context implements AgentContext {
  readonly kind = "agent";
  readonly #body: AgentBody;

  constructor(body: AgentBody) {
    this.#body = body;
  }

  get signal(): AbortSignal {
    return this.#body.attempt.signal;
  }
  get log(): BaseContext["log"] {
    return logOf(this.#body.attempt);
  }
  get task(): BaseContext["task"] {
    const { publicId, attempt, tenant } = this.#body.attempt.assignment;
    return { id: publicId, runId: runOf(publicId), attempt, tenant };
  }
  get budget(): BaseContext["budget"] {
    return budgetViewOf(this.#body.attempt);
  }
  get now(): BaseContext["now"] {
    return () => new Date(this.#body.attempt.host.clock.now());
  }
  get random(): BaseContext["random"] {
    return this.#body.attempt.host.random;
  }
  get uuid(): BaseContext["uuid"] {
    return () => drawUuid(this.#body.attempt.host.random);
  }
  get step(): BaseContext["step"] {
    return ((key, fn, o) => {
      const promise = this.#body.journal.step(key, fn, o);
      promise.catch(() => {});
      return promise;
    }) as BaseContext["step"];
  }
  get progress(): BaseContext["progress"] {
    return progressOf(this.#body.attempt);
  }
  get emit(): BaseContext["emit"] {
    return (message: AnyMessage, value: unknown) => this.#body.journal.emit(message, value);
  }
  get spend(): BaseContext["spend"] {
    return spendOf(this.#body.attempt);
  }
  get acquire(): BaseContext["acquire"] {
    return () => unsupported("ctx.acquire", "bound concurrency with worker slots or the map's `concurrency`");
  }
  get artifact(): BaseContext["artifact"] {
    return artifactsOf(this.#body.attempt);
  }
  get completeIn(): AgentContext["completeIn"] {
    return (tx, value) => completeIn(this.#body.attempt, tx, value);
  }
  get fail(): AgentContext["fail"] {
    return (name: string, data: unknown): never => {
      throw declaredError(name, data);
    };
  }
}
