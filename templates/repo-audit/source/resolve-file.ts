import { joinPath, type PathIndex } from "../path-index.ts";

const extensions = [
  ".ts",
  ".tsx",
  ".mts",
  ".cts",
  ".js",
  ".jsx",
  ".mjs",
  ".cjs",
  ".d.ts",
  ".d.mts",
  ".d.cts",
  ".json",
  ".vue",
  ".svelte",
  ".astro",
  ".node",
];

/** What TypeScript lets an import of built output stand for. */
const builtFrom: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\.js$/, [".ts", ".tsx", ".d.ts"]],
  [/\.jsx$/, [".tsx"]],
  [/\.mjs$/, [".mts", ".d.mts"]],
  [/\.cjs$/, [".cts", ".d.cts"]],
];

/** The file that an import of `path` (relative to the root) means, by the rules of Node, bundlers and TypeScript together. */
export function resolveFile(path: string, paths: PathIndex): string | null {
  if (path !== "" && paths.hasFile(path)) return path;
  for (const [ending, sources] of builtFrom) {
    if (!ending.test(path)) continue;
    for (const source of sources) {
      const candidate = path.replace(ending, source);
      if (paths.hasFile(candidate)) return candidate;
    }
  }
  for (const extension of extensions) if (paths.hasFile(path + extension)) return path + extension;
  for (const extension of extensions) {
    const candidate = joinPath(path, `index${extension}`);
    if (paths.hasFile(candidate)) return candidate;
  }
  return null;
}
