// A bulk operation for a person: counted, asked about, done, told. The work is the orchestrator's.
import type { BulkAction, BulkRequest, BulkView, BulkWhere } from "../protocol/bulk.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { exitCodes, type ExitCode } from "./exit-code.ts";
import { shortId } from "./short-id.ts";
import { renderError } from "./text/error.ts";
import { count, plural } from "./text/format.ts";
import { UsageError } from "./usage-error.ts";

export interface BulkCommand {
  readonly action: BulkAction;
  readonly where: BulkWhere;
  readonly reason?: string;
  readonly limit?: number;
  readonly yes?: true;
  readonly dryRun?: true;
  /** When nothing fits. */
  readonly none: string;
}

const words: Readonly<Record<BulkAction, { readonly ask: string; readonly done: string }>> = {
  cancel: { ask: "Cancel", done: "canceling" },
  repair: { ask: "Start a repair of", done: "repairing" },
  redrive: { ask: "Start a run for", done: "redrove" },
  purge: { ask: "Delete for good, with inputs, results and journals,", done: "deleted" },
};

export async function bulkCommand(api: OrchestratorApi, c: Context, o: BulkCommand): Promise<ExitCode> {
  const { action, reason, limit } = o;
  const request: BulkRequest = { action, where: o.where, ...(reason !== undefined && { reason }) };
  const counted = await last(api.bulk(request));
  if (o.dryRun === true || counted.count === 0) {
    if (c.asJson) c.out.json(outcomeOf(counted, []));
    else if (counted.count === 0) c.err.line(o.none);
    else
      c.out.lines([
        `${nameOf(o, counted)} would be changed`,
        ...counted.examples.map((id) => `  ${shortId(id)}`),
        ...more(counted),
      ]);
    return exitCodes.ok;
  }
  if (o.yes !== true && !(await confirmed(c, o, counted))) {
    c.err.line(`nothing was ${action === "redrive" ? "redriven" : "changed"}`);
    return exitCodes.ok;
  }
  const startedBefore = earlier(o.where.startedBefore, counted.asOf);
  const limited = limit === undefined ? {} : { limit };
  return await execute(api, c, { ...request, where: { ...o.where, startedBefore }, expect: counted.count, ...limited });
}

async function execute(api: OrchestratorApi, c: Context, request: BulkRequest): Promise<ExitCode> {
  const stop = new AbortController();
  const unsubscribe = c.io.onStopSignal(() => stop.abort());
  const started: BulkView["started"][number][] = [];
  let view: BulkView | undefined;
  try {
    for await (view of api.bulk(request, stop.signal)) {
      started.push(...view.started);
      if (c.asJson) continue;
      c.out.lines(view.started.map((s) => `${shortId(s.of)}  ${s.run}`));
      if (c.err.isTTY && !c.globals.quiet) c.err.draw(view.phase === "acting" ? [progressOf(view)] : []);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    unsubscribe();
    if (c.err.isTTY) c.err.draw([]);
  }
  if (c.asJson) c.out.json(outcomeOf(view, started));
  else tell(c, request, view);
  if (stop.signal.aborted) return exitCodes.interrupted;
  return (view?.refused ?? 0) > 0 ? exitCodes.failed : exitCodes.ok;
}

function tell(c: Context, { action, limit }: BulkRequest, view: BulkView | undefined): void {
  const { done = 0, count: all = 0, refused = 0, refusals = [] } = view ?? {};
  for (const { id, error } of refusals) c.err.lines([`${shortId(id)}:`, ...renderError(error, c.err)]);
  if (refused > refusals.length) c.err.line(`and ${count(refused - refusals.length)} more were refused`);
  const asked = plural(Math.min(all, limit ?? all), noun(action));
  const end = view?.phase === "done" ? "" : "; stopped: the same command does the rest";
  c.err.line(`${c.err.theme.glyphs.ok} ${words[action].done} ${count(done)} of ${asked}${end}`);
}

async function last(views: AsyncIterable<BulkView>): Promise<BulkView> {
  let view: BulkView | undefined;
  for await (view of views);
  if (view?.phase !== "done") throw new Error("the fleet did not count to the end");
  return view;
}

async function confirmed(c: Context, o: BulkCommand, counted: BulkView): Promise<boolean> {
  const named = nameOf(o, counted);
  if (!c.io.stdinIsTTY)
    throw new UsageError("Nobody is there to ask", { why: `${words[o.action].ask} ${named}?`, fix: ["say so: -y"] });
  return /^y(es)?$/i.test((await c.io.ask(`${words[o.action].ask} ${named}? [y/N] `)).trim());
}

function nameOf({ action, limit, where }: BulkCommand, counted: BulkView): string {
  const asked = Math.min(counted.count, limit ?? counted.count);
  const first = asked < counted.count ? "the first " : "";
  const rest = asked < counted.count ? ` (of ${count(counted.count)})` : "";
  if (action !== "redrive") return `${first}${plural(asked, noun(action))}${rest}`;
  const state = (where.state ?? ["quarantined"]).join(" or ");
  return `${first}${plural(asked, `${state} task`)} of ${plural(counted.runs, "run")}${rest}`;
}

function more({ count: all, examples }: BulkView): string[] {
  return all > examples.length ? [`  and ${count(all - examples.length)} more`] : [];
}

const noun = (action: BulkAction): string => (action === "redrive" ? "task" : "run");
const progressOf = (v: BulkView): string =>
  `${words[v.action].done} ${count(v.done + v.refused)} of ${plural(v.count, noun(v.action))}`;

function outcomeOf(view: BulkView | undefined, started: BulkView["started"]): object {
  const { action, phase, count: all, runs, examples, done, refused, refusals } = view ?? ({} as Partial<BulkView>);
  return { action, finished: phase === "done", count: all, runs, examples, done, refused, refusals, started };
}

/** What started after the counting was not counted. */
function earlier(a: string | undefined, b: string): string {
  return a !== undefined && a < b ? a : b;
}
