import type { WorkerLink } from "../protocol/worker.ts";
import type { Attempt } from "./attempt.ts";

/**
 * Compares what a worker was given with what it says it has. A link keeps the order of what it carries, so when a ping is
 * answered, everything given before it has either arrived or was reported as over. Fewer than that: an assignment never
 * reached it, or its result never reached us, and no timeout of ours would ever tell.
 */
export class Hearing {
  readonly #given = new Set<Attempt>();
  /** Under way there when the last ping was sent. */
  #asked: readonly Attempt[] = [];
  #shortSince: number | null = null;

  given(attempt: Attempt | undefined): void {
    if (attempt) this.#given.add(attempt);
  }

  pinged(): void {
    for (const attempt of this.#given) if (isOver(attempt)) this.#given.delete(attempt);
    this.#asked = [...this.#given];
  }

  /** The last ping was answered. @returns how many attempts are missing, and since when, ms; null when none is. */
  answered(holds: number, elapsedMs: number): { readonly missing: number; readonly forMs: number } | null {
    let expected = 0;
    for (const attempt of this.#asked) if (!isOver(attempt)) expected += 1;
    const missing = expected - holds;
    if (!(missing > 0)) {
      this.#shortSince = null;
      return null;
    }
    this.#shortSince ??= elapsedMs;
    return { missing, forMs: elapsedMs - this.#shortSince };
  }
}

/** What it reported, or what no longer counts, it may have forgotten. */
function isOver(attempt: Attempt): boolean {
  return attempt.ended || attempt.codeEnded;
}

/** The link of a worker whose process is not ours: what is assigned over it is remembered. */
export function listenedLink(link: WorkerLink, hearing: Hearing, attempts: ReadonlyMap<number, Attempt>): WorkerLink {
  return {
    send(message) {
      if (message.t === "assign") for (const { fence } of message.tasks) hearing.given(attempts.get(fence.task));
      link.send(message);
    },
    kill: (reason) => link.kill(reason),
    ...(link.leave && { leave: () => link.leave?.() }),
  };
}
