import type { OrchestratorApi, StartReply, StartRequest } from "../protocol/views.ts";

interface Waiting {
  resolve(reply: StartReply | PromiseLike<StartReply>): void;
  reject(error: unknown): void;
}

/**
 * Collects the starts of one turn: `await Promise.all(inputs.map((i) => fleet.start(a, i)))` reaches the orchestrator
 * as one batch, and so one commit, without a timer that a lone start would have to wait for.
 */
export function batchStarts(api: Pick<OrchestratorApi, "start">): (request: StartRequest) => Promise<StartReply> {
  let requests: StartRequest[] = [];
  let waiting: Waiting[] = [];

  function flush(): void {
    const sent = requests;
    const callers = waiting;
    requests = [];
    waiting = [];
    try {
      const replies = api.start(sent);
      callers.forEach((caller, i) => caller.resolve(replies[i] as Promise<StartReply>));
    } catch (error) {
      for (const caller of callers) caller.reject(error);
    }
  }

  return (request) =>
    new Promise((resolve, reject) => {
      if (requests.push(request) === 1) queueMicrotask(flush);
      waiting.push({ resolve, reject });
    });
}
