// The main file of a child process: imports the definitions, makes the worker, talks over IPC. It ends with its parent:
// by 'disconnect' when its loop turns, by the watchdog when it does not.
import { systemClock } from "../../core/clock.ts";
import type { Log } from "../../core/context.ts";
import { errorJson, isFlotillaError } from "../../core/error.ts";
import type { FromWorker } from "../../protocol/worker.ts";
import { createWorker, type Worker } from "../worker.ts";
import { batched, enveloped, type Begin, type FromChild, type ImportFailure, type ToChild } from "./child-protocol.ts";
import { ImportError, loadDefinitions } from "./load-definitions.ts";
import { watchParent } from "./watchdog.ts";

/** Modules that a child imports must only define: createFleet looks for this mark and refuses. */
const mark = Symbol.for("flotilla.child");

const log = Object.fromEntries(
  (["debug", "info", "warn", "error"] as const).map((level) => [
    level,
    (message: string, fields?: object) =>
      void process.stderr.write(`${level}: ${message} ${fields ? JSON.stringify(fields) : ""}\n`),
  ]),
) as Log;

let worker: Worker | undefined;

function say(message: FromChild, then?: () => void): void {
  process.send?.(enveloped(message), undefined, {}, () => then?.());
}

async function begin(o: Begin): Promise<void> {
  watchParent(o.parent);
  (globalThis as { [mark]?: boolean })[mark] = true;
  try {
    const definitions = await loadDefinitions(o.modules);
    worker = createWorker(
      { ...o, isolation: "child-process", definitions },
      { clock: systemClock, log },
      batched<FromWorker>(say),
    );
    say([worker.hello()]);
  } catch (e) {
    say(failure(e, o), () => process.exit(1));
  }
}

function failure(e: unknown, o: Begin): ImportFailure {
  const file = e instanceof ImportError ? e.file : (o.modules[0] ?? "");
  const cause = e instanceof ImportError ? e.cause : e;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = (error as { code?: unknown }).code;
  return {
    t: "unreadable",
    file,
    name: error.name,
    message: error.message,
    code: typeof code === "string" ? code : null,
    stack: error.stack ?? "",
    ours: isFlotillaError(error) ? errorJson(error) : null,
  };
}

async function stop(): Promise<void> {
  await worker?.stop();
  // After the goodbye, which leaves in the next macrotask.
  setImmediate(() => say([], () => process.exit(0)));
}

process.on("message", (message: ToChild) => {
  if ("t" in message) void (message.t === "begin" ? begin(message) : stop());
  else for (const m of message) worker?.receive(m);
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group: the parent drains, and its children with it.
process.on("SIGINT", () => {});
