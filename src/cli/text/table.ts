// Tables by hand: two spaces between columns, no frames, so that they paste, grep and cut(1) well.
import { cut, oneLine, padEnd, padStart, widthOf } from "./width.ts";
import type { Theme } from "./theme.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  readonly align?: "left" | "right";
  /** May be cut, down to this many cells, when the table is too wide. @default never cut */
  readonly least?: number;
  /** May be left out when cutting was not enough; the highest goes first. @default never left out */
  readonly spare?: number;
  readonly style?: (text: string, row: T) => string;
}

const gap = "  ";

/** `columns` undefined: as wide as it gets, for pipes. */
export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  o: { columns: number | undefined; theme: Theme },
): string[] {
  // A column that says nothing in any row is noise.
  const table = columns.map((column) => measure(column, rows)).filter((c) => c.values.some((value) => value !== ""));
  const fitted = o.columns === undefined ? table : fit(table, o.columns);
  const header = fitted.map((c) => o.theme.paint("dim", align(c, c.column.title))).join(gap);
  const lines = rows.map((row, i) => fitted.map((c) => cell(c, row, i, o.theme)).join(gap));
  return [header, ...lines].map((line) => line.trimEnd());
}

/** The same as a table of Markdown, for an issue or a chat. */
export function renderMarkdown<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const table = columns.map((column) => measure(column, rows)).filter((c) => c.values.some((value) => value !== ""));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(table.map((c) => c.column.title)),
    line(table.map((c) => (c.column.align === "right" ? "---:" : "---"))),
    ...rows.map((_, i) => line(table.map((c) => (c.values[i] ?? "").replaceAll("|", "\\|")))),
  ];
}

interface Measured<T> {
  readonly column: Column<T>;
  readonly values: readonly string[];
  readonly width: number;
}

function measure<T>(column: Column<T>, rows: readonly T[]): Measured<T> {
  const values = rows.map((row) => oneLine(column.value(row)));
  return { column, values, width: values.reduce((most, value) => Math.max(most, widthOf(value)), column.title.length) };
}

function fit<T>(table: readonly Measured<T>[], room: number): readonly Measured<T>[] {
  const wanted = total(table) - room;
  if (wanted <= 0) return table;
  const cut = shrink(table, wanted);
  if (total(cut) <= room) return cut;
  const spare = table
    .filter((c) => c.column.spare !== undefined)
    .toSorted((a, b) => (b.column.spare ?? 0) - (a.column.spare ?? 0))[0];
  return spare === undefined
    ? cut
    : fit(
        table.filter((c) => c !== spare),
        room,
      );
}

/** Takes cells from the widest column that may give some, one by one: tables are small. */
function shrink<T>(table: readonly Measured<T>[], excess: number): readonly Measured<T>[] {
  const widths = table.map((c) => c.width);
  for (let left = excess; left > 0; left--) {
    const giving = table.map((_, i) => i).filter((i) => (widths[i] ?? 0) > (table[i]?.column.least ?? Infinity));
    const widest = giving.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return table.map((c, i) => ({ ...c, width: widths[i] ?? c.width }));
}

function total<T>(table: readonly Measured<T>[]): number {
  return table.reduce((sum, c) => sum + c.width, gap.length * Math.max(0, table.length - 1));
}

function cell<T>(c: Measured<T>, row: T, index: number, theme: Theme): string {
  const text = align(c, cut(c.values[index] ?? "", c.width, theme.glyphs.ellipsis));
  return c.column.style === undefined ? text : c.column.style(text, row);
}

function align<T>(c: Measured<T>, text: string): string {
  return c.column.align === "right" ? padStart(text, c.width) : padEnd(text, c.width);
}
