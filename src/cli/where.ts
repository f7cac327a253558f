// Filters of bulk operations, as they are typed: --where tenant=acme --where status=failed,partial --where before=7d
import { InvalidArgumentError, Option, type Command } from "commander";
import { durationMs, type Duration } from "../core/duration.ts";
import type { BulkWhere } from "../protocol/bulk.ts";
import type { Context } from "./context.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { resolveRun } from "./short-id.ts";
import { UsageError } from "./usage-error.ts";

const keys = ["name", "status", "state", "run", "tenant", "tag", "from", "before", "error"] as const;
type Key = (typeof keys)[number];
/** As typed, the last one of a key counts. */
export type Typed = { readonly [K in Key]?: string };

export const whereHelp = `
Filters, all of which must fit (again for more): name=NAME  status=failed,partial  state=quarantined,failed  run=ID
  tenant=T  tag=T  error=CODE  from=WHEN  before=WHEN, where WHEN is an instant or so long ago, such as 7d`;

export const whereOption = (what: string): Option =>
  new Option("--where <filter>", `${what}: key=value (again for more)`).argParser((text: string, before: Typed | undefined) => {
    const [, key, value] = /^(\w+)=(.+)$/s.exec(text) ?? [];
    if (key === undefined || value === undefined || !keys.includes(key as Key))
      throw new InvalidArgumentError(`It must be one of ${keys.map((k) => `${k}=...`).join(" ")}.`);
    return { ...before, [key]: value };
  });

/** The filter as the fleet takes it, ids in full. Lists and instants that are none are for the fleet to refuse. */
export async function whereOf(c: Context, api: OrchestratorApi, t: Typed): Promise<BulkWhere> {
  const { status, state, run, from, before, ...rest } = t;
  return {
    ...rest,
    ...(status !== undefined && { status: status.split(",") as NonNullable<BulkWhere["status"]> }),
    ...(state !== undefined && { state: state.split(",") as NonNullable<BulkWhere["state"]> }),
    ...(run !== undefined && { run: await resolveRun(api, run) }),
    ...(from !== undefined && { startedFrom: when(c, from) }),
    ...(before !== undefined && { startedBefore: when(c, before) }),
  };
}

function when(c: Context, text: string): string {
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(text))
    return new Date(c.io.clock.now() - durationMs(text as Duration, "--where")).toISOString();
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toISOString();
}

/** What a command takes that works on one thing or on all that fit. */
export interface BulkChoice {
  readonly where?: Typed;
  readonly dryRun?: true;
  readonly yes?: true;
}

export function bulkOptions(command: Command, what: string): Command {
  return command
    .addOption(whereOption(what))
    .option("--dry-run", "with --where: only count")
    .option("-y, --yes", "with --where: do not ask");
}

/** The filter; undefined: one thing is meant. @throws UsageError for both, or neither */
export function checkBulk(o: BulkChoice, id: string | undefined, done: string): Typed | undefined {
  if ((id === undefined) === (o.where === undefined))
    throw new UsageError(`What is to be ${done}?`, { why: "it takes either an id or --where" });
  const extra = (["dryRun", "yes"] as const).filter((name) => o[name] !== undefined);
  if (id !== undefined && extra.length > 0)
    throw new UsageError(`${extra.map((name) => (name === "yes" ? "--yes" : "--dry-run")).join(" and ")} go with --where`, {
      why: "one needs no count",
    });
  return o.where;
}

/** Optional means absent inside the house. */
export function choiceOf({ yes, dryRun }: BulkChoice): Pick<BulkChoice, "yes" | "dryRun"> {
  return { ...(yes && { yes }), ...(dryRun && { dryRun }) };
}
