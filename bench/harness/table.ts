import type { Line } from "./bench.ts";

const widths = [18, 13, 10, 8, 21, 10, 7, 5];

export function header(): string {
  return cells(["bench", "case", "median", "unit", "min - max", "limit", "of it", "n"]);
}

/** The figure, its spread, and the share of the machine's own limit that it reaches. */
export function row(l: Line): string {
  const share = l.ratio === null ? "" : `${Math.round(l.ratio * 100)}%`;
  const limit = l.limit === null ? "" : short(l.limit);
  return cells([l.bench, l.case, short(l.value), l.unit, `${short(l.min)} - ${short(l.max)}`, limit, share, String(l.n)]);
}

function cells(texts: readonly string[]): string {
  return texts
    .map((t, i) => (i < 2 || i === 3 ? t.padEnd(widths[i] as number) : t.padStart(widths[i] as number)))
    .join(" ")
    .trimEnd();
}

/** Three figures that matter. */
export function short(n: number): string {
  if (n >= 1_000) return Math.round(n).toLocaleString("en");
  return n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n >= 1 ? n.toFixed(2) : n.toFixed(3);
}
