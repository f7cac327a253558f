// Keeps one worker process alive.
//
//   starting ──▶ up ──▶ dead ──▶ waiting ──▶ starting ...
//      │                                        │
//      └─ ends before it was ready:             └─ logged each time, and tried again, ever more slowly
//         the fleet does not open
import { FlotillaError } from "../core/error.ts";
import { backoffMs, type ResolvedRetry } from "../core/retry.ts";
import type { FromWorker, Hello, WorkerLink } from "../protocol/worker.ts";
import type { RunningWorker, WorkerParts } from "./worker-group.ts";

/** How a process ended. */
export interface Exit {
  /** "exit code 1", "signal SIGSEGV": what the attempt's error says. */
  readonly how: string;
  /** Why it could not start, when it could say so. */
  readonly error?: Error | undefined;
}

/** One process, from its start to its end. */
export interface Life {
  readonly link: WorkerLink;
  /** What it says; called from the start on. */
  listen(receive: (message: FromWorker) => void): void;
  /** Resolves with its hello; never, when it ends before. */
  readonly ready: Promise<Hello>;
  readonly exited: Promise<Exit>;
  /** Asks it to end, and ends it when it does not. */
  stop(): Promise<void>;
}

// A tenth of a second, since most deaths are an agent's own; half a minute at most, so that a repair is noticed.
const restart: ResolvedRetry = { attempts: Infinity, backoff: "exponential", fromMs: 100, toMs: 30_000 };
/** A life that lasted this long was a start that worked: the next one does not wait longer. */
const goodLifeMs = 10_000;

/**
 * @param name what its lines in the log say.
 * @throws what the first process could not start for; later ones are tried again.
 */
export async function supervise(name: string, begin: () => Life, parts: WorkerParts): Promise<RunningWorker> {
  let stopping = false;
  let life = begin();
  let failures = 0;
  let wake = () => {};

  async function attach(hello: Hello): Promise<void> {
    const began = parts.clock.elapsedMs();
    const attached = parts.orchestrator.attach(life.link, hello);
    life.listen((message) => attached.receive(message));
    const { how } = await life.exited;
    attached.lost(how, { observed: !stopping });
    if (parts.clock.elapsedMs() - began >= goodLifeMs) failures = 0;
  }

  /** The next process that gets as far as its hello; undefined once the worker is to stop. */
  async function next(): Promise<Hello | undefined> {
    for (;;) {
      failures += 1;
      await new Promise<void>((resolve) => {
        const timer = parts.clock.after(backoffMs(restart, failures, parts.random), resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
      if (stopping) return undefined;
      life = begin();
      const hello = await readyOrExit(life);
      if ("t" in hello) return hello;
      if (stopping) return undefined;
      parts.log("error", `${name} could not start again (${failures} in a row): ${reasonOf(hello)}`, { worker: name, failures });
    }
  }

  const first = await readyOrExit(life);
  if (!("t" in first))
    throw (
      first.error ?? new FlotillaError("FLOTILLA_WORKER_LOST", { worker: name, how: `ended before it was ready: ${first.how}` })
    );

  const ended = (async () => {
    for (let hello: Hello | undefined = first; hello; hello = await next()) {
      await attach(hello);
      if (!stopping) parts.log("warn", `${name} ended; another takes its place`, { worker: name });
    }
  })();

  return {
    async stop() {
      stopping = true;
      wake();
      await life.stop();
      await ended;
    },
  };
}

function readyOrExit(life: Life): Promise<Hello | Exit> {
  return Promise.race([life.ready, life.exited]);
}

function reasonOf(exit: Exit): string {
  return exit.error ? exit.error.message : exit.how;
}
