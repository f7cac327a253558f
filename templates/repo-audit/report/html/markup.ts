import { html } from "../text.ts";

/** HTML that is known to be safe: made by `markup`, never from a finding's text. */
export class Markup {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

type Piece = Markup | string | number | null | false | readonly Piece[];

/** Template for HTML: every value is escaped unless it is itself `Markup`, so forgetting to escape is not possible. */
export function markup(strings: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  let source = strings[0]!;
  values.forEach((value, i) => {
    source += toSource(value) + strings[i + 1]!;
  });
  return new Markup(source);
}

export const nothing = new Markup("");

function toSource(value: Piece): string {
  if (value instanceof Markup) return value.source;
  if (typeof value === "string") return html(value);
  if (typeof value === "number") return String(value);
  if (value === null || value === false) return "";
  let source = "";
  for (const piece of value) source += toSource(piece);
  return source;
}
