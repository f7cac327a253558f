// Ids are long because they cannot be guessed; people read and type the first letters.
import { parseApprovalId, parseId, runOf } from "../core/id.ts";
import { FlotillaError } from "../core/error.ts";
import type { OrchestratorApi, RunView } from "../protocol/views.ts";
import { UsageError } from "./usage-error.ts";

const shownLetters = 8;
const pageSize = 200;
const searchedMax = 1_000;

/** `r_7k2m9q4x` for a run, `t_7k2m9q4x.3.1` for a task of it, `a_7k2m9q4x.3.2` for what that one asks of people. */
export function shortId(id: string): string {
  const dot = id.indexOf(".");
  return id.slice(0, 2 + shownLetters) + (dot < 0 ? "" : id.slice(dot));
}

const typed = /^(?:[art]_)?([0-9a-hjkmnp-tv-z]{1,40})((?:\.[1-9]\d{0,8})*)$/i;

/** The full id behind what was typed: a full id, a unique prefix among recent runs, or nothing for the latest run. */
export async function resolveRun(api: OrchestratorApi, text: string | undefined): Promise<string> {
  if (text === undefined) return await latestRun(api);
  const parsed = parseId(text);
  if (parsed) return parsed.kind === "run" ? text : runOf(text);
  return (await findByPrefix(api, text, "run")).id;
}

export async function resolveTask(api: OrchestratorApi, text: string): Promise<string> {
  const parsed = parseId(text);
  // A run's root task has the same letters.
  if (parsed) return parsed.kind === "task" ? text : `t_${text.slice(2)}`;
  const run = await findByPrefix(api, text, "task");
  return `t_${run.id.slice(2)}${typed.exec(text)?.[2] ?? ""}`;
}

export async function resolveEither(api: OrchestratorApi, text: string | undefined): Promise<string> {
  const isTask = text !== undefined && (text.startsWith("t_") || text.includes("."));
  return isTask ? await resolveTask(api, text) : await resolveRun(api, text);
}

export async function resolveApproval(api: OrchestratorApi, text: string): Promise<string> {
  if (parseApprovalId(text)) return text;
  const run = await findByPrefix(api, text, "approval");
  return `a_${run.id.slice(2)}${typed.exec(text)?.[2] ?? ""}`;
}

async function latestRun(api: OrchestratorApi): Promise<string> {
  const { items } = await api.runs({ limit: 1 });
  if (items[0]) return items[0].id;
  throw new UsageError("There is no run yet", {
    why: "without an id, the latest run is meant",
    fix: ["start one: flotilla run NAME --input key=value"],
  });
}

async function findByPrefix(api: OrchestratorApi, text: string, what: "run" | "task" | "approval"): Promise<RunView> {
  const letters = typed.exec(text)?.[1]?.toLowerCase();
  if (letters === undefined) {
    throw new UsageError(`${JSON.stringify(text)} is not an id`, {
      why: `${what === "approval" ? "an" : "a"} ${what} is ${what[0]}_ and letters`,
      fix: [`list them: flotilla ${what}s ls`],
    });
  }
  const found = (await recentRuns(api)).filter((run) => run.id.startsWith(letters, 2));
  if (found.length === 1 && found[0]) return found[0];
  if (found.length === 0) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what, id: text });
  throw new UsageError(`${JSON.stringify(text)} fits ${found.length} runs`, {
    why: found
      .slice(0, 5)
      .map((run) => `${run.id.slice(0, letters.length + 6)} ${run.name}`)
      .join(", "),
    fix: ["give more letters"],
  });
}

async function recentRuns(api: OrchestratorApi): Promise<readonly RunView[]> {
  const found: RunView[] = [];
  let after: string | undefined;
  while (found.length < searchedMax) {
    const page = await api.runs({ limit: pageSize, ...(after === undefined ? {} : { after }) });
    found.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  return found;
}
