import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { missedPolicies, overlapPolicies, type Instants, type ScheduleSpec } from "../core/schedule.ts";
import type { ScheduleRequest } from "../protocol/schedules.ts";
import { instantsOf } from "./schedule-instants.ts";

export interface ResolvedSchedule {
  readonly spec: ScheduleSpec;
  readonly instants: Instants;
}

/** Defaults filled in, everything checked, before anything is written. @throws FLOTILLA_CONFIG_INVALID naming the field */
export async function resolveSchedule(r: ScheduleRequest): Promise<ResolvedSchedule> {
  const where = `schedule(${JSON.stringify(r.name)})`;
  const invalid = (field: string, problem: string, fix: string, cause?: unknown) =>
    new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: `${where}.${field}`, problem, fix }, { cause });
  const oneOf = (field: string, value: string, known: readonly string[]) => {
    if (!known.includes(value)) throw invalid(field, `${JSON.stringify(value)} is none of them`, `use ${known.join(", ")}`);
  };
  const instant = (field: string, text: string | undefined) => {
    if (text === undefined) return null;
    const at = Date.parse(text);
    if (!Number.isFinite(at)) throw invalid(field, `${JSON.stringify(text)} is not an instant`, "pass a Date");
    return at;
  };
  checkScheduleName(r.name);
  const { cron = null, everyMs = null, tenant = null, onMissed = "once", overlap = "skip" } = r;
  oneOf("onMissed", onMissed, missedPolicies);
  oneOf("overlap", overlap, overlapPolicies);
  if ((cron === null) === (everyMs === null))
    throw invalid("cron", "a schedule has either cron or every", 'write cron: "0 3 * * *" or every: "15m"');
  if (everyMs !== null && !(everyMs >= bounds.scheduleEveryMs && Number.isSafeInteger(everyMs)))
    throw invalid("every", `${everyMs} ms is too short`, `make it ${bounds.scheduleEveryMs} ms or longer`);
  if (everyMs !== null && r.timeZone !== undefined)
    throw invalid("timeZone", "an interval has no time zone", "leave it out, or use cron");
  if (cron !== null && (cron.length > bounds.keyLength || /^\s*\d{4}-/.test(cron)))
    throw invalid("cron", "it is not a cron pattern", 'write five fields, "0 3 * * *", or six with seconds');
  if (tenant !== null && (tenant.length === 0 || tenant.length > bounds.tenantLength))
    throw invalid("tenant", `it has ${tenant.length} characters`, `use 1 to ${bounds.tenantLength} characters`);
  if (onMissed === "all" && overlap === "skip")
    throw invalid(
      "overlap",
      'the first missed tick would run, and all others be skipped beside it: "all" and "skip" do not go together',
      'write overlap: "allow", or onMissed: "once"',
    );
  const startAt = instant("startAt", r.startAt);
  const endAt = instant("endAt", r.endAt);
  if (startAt !== null && endAt !== null && endAt < startAt)
    throw invalid("endAt", "it is before startAt", "let it end after it has begun");
  const timeZone = cron === null ? null : (r.timeZone ?? "UTC");
  if (timeZone !== null && !isTimeZone(timeZone))
    throw invalid("timeZone", `${JSON.stringify(timeZone)} is not a time zone`, 'use an IANA name, such as "Europe/Berlin"');
  const spec: ScheduleSpec = { target: r.target, cron, everyMs, timeZone, tenant, onMissed, overlap, startAt, endAt };
  try {
    const instants = await instantsOf(spec);
    const unbounded = await instantsOf({ ...spec, startAt: null, endAt: null });
    if (unbounded.after(0) === null) throw new Error("it has no instant: no such day exists");
    return { spec, instants };
  } catch (e) {
    throw invalid("cron", (e as Error).message, 'write minute hour day month weekday: "0 3 * * *" is at 3 every night', e);
  }
}

const nameShape = /^[A-Za-z0-9][\w.:/-]*$/;

function checkScheduleName(name: string): void {
  if (name.length <= bounds.nameLength && nameShape.test(name)) return;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "schedule().name",
    problem: `${JSON.stringify(name.slice(0, bounds.nameLength))} is not a name`,
    fix: `use 1 to ${bounds.nameLength} of the letters A-Z a-z 0-9 _ . : / -, the first a letter or digit`,
  });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}
