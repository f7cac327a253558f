// What a partial run did without, for people.
import type { GapNote } from "../protocol/gaps.ts";
import type { RunView } from "../protocol/views.ts";
import type { Printer } from "./context.ts";
import { shortId } from "./short-id.ts";
import { briefError } from "./text/error.ts";
import { count, plural } from "./text/format.ts";
import { renderTable } from "./text/table.ts";
import type { Column } from "./text/table.ts";
import { oneLine } from "./text/width.ts";

/** Rows of `runs get`; `-o json` has all that are named. */
const rowsMax = 20;
/** Lines under a run that has just ended. */
const briefMax = 3;

const columns: readonly Column<GapNote>[] = [
  { title: "GAP", value: (g) => (g.task === "" ? "" : shortId(g.task)) },
  { title: "KEY", value: (g) => g.key ?? "", least: 8, spare: 1 },
  { title: "OUTCOME", value: (g) => g.status },
  { title: "WHY", value: whyOf, least: 16 },
];

/** As a table below a run's facts; nothing when there is none. */
export function gapLines({ gaps }: RunView, out: Printer): string[] {
  if (gaps.total === 0) return [];
  const shown = gaps.named.slice(0, rowsMax);
  const room = out.columns === undefined ? undefined : out.columns - 2;
  const more =
    gaps.total > shown.length ? [`showing ${count(shown.length)} of ${plural(gaps.total, "gap")}; the rest: -o json`] : [];
  return [
    "",
    ...renderTable(columns, shown, { theme: out.theme, columns: room }),
    ...more.map((t) => out.theme.paint("dim", t)),
  ].map((line) => (line === "" ? line : `  ${line}`));
}

/** A few of them in a line each. */
export function briefGaps(run: RunView, { theme: { paint, glyphs } }: Printer): string[] {
  const { total, named } = run.gaps;
  const shown = named.slice(0, briefMax);
  const lines = shown.map((g) => `gap ${oneLine(g.key ?? (g.task === "" ? "" : shortId(g.task)))}: ${whyOf(g) || g.status}`);
  const left = total - shown.length;
  return [
    ...lines,
    ...(left > 0 ? [`and ${plural(left, "more gap", "more gaps")}: flotilla runs get ${shortId(run.id)}`] : []),
  ].map((line) => paint("yellow", `  ${glyphs.warn} ${line}`));
}

function whyOf({ error, status }: GapNote): string {
  return error === undefined ? (status === "partial" ? "it has gaps itself" : "") : briefError(error);
}
