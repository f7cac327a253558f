import { FlotillaError } from "./error.ts";

/** What JSON gives back. Functions and symbols are refused, Date becomes string. */
export type Jsonify<T> = 0 extends 1 & T
  ? T
  : T extends { toJSON(): infer J }
    ? J
    : T extends string | number | boolean | null
      ? T
      : T extends bigint | symbol | ((...a: never[]) => unknown)
        ? never
        : T extends readonly unknown[]
          ? { [K in keyof T]: Jsonify<T[K]> }
          : T extends object
            ? { [K in keyof T]: Jsonify<T[K]> }
            : T;

const depthMax = 200;

/**
 * Checks that JSON keeps `value`: no function, symbol, bigint, NaN, Infinity, Map, Set, class without `toJSON`, cycle,
 * or `undefined` inside an array. Properties that are `undefined` are left out, as JSON does.
 * @returns the path and kind of the first value that JSON would change, or undefined.
 */
export function findNonJson(value: unknown, path = "", depth = 0): { path: string; why: string } | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { path, why: `${value} is not a JSON number` };
    case "undefined":
      return path === "" ? undefined : { path, why: "undefined inside an array becomes null" };
    case "object":
      break;
    default:
      return { path, why: `a ${typeof value} is not JSON` };
  }
  if (value === null) return undefined;
  if (depth > depthMax) return { path, why: `deeper than ${depthMax} levels, or a cycle` };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findNonJson(value[i], `${path}[${i}]`, depth + 1);
      if (found) return found;
    }
    return undefined;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    const json = (value as { toJSON(): unknown }).toJSON();
    return json === value ? undefined : findNonJson(json, path, depth + 1);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm has a prototype of its own, and nothing above it.
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    return { path, why: `a ${value.constructor.name} would lose what it holds` };
  }
  for (const key in value) {
    const field = (value as Record<string, unknown>)[key];
    if (field === undefined) continue;
    const found = findNonJson(field, path === "" ? key : `${path}.${key}`, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/**
 * `value` as JSON text; `undefined` becomes `null`, as a function that returns nothing gives.
 * @throws FLOTILLA_VALUE_NOT_JSON with the path of the first value that JSON would change.
 */
export function toJson(value: unknown, where: string): string {
  const found = findNonJson(value);
  if (found) throw new FlotillaError("FLOTILLA_VALUE_NOT_JSON", { path: found.path, why: found.why }, { where });
  return JSON.stringify(value) ?? "null";
}

/** JSON text with sorted keys: equal values give equal text (RFC 8785 order, for what JSON.parse gives back). */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const json = (value as { toJSON?: () => unknown }).toJSON;
  if (typeof json === "function") return canonicalJson(json.call(value));
  const record = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const key of Object.keys(record).toSorted()) {
    if (record[key] !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(record[key])}`);
  }
  return `{${parts.join(",")}}`;
}
