import { systemClock, type Clock } from "../core/clock.ts";
import type { Log } from "../core/context.ts";
import type { LogLevel, LogSink } from "../core/log.ts";
import type { Random } from "../core/random.ts";

/** What the rooms take from outside, so that a test can give its own. */
export interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LogSink;
}

/**
 * Goes to stderr, so that stdout stays the program's own: warnings and errors of the fleet, and what running code logs
 * (`ctx.log`) from `info` on, because somebody asked for that line.
 */
function logToStderr(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const { agent, task, ...rest } = fields;
  if (level === "debug" || (level === "info" && agent === undefined)) return;
  const of = agent === undefined ? "flotilla" : `${String(agent)} ${String(task)}`;
  const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : "";
  process.stderr.write(`${level} ${of}: ${message}${more}\n`);
}

export const systemDeps: Deps = Object.freeze({ clock: systemClock, random: Math.random, log: logToStderr });

/** The same sink in the shape that workers speak. */
export function workerLog(sink: LogSink): Log {
  const at = (level: LogLevel) => (message: string, fields?: object) =>
    sink(level, message, fields as Readonly<Record<string, unknown>> | undefined);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
