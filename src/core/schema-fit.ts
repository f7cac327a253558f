// What JSON Schemas say before there is a value: whether a literal with holes fits, and whether what one schema describes
// can ever fit another. It speaks only when it is sure: what it does not understand fits. The schema itself has the last
// word when the value is there.
import { canonicalJson } from "./json.ts";
import { joinPath, looksLikeRef, type Segment } from "./plan-refs.ts";

/** A place in a schema: `root` is where its `#/...` references lead. */
export interface Place {
  readonly schema: unknown;
  readonly root: unknown;
}

export interface Misfit {
  readonly path: string;
  readonly why: string;
}

const depthMax = 32;
const anything: Place = { schema: {}, root: {} };

export function placeOf(schema: unknown): Place {
  return schema === null || schema === undefined ? anything : { schema, root: schema };
}

/** A list of what `item` describes. */
export function listOf(item: Place): Place {
  return { schema: { type: "array", items: item.schema }, root: item.root };
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Follows `$ref`. What lies outside of the document is anything. */
function read({ schema, root }: Place): { fields: Fields; never: boolean } {
  let at = schema;
  for (let hops = 0; isFields(at) && typeof at["$ref"] === "string"; hops++) {
    if (hops > depthMax) return { fields: {}, never: false };
    at = pointed(root, at["$ref"]);
  }
  return { fields: isFields(at) ? at : {}, never: at === false };
}

function pointed(root: unknown, ref: string): unknown {
  if (!ref.startsWith("#")) return {};
  let at = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return {};
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function choices(fields: Fields, root: unknown): Place[] | undefined {
  const list = fields["anyOf"] ?? fields["oneOf"];
  return Array.isArray(list) && list.length > 0 ? list.map((schema: unknown) => ({ schema, root })) : undefined;
}

function parts(fields: Fields, root: unknown): Place[] {
  const list = fields["allOf"];
  return Array.isArray(list) ? list.map((schema: unknown) => ({ schema, root })) : [];
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function allowed(fields: Fields): readonly unknown[] | undefined {
  if ("const" in fields) return [fields["const"]];
  return Array.isArray(fields["enum"]) ? (fields["enum"] as unknown[]) : undefined;
}

/** Kinds of value that a schema takes; undefined: it does not say. A whole number is a number here. */
function kindsOf(fields: Fields): ReadonlySet<string> | undefined {
  const { type } = fields;
  const named = typeof type === "string" ? [type] : Array.isArray(type) ? (type as string[]) : undefined;
  const kinds = named ?? allowed(fields)?.map(kindOf);
  return kinds && new Set(kinds.map((kind) => (kind === "integer" ? "number" : kind)));
}

/** "absent": a closed object has no such property. */
function propertyOf(fields: Fields, name: string, root: unknown): Place | "absent" {
  const properties = isFields(fields["properties"]) ? fields["properties"] : {};
  if (Object.hasOwn(properties, name)) return { schema: properties[name], root };
  if ("patternProperties" in fields) return anything;
  const rest = fields["additionalProperties"];
  return rest === false ? "absent" : rest === undefined ? anything : { schema: rest, root };
}

function itemOf(fields: Fields, index: number | undefined, root: unknown): Place | "absent" {
  const prefix = Array.isArray(fields["prefixItems"]) ? (fields["prefixItems"] as unknown[]) : [];
  if (prefix.length > 0 && index === undefined) return anything;
  if (index !== undefined && index < prefix.length) return { schema: prefix[index], root };
  const { items } = fields;
  return items === false ? "absent" : items === undefined ? anything : { schema: items, root };
}

// ---------- a part of a result

/** What `segments` lead to in what `place` describes, or why they lead nowhere. */
export function partAt(place: Place, segments: readonly Segment[]): Place | string {
  const [segment, ...rest] = segments;
  if (segment === undefined) return place;
  const { fields } = read(place);
  const several = choices(fields, place.root);
  if (several) {
    const found = several.map((choice) => partAt(choice, segments));
    const there = found.filter((f) => typeof f !== "string");
    if (there.length === 0) return found[0] as string;
    // Which one it will be is not known: any of them.
    return there.length === 1 ? (there[0] as Place) : anything;
  }
  const kinds = kindsOf(fields);
  if (kinds && !kinds.has("object") && !kinds.has("array")) return `it is ${words(kinds)} and has no ${JSON.stringify(segment)}`;
  const isIndex = /^\d+$/.test(String(segment));
  if (kinds && !kinds.has("object")) {
    if (!isIndex) return `it is a list and has no ${JSON.stringify(segment)}; write an index, such as [0]`;
    const item = itemOf(fields, Number(segment), place.root);
    return item === "absent" ? `the list has no item ${segment}` : partAt(item, rest);
  }
  if (!kinds || kinds.has("array")) return anything;
  const property = propertyOf(fields, String(segment), place.root);
  if (property !== "absent") return partAt(property, rest);
  const names = isFields(fields["properties"]) ? Object.keys(fields["properties"]) : [];
  return `it has no ${JSON.stringify(segment)}${names.length > 0 ? `, only ${names.slice(0, 12).join(", ")}` : ""}`;
}

// ---------- one schema against another

/** Why nothing that `from` describes fits `to`; undefined when something may. */
export function clash(from: Place, to: Place, depth = 0): string | undefined {
  if (depth > depthMax) return undefined;
  const given = read(from);
  const wanted = read(to);
  if (wanted.never) return "nothing is allowed there";
  const every = (places: readonly Place[], test: (place: Place) => string | undefined): string | undefined => {
    const whys = places.map(test);
    return whys.every((why) => why !== undefined) ? whys[0] : undefined;
  };
  const fromChoices = choices(given.fields, from.root);
  if (fromChoices) return every(fromChoices, (choice) => clash(choice, to, depth + 1));
  const toChoices = choices(wanted.fields, to.root);
  if (toChoices) return every(toChoices, (choice) => clash(from, choice, depth + 1));
  for (const part of parts(wanted.fields, to.root)) {
    const why = clash(from, part, depth + 1);
    if (why !== undefined) return why;
  }
  return clashOfKinds(given.fields, wanted.fields) ?? clashInside(from, given.fields, to, wanted.fields, depth);
}

function clashOfKinds(given: Fields, wanted: Fields): string | undefined {
  const from = kindsOf(given);
  const to = kindsOf(wanted);
  if (from && to && !meet(from, to)) return `it gives ${words(from)}, and ${words(to)} is wanted`;
  const fromValues = allowed(given)?.map(canonicalJson);
  const toValues = allowed(wanted)?.map(canonicalJson);
  if (fromValues && toValues && !meet(new Set(fromValues), new Set(toValues)))
    return `it gives ${fromValues.join(" or ")}, and ${toValues.join(" or ")} is wanted`;
  return undefined;
}

function clashInside(from: Place, given: Fields, to: Place, wanted: Fields, depth: number): string | undefined {
  const kinds = kindsOf(given);
  const only = (kind: string): boolean => kinds?.size === 1 && kinds.has(kind) && (kindsOf(wanted)?.has(kind) ?? true);
  if (only("object")) {
    for (const name of namesIn(wanted["required"])) {
      const has = propertyOf(given, name, from.root);
      if (has === "absent") return `it gives no ${JSON.stringify(name)}`;
      const needs = propertyOf(wanted, name, to.root);
      const why = needs === "absent" ? undefined : clash(has, needs, depth + 1);
      if (why !== undefined) return `at ${JSON.stringify(name)} ${why}`;
    }
  }
  if (only("array")) {
    const has = itemOf(given, undefined, from.root);
    const needs = itemOf(wanted, undefined, to.root);
    if (has === "absent" || needs === "absent") return undefined;
    const why = clash(has, needs, depth + 1);
    return why === undefined ? undefined : `in its items ${why}`;
  }
  return undefined;
}

function namesIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((name) => typeof name === "string") : [];
}

function meet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const one of a) if (b.has(one)) return true;
  return false;
}

const named: Readonly<Record<string, string>> = {
  array: "a list",
  object: "an object",
  string: "a string",
  number: "a number",
  boolean: "true or false",
  null: "null",
};
function words(kinds: ReadonlySet<string>): string {
  return [...kinds].map((kind) => named[kind] ?? kind).join(" or ");
}

// ---------- a literal with references in it

/** @param typeOf what a reference will give; undefined when nothing is known of it. */
export function misfits(value: unknown, place: Place, path: string, typeOf: (ref: Fields) => Place | undefined): Misfit[] {
  return fit(value, place, path, typeOf, 0);
}

function fit(value: unknown, place: Place, path: string, typeOf: (ref: Fields) => Place | undefined, depth: number): Misfit[] {
  if (depth > depthMax * 8) return [];
  if (looksLikeRef(value)) {
    const from = typeOf(value);
    const why = from && clash(from, place);
    return why === undefined ? [] : [{ path, why }];
  }
  const { fields, never } = read(place);
  if (never) return [{ path, why: "nothing is allowed there" }];
  const several = choices(fields, place.root);
  if (several) {
    // Of several that do not fit, the nearest one says what to mend.
    const tries = several.map((choice) => fit(value, choice, path, typeOf, depth + 1));
    return tries.reduce((best, one) => (one.length < best.length ? one : best));
  }
  const kinds = kindsOf(fields);
  const kind = kindOf(value);
  if (kinds && !kinds.has(kind)) return [{ path, why: `${words(kinds)} is wanted, not ${words(new Set([kind]))}` }];
  const found = [
    ...parts(fields, place.root).flatMap((part) => fit(value, part, path, typeOf, depth + 1)),
    ...fitValue(value, fields, path),
  ];
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      const at = itemOf(fields, i, place.root);
      if (at === "absent") found.push({ path: joinPath(path, i), why: "the list is too long" });
      else found.push(...fit(item, at, joinPath(path, i), typeOf, depth + 1));
    });
  } else if (isFields(value)) {
    for (const name of namesIn(fields["required"]))
      if (!Object.hasOwn(value, name)) found.push({ path: joinPath(path, name), why: "it is missing" });
    for (const [name, field] of Object.entries(value)) {
      const at = propertyOf(fields, name, place.root);
      if (at === "absent") found.push({ path: joinPath(path, name), why: "there is no such property" });
      else found.push(...fit(field, at, joinPath(path, name), typeOf, depth + 1));
    }
  }
  return found;
}

/** Bounds of a single value. A pattern or a format is left to the schema itself: their dialects differ. */
function fitValue(value: unknown, fields: Fields, path: string): Misfit[] {
  const why: string[] = [];
  const values = hasRef(value) ? undefined : allowed(fields);
  if (values && !values.some((v) => canonicalJson(v) === canonicalJson(value)))
    why.push(`one of ${values.map(canonicalJson).join(", ")} is wanted`);
  const bound = (key: string): number | undefined => (typeof fields[key] === "number" ? fields[key] : undefined);
  if (typeof value === "number") {
    if (fields["type"] === "integer" && !Number.isInteger(value)) why.push("a whole number is wanted");
    if (value < (bound("minimum") ?? -Infinity)) why.push(`at least ${bound("minimum")} is wanted`);
    if (value > (bound("maximum") ?? Infinity)) why.push(`at most ${bound("maximum")} is wanted`);
    if (value <= (bound("exclusiveMinimum") ?? -Infinity)) why.push(`more than ${bound("exclusiveMinimum")} is wanted`);
    if (value >= (bound("exclusiveMaximum") ?? Infinity)) why.push(`less than ${bound("exclusiveMaximum")} is wanted`);
  }
  if (typeof value === "string" || Array.isArray(value)) {
    const [unit, words] = Array.isArray(value) ? ["Items", "items"] : ["Length", "characters"];
    // JSON Schema counts characters, many libraries UTF-16 units: in doubt it fits.
    const most = Array.from<unknown>(value).length;
    if (value.length < (bound(`min${unit}`) ?? 0)) why.push(`at least ${bound(`min${unit}`)} ${words} are wanted`);
    if (most > (bound(`max${unit}`) ?? Infinity)) why.push(`at most ${bound(`max${unit}`)} ${words} are wanted`);
  }
  return why.map((text) => ({ path, why: text }));
}

function hasRef(value: unknown): boolean {
  if (looksLikeRef(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasRef);
}
