import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parseSync } from "oxc-parser";

export interface Import {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
  /** The file in src that it names, or null when it lies outside. */
  readonly to: string | null;
  /** Erased by the compiler: nothing is loaded. */
  readonly typeOnly: boolean;
  /** `import()` loads later, so neither start-up nor cycles see it. */
  readonly dynamic: boolean;
}

/** Every import of the product's code below `<base>/src`, tests left out. Paths are relative to `base`, with `/`. */
export function readImports(base: string): { files: string[]; imports: Import[] } {
  const files = globSync("src/**/*.ts", { cwd: base })
    .map((f) => f.replaceAll("\\", "/"))
    .filter((f) => !/\.(test|test-d|d)\.ts$/.test(f))
    .toSorted();
  return { files, imports: files.flatMap((file) => importsOf(base, file)) };
}

function importsOf(base: string, file: string): Import[] {
  const source = readFileSync(join(base, file), "utf8");
  const { module, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message ?? "does not parse"}`);

  const found: Import[] = [];
  const add = (at: number, specifier: string, typeOnly: boolean, dynamic: boolean): void => {
    const line = source.slice(0, at).split("\n").length;
    found.push({ from: file, line, specifier, to: resolve(base, file, specifier), typeOnly, dynamic });
  };
  for (const i of module.staticImports) {
    // Under verbatimModuleSyntax only `import type` is erased: `import { type A } from "x"` still loads x.
    const typeOnly = source.slice(i.start, i.end).startsWith("import type");
    add(i.start, i.moduleRequest.value, typeOnly, false);
  }
  for (const e of module.staticExports) {
    const request = e.entries.find((entry) => entry.moduleRequest)?.moduleRequest;
    // For `import { a } from "x"; export { a }` the parser gives the import statement a second time.
    if (request && source.startsWith("export", e.start))
      add(e.start, request.value, source.slice(e.start, e.end).startsWith("export type"), false);
  }
  for (const d of module.dynamicImports) {
    const literal = /^["'`]([^"'`$]+)["'`]$/.exec(source.slice(d.moduleRequest.start, d.moduleRequest.end));
    if (literal) add(d.start, literal[1] as string, false, true);
  }
  return found;
}

function resolve(base: string, file: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  const path = normalize(join(dirname(file), specifier)).replaceAll("\\", "/");
  return existsSync(join(base, path)) ? path : null;
}

/** What is loaded when `entry` is, by static value imports: each file or outside module with the way that leads there. */
export function loadedBy(entry: string, imports: readonly Import[]): Map<string, readonly string[]> {
  const byFile = Map.groupBy(
    imports.filter((i) => !i.typeOnly && !i.dynamic),
    (i) => i.from,
  );
  const way = new Map<string, readonly string[]>([[entry, [entry]]]);
  const queue = [entry];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const i of byFile.get(file) ?? []) {
      const next = i.to ?? i.specifier;
      if (way.has(next)) continue;
      way.set(next, [...(way.get(file) ?? []), next]);
      if (i.to) queue.push(next);
    }
  }
  return way;
}

/** Files that load each other in a ring, one ring per strongly connected part (Tarjan, 1972). */
export function cycles(files: readonly string[], imports: readonly Import[]): string[][] {
  const next = Map.groupBy(
    imports.filter((i) => !i.typeOnly && !i.dynamic && i.to !== null),
    (i) => i.from,
  );
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const found: string[][] = [];

  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    stack.push(file);
    onStack.add(file);
    for (const { to } of next.get(file) ?? []) {
      const target = to as string;
      if (!index.has(target)) {
        visit(target);
        low.set(file, Math.min(low.get(file) as number, low.get(target) as number));
      } else if (onStack.has(target)) {
        low.set(file, Math.min(low.get(file) as number, index.get(target) as number));
      }
    }
    if (low.get(file) !== index.get(file)) return;
    const part = stack.splice(stack.indexOf(file));
    for (const f of part) onStack.delete(f);
    if (part.length > 1 || next.get(file)?.some((i) => i.to === file)) found.push(part);
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}
