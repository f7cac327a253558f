import { FlotillaError } from "./error.ts";

export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`;
export type Percent = `${number}%`;
export type Percentile = "p50" | "p75" | "p90" | "p95" | "p99";
export type Size = `${number}${"KiB" | "MiB" | "GiB"}`;

/** 100 years: beyond it an instant fits no date. */
const longestMs = 100 * 365 * 86_400_000;
const msOf: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `"5m"` in ms. @throws FLOTILLA_CONFIG_INVALID naming the field. */
export function durationMs(text: Duration, field: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(text));
  const factor = match ? msOf[match[2] as string] : undefined;
  const ms = match && factor !== undefined ? Math.round(Number(match[1]) * factor) : Number.NaN;
  if (!(ms <= longestMs)) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field,
      problem: `${JSON.stringify(text)} is not a duration${ms > longestMs ? " below 100 years" : ""}`,
      fix: 'write "500ms", "30s", "5m", "2h" or "7d"',
    });
  }
  return ms;
}

/** `1234` as `1.2s`: for people, never parsed back. */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}m${String(Math.floor((ms % 60_000) / 1_000)).padStart(2, "0")}s`;
  return `${Math.floor(ms / 3_600_000)}h${String(Math.floor((ms % 3_600_000) / 60_000)).padStart(2, "0")}m`;
}
