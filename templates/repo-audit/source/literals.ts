import { Visitor } from "oxc-parser";
import { parseSource } from "./parse.ts";

/** The values of all string literals of a script; none when it cannot be parsed. */
export function stringLiterals(path: string, text: string): string[] {
  const values: string[] = [];
  try {
    const { program } = parseSource(path, text);
    new Visitor({
      Literal: (node) => {
        if (typeof node.value === "string") values.push(node.value);
      },
      TemplateElement: (node) => {
        values.push(node.value.cooked ?? node.value.raw);
      },
    }).visit(program);
  } catch {
    return [];
  }
  return values;
}
