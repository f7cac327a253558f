// Keeps one worker process alive.
//
//   starting ──▶ up ──▶ dead ──▶ waiting ──▶ starting ...
//      │                                        │
//      └─ the first cannot start:               └─ a later one cannot: told each time, and tried again,
//         the fleet does not open                  ever more slowly
import { backoffMs, type ResolvedRetry } from "../core/retry.ts";
import type { FromWorker, WorkerLink } from "../protocol/worker.ts";
import type { ChildEvents, ChildExit, ChildWorker } from "../worker/links/child-process.ts";
import type { RunningWorker, WorkerParts } from "./worker-group.ts";

/** Starts a process; resolves with its hello. */
export type StartProcess = (events: ChildEvents) => Promise<ChildWorker>;

/** One process that has said hello. */
interface Life {
  readonly child: ChildWorker;
  readonly exited: Promise<ChildExit>;
  /** Hears also what it said before. */
  readonly listen: (receive: (message: FromWorker) => void) => void;
}

// A tenth of a second, since most deaths are an agent's own; half a minute at most, so that a repair is noticed.
const restart: ResolvedRetry = { attempts: Infinity, backoff: "exponential", fromMs: 100, toMs: 30_000 };
/** A life that lasted this long was a start that worked: the next one does not wait longer. */
const goodLifeMs = 10_000;

/**
 * @param name what its lines in the log say.
 * @throws what the first process could not start for; later ones are tried again.
 */
export async function supervise(name: string, start: StartProcess, parts: WorkerParts): Promise<RunningWorker> {
  let life = await beginLife(start);
  let stopping = false;
  let failures = 0;
  let wake = () => {};

  /** From the hello to the end. */
  async function live({ child, exited, listen }: Life): Promise<void> {
    const began = parts.clock.elapsedMs();
    let worked = false;
    let dismissed = false;
    const link: WorkerLink = {
      send(m) {
        worked ||= m.t === "assign";
        dismissed ||= m.t === "drain" && m.leave === true;
        child.link.send(m);
      },
      kill: (reason) => child.link.kill(reason),
    };
    const attached = parts.orchestrator.attach(link, child.hello);
    listen((message) => {
      attached.receive(message);
      // Told to leave, it has left: nothing takes its place.
      if (dismissed && message.t === "goodbye") {
        stopping = true;
        void child.stop();
      }
    });
    const { how, expected } = await exited;
    attached.lost(how, { observed: !expected });
    // Killed by a task, it had started well: its neighbours must not wait for what the task did.
    if (worked || parts.clock.elapsedMs() - began >= goodLifeMs) failures = 0;
    if (!stopping) parts.log("warn", `${name} ${how}; another takes its place`, { worker: name });
  }

  /** The next process that gets as far as its hello; undefined once the worker is to stop. */
  async function next(): Promise<Life | undefined> {
    for (;;) {
      if (stopping) return undefined;
      failures += 1;
      await new Promise<void>((resolve) => {
        const timer = parts.clock.after(backoffMs(restart, failures, parts.random), resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
      if (stopping) return undefined;
      try {
        return await beginLife(start);
      } catch (error) {
        parts.log("error", `${name} could not start again (${failures} in a row): ${(error as Error).message}`, {
          worker: name,
          failures,
        });
      }
    }
  }

  const ended = (async () => {
    for (;;) {
      await live(life);
      const following = await next();
      if (!following) return;
      life = following;
      // Asked to stop while it was starting.
      if (stopping) void life.child.stop();
    }
  })();

  return {
    async stop() {
      stopping = true;
      wake();
      await life.child.stop();
      await ended;
    },
  };
}

async function beginLife(start: StartProcess): Promise<Life> {
  const early: FromWorker[] = [];
  const exited = Promise.withResolvers<ChildExit>();
  let receive = (message: FromWorker): void => void early.push(message);
  const child = await start({ onMessage: (message) => receive(message), onExit: exited.resolve });
  return {
    child,
    exited: exited.promise,
    listen(to) {
      receive = to;
      early.forEach(to);
    },
  };
}
