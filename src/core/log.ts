export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Where lines go: of the fleet itself (a child that died), and of running code (`ctx.log`), which carry `agent` and
 * `task` in their fields.
 */
export type LogSink = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;
