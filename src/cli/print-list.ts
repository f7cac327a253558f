import type { Context } from "./context.ts";
import { hint } from "./context.ts";
import type { Column } from "./text/table.ts";
import { renderMarkdown } from "./text/table.ts";

export interface List<T> {
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  /** What `-o json` prints: the rows with what a program needs beside them. */
  readonly whole: unknown;
  /** Said, on stderr, where there are no rows. */
  readonly empty: string;
}

/** Rows in the form that was asked for. */
export function printList<T>(c: Context, { rows, columns, whole, empty }: List<T>): void {
  switch (c.globals.output) {
    case "json":
      return c.out.json(whole);
    case "ndjson":
      return rows.forEach((row) => c.out.json(row));
    case "md":
      return rows.length === 0 ? hint(c, empty) : c.out.lines(renderMarkdown(columns, rows));
    case "table":
      return rows.length === 0 ? hint(c, empty) : c.out.table(columns, rows);
  }
}
