import { widthOf, padEnd, wrap } from "./width.ts";
import type { Theme } from "./theme.ts";

/** Label and value, the values below each other. Values that are empty are left out; long ones wrap. */
export function renderFields(
  fields: readonly (readonly [label: string, value: string])[],
  o: { columns: number | undefined; theme: Theme; indent?: number },
): string[] {
  const shown = fields.filter(([, value]) => value !== "");
  const label = shown.reduce((most, [text]) => Math.max(most, widthOf(text)), 0) + 2;
  const indent = " ".repeat(o.indent ?? 0);
  const room = o.columns === undefined ? Infinity : Math.max(20, o.columns - label - indent.length);
  return shown.flatMap(([text, value]) =>
    wrap(value, room).map((line, i) =>
      `${indent}${i === 0 ? o.theme.paint("dim", padEnd(text, label)) : " ".repeat(label)}${line}`.trimEnd(),
    ),
  );
}
