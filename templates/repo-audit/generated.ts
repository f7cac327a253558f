// Whole folders and built files that nobody wrote by hand, told by their neighbours.

import { baseOf, foldersAbove, parentOf } from "./path-index.ts";

/** Generators of API clients leave a file that says what they may overwrite. */
const generatorMarks = new Set([".openapi-generator-ignore", ".swagger-codegen-ignore"]);

const builtFolder = /^(lib|esm|cjs|es|umd|types|build|out|commonjs|module)$/;

function sourceCandidates(path: string): string[] {
  const stem = path.replace(/(\.d)?\.[cm]?[jt]s$/, "");
  const parts = stem.split("/");
  const folders: string[] = [stem];
  for (let at = 0; at < parts.length; at += 1) {
    if (parts[at] === "src") break;
    const before = parts
      .slice(0, at)
      .map((part) => `${part}/`)
      .join("");
    folders.push(`${before}src/${parts.slice(at).join("/")}`);
    if (builtFolder.test(parts[at] ?? "") && at + 1 < parts.length) folders.push(`${before}src/${parts.slice(at + 1).join("/")}`);
  }
  return folders;
}

/** A `.js` or `.d.ts` that lies beside, or mirrors, the TypeScript it was compiled from. */
function isCompiled(path: string, files: ReadonlySet<string>): boolean {
  if (!/(\.[cm]?js|\.d\.[cm]?ts)$/.test(path)) return false;
  const [own = "", ...mirrored] = sourceCandidates(path);
  const sources = (stem: string): boolean => [".ts", ".tsx", ".mts", ".cts"].some((ending) => files.has(stem + ending));
  if (sources(own)) return true;
  // A mirror alone may be chance; together with declarations or a source map it is not.
  const hasCompanion = /\.d\.[cm]?ts$/.test(path)
    ? files.has(`${own}.js`) || files.has(`${own}.cjs`) || files.has(`${own}.mjs`)
    : [".d.ts", ".d.cts", ".d.mts", ".js.map"].some((ending) => files.has(own + ending));
  return hasCompanion && mirrored.some(sources);
}

export function findGenerated(paths: readonly string[]): ReadonlySet<string> {
  const files = new Set(paths);
  const roots = new Set(
    paths
      .filter((path) => generatorMarks.has(baseOf(path)))
      .map(parentOf)
      .filter((root) => root !== ""),
  );
  return new Set(paths.filter((path) => isCompiled(path, files) || foldersAbove(path).some((folder) => roots.has(folder))));
}
