import { bounds } from "../core/bounds.ts";
import type { AnyCallable, Callable, Definition } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import type { OnMissed, Overlap } from "../core/schedule.ts";
import type { ScheduleRequest } from "../protocol/schedules.ts";
import { checkKnown, checkName, checkObject, checkText, configInvalid, isoDate, spanMs } from "./check.ts";
import { checkedInput } from "./start.ts";

export interface ScheduleOptions<W> {
  /** Its name: unique, and what `fleet.schedules` and the command line call it by. */
  name: string;
  /**
   * Minute, hour, day of the month, month, weekday; a field of seconds may come before them. Nicknames such as "@daily"
   * fit too. Either this or `every`.
   */
  cron?: string;
  /** At least "1s", counted from `startAt`, else from 1970: "15m" is on each quarter hour. Either this or `cron`. */
  every?: Duration;
  /**
   * IANA name that the fields of `cron` are read in. A time that a change of the clocks leaves out runs right after it,
   * one that comes twice runs once. @default "UTC"
   */
  timeZone?: string;
  /** What every run gets. Checked with the target's schema when the schedule is put. */
  input: W;
  /** Tenant of the runs. @default one for all */
  tenant?: string;
  /**
   * What becomes of ticks while no fleet was up. `skip`: none of them runs; `once`: the last one runs for all; `all`: each
   * runs, of at most the latest 100. A tick that is less than a minute late is not missed. @default "once"
   */
  onMissed?: OnMissed;
  /** `skip`: a tick starts nothing while a run of the schedule goes on. `onMissed: "all"` needs `allow`. @default "skip" */
  overlap?: Overlap;
  /** No tick before it. @default none */
  startAt?: Date;
  /** No tick after it. @default none */
  endAt?: Date;
}

/** A schedule as data: what `defineFleet({ schedules })` and `fleet.schedules.put` take. */
export interface Schedule {
  readonly kind: "schedule";
  readonly name: string;
  /** Name of what it starts. */
  readonly target: string;
  readonly options: Readonly<ScheduleOptions<unknown>>;
}

const known = [
  "name",
  "cron",
  "every",
  "timeZone",
  "target",
  "input",
  "tenant",
  "onMissed",
  "overlap",
  "startAt",
  "endAt",
] as const satisfies readonly (keyof ScheduleOptions<unknown> | "target")[];

/**
 * Describes runs that start by the clock. It opens nothing; pattern, time zone and input are checked when a fleet takes it.
 *
 * ```ts
 * const nightly = schedule({ name: "nightly", cron: "30 2 * * *", timeZone: "Europe/Berlin", target: audit, input: { depth: 2 } });
 * export default defineFleet({ definitions: [audit], schedules: [nightly] });
 * ```
 * @param o.target a definition, or the name of one.
 * @throws FLOTILLA_CONFIG_INVALID naming the option that is unknown or missing.
 */
export function schedule<W>(o: ScheduleOptions<NoInfer<W>> & { target: Callable<string, W, unknown, unknown> }): Schedule;
export function schedule(o: ScheduleOptions<unknown> & { target: string }): Schedule;
export function schedule({ target, ...o }: ScheduleOptions<unknown> & { target: AnyCallable | string }): Schedule {
  checkObject(o, "schedule()");
  checkName(o.name, "schedule().name");
  const where = `schedule(${JSON.stringify(o.name)})`;
  checkKnown(o, known, where);
  const name: unknown = typeof target === "string" ? target : (target as AnyCallable | undefined)?.name;
  checkName(name, `${where}.target`);
  return Object.freeze({ kind: "schedule", name: o.name, target: name, options: Object.freeze({ ...o }) });
}

/**
 * Checks the input with the target's schema, and puts the schedule on the wire.
 * @param definition the target, when its code is here.
 * @throws FLOTILLA_INPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE, FLOTILLA_CONFIG_INVALID
 */
export async function scheduleRequest(s: Schedule, definition: Definition | undefined): Promise<ScheduleRequest> {
  if ((s as Partial<Schedule> | undefined)?.kind !== "schedule")
    throw configInvalid("schedules", "one of them is not a schedule", "make it with schedule({ name, cron, target, input })");
  const { name, target } = s;
  const where = `schedule(${JSON.stringify(name)})`;
  const { cron, every, timeZone, tenant, onMissed, overlap, startAt, endAt } = s.options;
  if (cron !== undefined) checkText(cron, `${where}.cron`, bounds.keyLength);
  if (timeZone !== undefined) checkText(timeZone, `${where}.timeZone`, bounds.nameLength);
  if (tenant !== undefined) checkText(tenant, `${where}.tenant`, bounds.tenantLength);
  const everyMs = spanMs(every, `${where}.every`);
  return {
    name,
    target,
    input: await checkedInput(definition, s.options.input, where),
    ...(cron !== undefined && { cron }),
    ...(everyMs !== null && { everyMs }),
    ...(timeZone !== undefined && { timeZone }),
    ...(tenant !== undefined && { tenant }),
    ...(onMissed !== undefined && { onMissed }),
    ...(overlap !== undefined && { overlap }),
    ...(startAt !== undefined && { startAt: isoDate(startAt, `${where}.startAt`) }),
    ...(endAt !== undefined && { endAt: isoDate(endAt, `${where}.endAt`) }),
  };
}
