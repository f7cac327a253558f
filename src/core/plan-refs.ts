// References in a plan's inputs: `{ "$node": "files", "path": "items[0].name" }`. `$node` is reserved: an input that holds
// an object with that property cannot be written as a literal.

export interface RefAt {
  /** Where it stands, such as `input.parts[0]`. */
  readonly at: string;
  readonly ref: { readonly $node: string; readonly path?: string };
}

export type Segment = string | number;

const identifier = /^[^.[\]"\s]+$/;

/** `base` with one more step, as people read it: `input.files[0]["a.b"]`. */
export function joinPath(base: string, segment: Segment): string {
  if (typeof segment === "number") return `${base}[${segment}]`;
  if (!identifier.test(segment)) return `${base}[${JSON.stringify(segment)}]`;
  return base === "" ? segment : `${base}.${segment}`;
}

export function pathText(segments: readonly Segment[]): string {
  return segments.reduce<string>(joinPath, "");
}

const step = /^(?:\.?([^.[\]"\s]+)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\])/;

/** `items[0].name` in steps; undefined when it is not a path. */
export function parsePath(path: string): readonly Segment[] | undefined {
  const segments: Segment[] = [];
  if (path.startsWith(".")) return undefined;
  for (let rest = path; rest !== "";) {
    const match = step.exec(rest);
    if (!match) return undefined;
    const [whole, name, index, quoted] = match;
    if (name !== undefined) {
      if (segments.length > 0 && !whole.startsWith(".")) return undefined;
      segments.push(name);
    } else if (index !== undefined) segments.push(Number(index));
    else {
      try {
        segments.push(JSON.parse(quoted as string) as string);
      } catch {
        return undefined;
      }
    }
    rest = rest.slice(whole.length);
  }
  return segments;
}

/** Anything that means to be a reference, well formed or not. */
export function looksLikeRef(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, "$node");
}

/** Why it is no reference, or undefined. */
export function refProblem(value: Record<string, unknown>): string | undefined {
  if (typeof value["$node"] !== "string") return "$node is not the id of a node";
  const stray = Object.keys(value).find((key) => key !== "$node" && key !== "path");
  if (stray !== undefined) return `a reference has "$node" and "path" and no ${JSON.stringify(stray)}`;
  if (value["path"] === undefined) return undefined;
  if (typeof value["path"] !== "string" || !parsePath(value["path"]))
    return `${JSON.stringify(value["path"])} is not a path such as "items[0].name"`;
  return undefined;
}

/** Every reference in `value`, well formed or not, in the order in which they stand. */
export function refsIn(value: unknown, at: string): RefAt[] {
  const found: RefAt[] = [];
  const look = (v: unknown, where: string): void => {
    if (looksLikeRef(v)) found.push({ at: where, ref: v as unknown as RefAt["ref"] });
    else if (Array.isArray(v)) v.forEach((item, i) => look(item, joinPath(where, i)));
    else if (typeof v === "object" && v !== null) for (const [key, field] of Object.entries(v)) look(field, joinPath(where, key));
  };
  look(value, at);
  return found;
}

export type Resolved =
  | { readonly value: unknown }
  | { readonly missing: { readonly at: string; readonly node: string; readonly part: string } };

/** `value` with what the nodes gave in the place of their references. */
export function resolveRefs(value: unknown, at: string, given: (node: string) => unknown): Resolved {
  let missing: { at: string; node: string; part: string } | undefined;
  const resolve = (v: unknown, where: string): unknown => {
    if (looksLikeRef(v)) {
      const ref = v as unknown as RefAt["ref"];
      const part = partOf(given(ref.$node), parsePath(ref.path ?? "") ?? []);
      if (!part) missing ??= { at: where, node: ref.$node, part: ref.path ?? "" };
      return part?.value;
    }
    if (Array.isArray(v)) return v.map((item, i) => resolve(item, joinPath(where, i)));
    if (typeof v !== "object" || v === null) return v;
    return Object.fromEntries(Object.entries(v).map(([key, field]) => [key, resolve(field, joinPath(where, key))]));
  };
  const resolved = resolve(value, at);
  return missing ? { missing } : { value: resolved };
}

function partOf(value: unknown, segments: readonly Segment[]): { readonly value: unknown } | undefined {
  let part = value;
  for (const segment of segments) {
    if (typeof part !== "object" || part === null || !Object.hasOwn(part, segment)) return undefined;
    // `length` of a list is no part of its JSON.
    if (Array.isArray(part) && !/^\d+$/.test(String(segment))) return undefined;
    part = (part as Record<Segment, unknown>)[segment];
  }
  return { value: part };
}
