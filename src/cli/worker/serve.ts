import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyCallable } from "../../core/definition.ts";
import type { RemoteWorker } from "../../runtime/remote-worker.ts";
import type { ServeWorkerOptions } from "../../runtime/serve-worker.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { plural } from "../text/format.ts";
import { listenForStops } from "../up/stop.ts";
import { logTo } from "../up/open-served.ts";
import { UsageError } from "../usage-error.ts";

export interface WorkerOptions {
  readonly connect: string;
  readonly slots?: number;
  readonly offers?: string;
  readonly name?: string;
  readonly pool?: string;
  readonly isolation: "in-process" | "child-process";
  readonly workers?: number;
  readonly within: number;
  readonly reconnectGrace?: number;
  readonly fenceAfter?: number;
}

/** A worker from its first link to its goodbye. */
export async function serve(c: Context, o: WorkerOptions): Promise<ExitCode> {
  const token = c.globals.token ?? c.io.env["FLOTILLA_TOKEN"];
  if (token === undefined || token === "")
    throw new UsageError("A worker needs a token", {
      fix: ["set FLOTILLA_TOKEN to a token of the role worker"],
      more: "flotilla worker --help",
    });
  if (o.workers !== undefined && o.isolation === "in-process")
    throw new UsageError("--workers counts child processes", {
      why: "in-process, one process is one worker",
      fix: ["add --isolation child-process", "or start the command once for each worker"],
      more: "flotilla worker --help",
    });
  const { definitions, file, modules } = await codeOf(c);
  const [{ openWorker }, { systemDeps }] = await Promise.all([
    import("../../runtime/serve-worker.ts"),
    import("../../runtime/deps.ts"),
  ]);
  const stops = listenForStops(c);
  const ended = Promise.withResolvers<Error>();
  const dismissed = Promise.withResolvers<"dismissed">();
  try {
    const opening = openWorker(
      {
        definitions,
        connect: list(o.connect) as never,
        token,
        ...(o.slots !== undefined && { slots: o.slots }),
        ...(o.offers !== undefined && { offers: list(o.offers) }),
        ...(o.name !== undefined && { name: o.name }),
        ...(o.pool !== undefined && { pool: o.pool }),
        ...(o.reconnectGrace !== undefined && { reconnectGrace: `${o.reconnectGrace}ms` as const }),
        ...(o.fenceAfter !== undefined && { fenceAfter: `${o.fenceAfter}ms` as const }),
      },
      { ...systemDeps, clock: c.io.clock, log: logTo(c) },
      {
        ...(o.isolation === "in-process" ? { ended: ended.resolve } : { children: { count: o.workers ?? 1, modules } }),
        dismissed: () => dismissed.resolve("dismissed"),
      },
    );
    // Told to stop before an orchestrator has answered: there is nothing to give back.
    const worker = await Promise.race([opening, stops.asked.then(() => undefined)]);
    if (!worker) return exitCodes.interrupted;
    if (!c.globals.quiet) c.err.line(`${worker.id} serves ${plural(definitions.length, "definition")} of ${file}`);
    const why = await Promise.race([stops.asked.then(() => undefined), ended.promise, dismissed.promise]);
    if (why === "dismissed") {
      c.err.line("drained by an operator; stopped");
      return exitCodes.ok;
    }
    if (why === undefined) return await leave(c, worker, stops.now, o.within);
    // Code that did not stop when it was told to still runs here: whoever started this process starts a clean one.
    c.err.line(`the orchestrator ended this worker: ${why.message}`);
    await worker.stop();
    return exitCodes.failed;
  } finally {
    stops.end();
  }
}

interface Code {
  readonly definitions: ServeWorkerOptions["definitions"];
  readonly file: string;
  /** What child processes import. */
  readonly modules: readonly string[];
}

async function codeOf(c: Context): Promise<Code> {
  const { findDefinitionFile, loadDefinitions } = await import("../../runtime/load.ts");
  const file = await findDefinitionFile({ file: c.globals.config, cwd: c.io.cwd });
  const loaded = await loadDefinitions(file);
  const modules = (loaded.fleet?.config.modules ?? [file]).map((m) => (m instanceof URL ? m.href : moduleUrl(m, c.io.cwd)));
  return { definitions: loaded.definitions.filter(hasCode), file, modules };
}

function moduleUrl(module: string, cwd: string): string {
  return module.startsWith("file:") ? module : pathToFileURL(resolve(cwd, module)).href;
}

function hasCode(d: AnyCallable): d is AnyCallable & { readonly kind: "agent" | "workflow" } {
  return d.kind !== "contract";
}

async function leave(c: Context, worker: RemoteWorker, now: AbortSignal, withinMs: number): Promise<ExitCode> {
  if (!c.globals.quiet) c.err.line("draining: what runs may end; Ctrl-C again stops at once");
  const stopped = new Promise<false>((resolve) => now.addEventListener("abort", () => resolve(false), { once: true }));
  const drained = await Promise.race([worker.drain(withinMs).then(() => true), stopped]);
  if (!drained) await worker.stop();
  c.err.line(drained ? "stopped" : "stopped at once; what is unfinished is done by others");
  return drained ? exitCodes.ok : exitCodes.interrupted;
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
