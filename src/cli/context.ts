// What every command gets: the process, the options that all commands share, and the ways to print.
import { errorJson } from "../core/error.ts";
import type { Io, Output } from "./io.ts";
import { renderThrown } from "./text/error.ts";
import { createScreen } from "./text/screen.ts";
import { renderTable } from "./text/table.ts";
import type { Column } from "./text/table.ts";
import { createTheme } from "./text/theme.ts";
import type { Theme } from "./text/theme.ts";
import { UsageError } from "./usage-error.ts";

export const outputFormats = ["table", "json", "ndjson", "md"] as const;
export type OutputFormat = (typeof outputFormats)[number];

export interface Globals {
  readonly store: string | undefined;
  /** A fleet elsewhere, and the token for it. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly config: string | undefined;
  readonly output: OutputFormat;
  readonly color: boolean;
  readonly quiet: boolean;
}

export interface Context {
  readonly io: Io;
  readonly globals: Globals;
  /** A program reads: one thing is one JSON object, as `-o json` and as `-o ndjson`. */
  readonly asJson: boolean;
  readonly out: Printer;
  /** Progress, hints and errors: never data. */
  readonly err: Printer;
}

export interface Printer {
  readonly theme: Theme;
  /** Cells to fit into; undefined for a pipe or a file, where nothing is cut. */
  readonly columns: number | undefined;
  readonly isTTY: boolean;
  line(text?: string): void;
  lines(lines: readonly string[]): void;
  json(value: unknown): void;
  table<T>(columns: readonly Column<T>[], rows: readonly T[]): void;
  /** Data as it is, without a line end of its own. */
  raw(text: string): void;
  /** Lines that stay at the end of a terminal and are drawn over each other; none takes them away. */
  draw(lines: readonly string[]): void;
}

export function createContext(io: Io, globals: Globals): Context {
  const asJson = globals.output === "json" || globals.output === "ndjson";
  return { io, globals, asJson, out: createPrinter(io.stdout, io, globals), err: createPrinter(io.stderr, io, globals) };
}

function createPrinter(output: Output, io: Io, { color, output: format }: Globals): Printer {
  const theme = createTheme({ output, env: io.env, color });
  const screen = createScreen(output);
  const lines = (all: readonly string[]): void => {
    if (all.length > 0) screen.above(`${all.join("\n")}\n`);
  };
  return {
    theme,
    get columns() {
      return output.isTTY ? output.columns : undefined;
    },
    isTTY: output.isTTY,
    line: (text = "") => screen.above(`${text}\n`),
    lines,
    json: (value) => screen.above(`${JSON.stringify(value, null, output.isTTY && format === "json" ? 2 : undefined)}\n`),
    table(columns, rows) {
      lines(renderTable(columns, rows, { columns: this.columns, theme }));
    },
    raw: (text) => screen.above(text),
    draw: (all) => screen.draw(all),
  };
}

/** A hint under a table: for people, so on stderr and only when they look. */
export function hint(c: Context, text: string): void {
  if (!c.globals.quiet && !c.asJson) c.err.line(c.err.theme.paint("dim", text));
}

/** With `-o json` and `-o ndjson` an error is one JSON object on stderr, so that a script reads both streams alike. */
export function printThrown(c: Context, thrown: unknown): void {
  if (c.asJson) return c.err.json({ error: thrown instanceof UsageError ? thrown.toJSON() : errorJson(thrown) });
  c.err.lines(renderThrown(thrown, { theme: c.err.theme, columns: c.err.columns }));
}
