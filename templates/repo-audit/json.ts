// JSON from files that anybody may have written: everything is unknown until looked at.

import { parseSource } from "./source/parse.ts";

export type JsonRecord = Readonly<Record<string, unknown>>;

export function asRecord(value: unknown): JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord) : {};
}

export function asString(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Names and values of those entries that are strings. */
export function stringEntries(value: unknown): readonly (readonly [string, string])[] {
  return Object.entries(asRecord(value)).flatMap(([key, entry]) => (typeof entry === "string" ? [[key, entry] as const] : []));
}

/** All strings inside a value, however deep. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

function valueOf(node: Node): unknown {
  switch (node.type) {
    case "Literal":
      return node["value"];
    case "ParenthesizedExpression":
      return valueOf(node["expression"] as Node);
    case "ArrayExpression":
      return (node["elements"] as readonly (Node | null)[]).map((element) => (element === null ? null : valueOf(element)));
    case "ObjectExpression":
      return Object.fromEntries(
        (node["properties"] as readonly Node[]).flatMap((property) => {
          const key = property["key"] as Node | undefined;
          const name = key?.["value"] ?? key?.["name"];
          return typeof name === "string" ? [[name, valueOf(property["value"] as Node)]] : [];
        }),
      );
    default:
      return undefined;
  }
}

/** JSON with comments and trailing commas, as tsconfig files have it: read as the JavaScript literal that it is. */
export function parseJsonc(text: string): unknown {
  const strict = parseJson(text);
  if (strict !== undefined) return strict;
  try {
    const [statement] = parseSource("config.js", `(${text})`).program.body as readonly unknown[] as readonly Node[];
    return statement?.type === "ExpressionStatement" ? valueOf(statement["expression"] as Node) : undefined;
  } catch {
    return undefined;
  }
}
