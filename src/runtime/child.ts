import { fileURLToPath } from "node:url";
import { configInvalid } from "../client/check.ts";
import type { Hello } from "../protocol/worker.ts";
import { startChildProcess, type ChildEvents, type ChildWorker } from "../worker/links/child-process.ts";
import type { WorkerOptions } from "../worker/worker.ts";
import { supervise } from "./supervise.ts";
import { unreadable } from "./unreadable.ts";
import type { RunningWorker, WorkerParts } from "./worker-group.ts";

/** What a child needs besides a worker's options. */
export interface ChildSettings {
  /** file: URLs. */
  readonly modules: readonly string[];
  readonly passEnv: readonly string[];
}

/**
 * A worker in a process of its own, replaced when it dies.
 * @throws FLOTILLA_DEFINITION_UNREADABLE when it cannot import `modules`, FLOTILLA_CONFIG_INVALID when they lack a
 * definition, FLOTILLA_WORKER_LOST when it dies before it is ready.
 */
export function startChild(
  options: WorkerOptions,
  { modules, passEnv }: ChildSettings,
  parts: WorkerParts,
): Promise<RunningWorker> {
  const { name, slots, continuations = 10_000, offers, build } = options;
  const names = new Set(options.definitions.map((d) => d.name));
  const explain = (error: unknown, file: string) => unreadable(error, file.startsWith("file:") ? fileURLToPath(file) : file);
  const start = async (events: ChildEvents): Promise<ChildWorker> => {
    const child = await startChildProcess(
      { name, slots, continuations, offers, build, modules, passEnv, explain },
      parts,
      events,
    );
    try {
      return { hello: helloOf(child.hello, names), link: child.link, pid: child.pid, stop: () => child.stop() };
    } catch (error) {
      await child.stop();
      throw error;
    }
  };
  return supervise(name, start, parts);
}

/**
 * The modules may define more than this fleet was given, and what it was not given was not checked: only the fleet's
 * own definitions are offered.
 */
function helloOf(hello: Hello, names: ReadonlySet<string>): Hello {
  const definitions = hello.definitions.filter((card) => card.kind !== "contract" && names.has(card.name));
  const missing = [...names].filter((name) => !definitions.some((card) => card.name === name));
  if (missing.length === 0) return { ...hello, definitions };
  throw configInvalid(
    "fleet.modules",
    `no module exports ${missing.join(", ")}`,
    "export every definition of the fleet by name, or name the files that do",
  );
}
