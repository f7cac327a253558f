import { systemClock, type Clock } from "../core/clock.ts";
import type { Log } from "../core/context.ts";
import type { Random } from "../core/random.ts";

/** Where lines about the fleet itself go: a contract without implementation, a child that died. */
export type LogSink = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** What the rooms take from outside, so that a test can give its own. */
export interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LogSink;
}

/** Warnings and errors go to stderr, so that stdout stays the program's own. */
function logToStderr(level: "debug" | "info" | "warn" | "error", message: string): void {
  if (level === "warn" || level === "error") process.stderr.write(`flotilla: ${message}\n`);
}

export const systemDeps: Deps = Object.freeze({ clock: systemClock, random: Math.random, log: logToStderr });

/** The same sink in the shape that workers speak. */
export function logOf(sink: LogSink): Log {
  const at = (level: Parameters<LogSink>[0]) => (message: string, fields?: object) =>
    sink(level, message, fields as Readonly<Record<string, unknown>> | undefined);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
