import { formatMs } from "../../core/duration.ts";
import type { TaskState } from "../../core/task.ts";
import type { RunStatus } from "../../protocol/views.ts";
import type { Theme } from "./theme.ts";

const numbers = new Intl.NumberFormat("en");
export function count(n: number): string {
  return numbers.format(n);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** `12s ago`, `3m ago`, `2h ago`, `5d ago`: one unit, as exact times are in `-o json`. */
export function ago(at: string, nowMs: number): string {
  const ms = nowMs - Date.parse(at);
  // Clocks of two machines differ by a little.
  if (ms < 1_000) return "now";
  if (ms < 60_000) return `${Math.floor(ms / 1_000)}s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}m ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)}h ago`;
  return `${Math.floor(ms / 86_400_000)}d ago`;
}

export function span(ms: number | null): string {
  return ms === null ? "" : formatMs(Math.max(0, ms));
}

/** From the start to the end, or to now. */
export function took(v: { createdAt: string; finishedAt: string | null }, nowMs: number): string {
  return span((v.finishedAt === null ? nowMs : Date.parse(v.finishedAt)) - Date.parse(v.createdAt));
}

/** `812 B`, `4.0 KiB`, `1.5 GiB`. */
export function size(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export function usd(microUsd: number): string {
  return `$${(microUsd / 1e6).toFixed(microUsd > 0 && microUsd < 10_000 ? 4 : 2)}`;
}

type State = RunStatus | TaskState;

/** Glyph and word, so that it reads without colours. */
export function stateText(state: State, theme: Theme): string {
  return `${glyphOf(state, theme)} ${state}`;
}

export function paintState(text: string, state: State, theme: Theme): string {
  return theme.paint(colorOf(state), text);
}

function glyphOf(state: State, { glyphs }: Theme): string {
  switch (state) {
    case "succeeded":
      return glyphs.ok;
    case "failed":
    case "quarantined":
      return glyphs.fail;
    case "partial":
    case "stopped":
      return glyphs.warn;
    case "running":
      return glyphs.run;
    default:
      return glyphs.off;
  }
}

function colorOf(state: State): "green" | "red" | "yellow" | "cyan" | "dim" {
  switch (state) {
    case "succeeded":
      return "green";
    case "failed":
    case "quarantined":
      return "red";
    case "partial":
    case "stopped":
      return "yellow";
    case "running":
      return "cyan";
    default:
      return "dim";
  }
}
