import type { Context } from "./context.ts";
import { plural } from "./text/format.ts";
import { printable } from "./text/width.ts";

/** Lines that a terminal shows of an output: the summary below must stay in sight. A pipe gets all of them. */
const linesMax = 40;

/** A value as data: text as it is, all else as JSON. */
export function printValue({ out }: Context, value: unknown): void {
  const lines = (typeof value === "string" ? value : JSON.stringify(value, null, 2)).split("\n");
  const shown = out.isTTY ? lines.slice(0, linesMax) : lines;
  out.lines(out.isTTY ? shown.map(printable) : shown);
  if (shown.length < lines.length)
    out.line(out.theme.paint("dim", `and ${plural(lines.length - shown.length, "more line")}; whole: -o json`));
}
