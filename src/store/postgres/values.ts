// How values travel to PostgreSQL and back: arrays as literals, int8 as numbers, and text that holds what it refuses.
import pg from "pg";

/** A whole column of a statement's rows, for `unnest`. */
export class Column {
  readonly literal: string;
  constructor(literal: string) {
    this.literal = literal;
  }
}

type Integer = number | null;

/** Column of a number type. */
export function ints(values: readonly Integer[]): Column {
  let text = "{";
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    text += i === 0 ? "" : ",";
    text += v === null || v === undefined ? "NULL" : v;
  }
  return new Column(`${text}}`);
}

const special = /["\\]/g;

/** Column of text. */
export function texts(values: readonly (string | null)[]): Column {
  let text = "{";
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    text += i === 0 ? "" : ",";
    text += v === null || v === undefined ? "NULL" : `"${encodeText(v).replace(special, "\\$&")}"`;
  }
  return new Column(`${text}}`);
}

// PostgreSQL's text holds every character but U+0000. JSON escapes that one by itself; keys, names and reasons may have it.
// U+FFFF is no character and stands in nobody's text; if it does, it is written as two as well.
const mark = "\uFFFF";

export function encodeText(text: string): string {
  // Nearly always neither: two looks at the text, no copy.
  if (!text.includes("\0") && !text.includes(mark)) return text;
  return text.replaceAll(mark, `${mark}1`).replaceAll("\0", `${mark}0`);
}

export function decodeText(text: string): string {
  if (!text.includes(mark)) return text;
  return text.replaceAll(`${mark}0`, "\0").replaceAll(`${mark}1`, mark);
}

/** A parameter as the driver takes it. */
export function parameter(value: unknown): unknown {
  if (typeof value === "string") return encodeText(value);
  if (value instanceof Column) return value.literal;
  if (Array.isArray(value))
    return (value.some((v) => typeof v === "string") ? texts(value as string[]) : ints(value as number[])).literal;
  return value;
}

// Types by their numbers in pg_type, which never change.
const int8 = 20;
const text = 25;
const int8Array = 1016;
const textArray = 1009;

/** Ours lie below 2^53. */
const toNumber = (v: string): number => Number(v);

type Parser = (v: string) => unknown;

/** As pg has it; its types know the numbers of some types only. */
const ofPg = pg.types.getTypeParser as (oid: number, format?: "text" | "binary") => Parser;

const parsers = new Map<number, Parser>([
  [int8, toNumber],
  [text, decodeText],
]);
for (const [array, of] of [
  [int8Array, toNumber],
  [textArray, decodeText],
] as const) {
  const parse = ofPg(array);
  parsers.set(array, (v) => (parse(v) as (string | null)[]).map((x) => (x === null ? null : of(x))));
}

/** For `types` of a connection: nothing of the process's other connections changes. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: "text" | "binary" = "text"): Parser =>
    (format === "binary" ? undefined : parsers.get(oid)) ?? ofPg(oid, format)) as pg.CustomTypesConfig["getTypeParser"],
};
