// The npm packages that a repository consists of: its package.json files, what they declare and where they begin.

import { baseOf, foldersAbove, joinPath, normalise, parentOf, type PathIndex } from "./path-index.ts";
import { isExamplePath, isFixturePath, isVendoredPath } from "./classify.ts";
import { vendoredPaths } from "./inventory.ts";
import { asRecord, asString, type JsonRecord, parseJson, stringEntries, stringsIn } from "./json.ts";
import type { Repository } from "./repository.ts";
import { resolveFile } from "./source/resolve-file.ts";

export const dependencyFields = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"] as const;
export type DependencyField = (typeof dependencyFields)[number];

export interface Package {
  /** Path of its package.json. */
  readonly manifest: string;
  readonly folder: string;
  readonly name: string;
  readonly private: boolean;
  readonly json: JsonRecord;
  readonly text: string;
  readonly declared: Readonly<Record<DependencyField, ReadonlyMap<string, string>>>;
}

function readPackage(manifest: string, text: string): Package | null {
  const json = parseJson(text);
  if (typeof json !== "object" || json === null) return null;
  const fields = asRecord(json);
  const of = (field: DependencyField): ReadonlyMap<string, string> => new Map(stringEntries(fields[field]));
  return {
    manifest,
    folder: parentOf(manifest),
    name: asString(fields["name"]) ?? "",
    private: fields["private"] === true,
    json: fields,
    text,
    declared: {
      dependencies: of("dependencies"),
      devDependencies: of("devDependencies"),
      peerDependencies: of("peerDependencies"),
      optionalDependencies: of("optionalDependencies"),
    },
  };
}

/** Every package of the repository, outermost first; vendored ones left out. */
export function readPackages(repo: Repository): Promise<readonly Package[]> {
  return repo.once("packages", async () => {
    const paths = await repo.paths();
    const vendored = await vendoredPaths(repo);
    const manifests = paths.files.filter((path) => baseOf(path) === "package.json" && !vendored.has(path));
    const found: Package[] = [];
    for (const manifest of manifests) {
      const read = readPackage(manifest, (await repo.textOrNull(manifest)) ?? "");
      if (read !== null) found.push(read);
    }
    return found.sort((a, b) => a.folder.length - b.folder.length || (a.folder < b.folder ? -1 : 1));
  });
}

/** The package that a file belongs to: the nearest package.json above it. */
export function packageOf(packages: readonly Package[], path: string): Package | null {
  const byFolder = new Map(packages.map((candidate) => [candidate.folder, candidate]));
  for (const folder of foldersAbove(path)) {
    const found = byFolder.get(folder);
    if (found !== undefined) return found;
  }
  return null;
}

export function declares(pack: Package, name: string): boolean {
  return dependencyFields.some((field) => pack.declared[field].has(name));
}

/** The package that brings the types of another. */
export function typesOf(name: string): string {
  return `@types/${name.startsWith("@") ? name.slice(1).replace("/", "__") : name}`;
}

/** A package that others install: it has a name and an entry and is not held back as private. */
export function isPublished(pack: Package): boolean {
  const hasEntry = ["exports", "main", "module", "types", "typings"].some((field) => pack.json[field] !== undefined);
  return !pack.private && pack.name !== "" && hasEntry && !isExamplePath(pack.manifest) && !isFixturePath(pack.manifest);
}

const builtFolders =
  /^(dist|lib|build|out|esm|cjs|es|umd|output|target|compiled)(\/(esm|cjs|es|mjs|types|src|node|browser|lib|module|commonjs|import|require))*\//;

/** Source files that a published path such as `./dist/index.js` was probably built from. */
export function sourcesOf(published: string, folder: string, paths: PathIndex): string[] {
  const path = normalise(published);
  // A pattern such as `./dist/*` opens everything: it says where files are, not what is offered.
  if (path === null || path === "" || path.includes("*") || baseOf(path) === "package.json") return [];
  const inSource = builtFolders.test(path) ? [path.replace(builtFolders, "src/"), path.replace(builtFolders, "")] : [];
  for (const candidate of [path, ...inSource]) {
    const full = joinPath(folder, candidate);
    const bare = full.replace(/(\.d)?\.[cm]?[jt]sx?$/, "");
    const found = resolveFile(bare, paths) ?? (isVendoredPath(full) ? null : resolveFile(full, paths));
    if (found !== null && !isVendoredPath(found)) return [found];
  }
  return [];
}

/** The modules through which users enter a package; empty when the manifest's paths lead to no source. */
export function entryFiles(pack: Package, paths: PathIndex): readonly string[] {
  const published = ["exports", "main", "module", "types", "typings", "browser", "source"].flatMap((field) =>
    stringsIn(pack.json[field]),
  );
  const found = new Set(published.flatMap((path) => sourcesOf(path, pack.folder, paths)));
  // A stub at the top that loads the build says nothing about the source.
  if (![...found].some((path) => path.startsWith(joinPath(pack.folder, "src/")))) {
    for (const guess of ["src/index", "index", "src/main", "lib/index"]) {
      const file = resolveFile(joinPath(pack.folder, guess), paths);
      if (file !== null) {
        found.add(file);
        break;
      }
    }
  }
  return [...found].sort();
}

/** The modules behind `name/rest`, by the package's exports map. */
export function subpathFiles(pack: Package, rest: string, paths: PathIndex): string[] {
  for (const [key, value] of Object.entries(asRecord(pack.json["exports"]))) {
    const [before = "", after] = key.replace(/^\.\//, "").split("*");
    const matches = after === undefined ? rest === before : rest.startsWith(before) && rest.endsWith(after);
    if (!matches) continue;
    const middle = after === undefined ? "" : rest.slice(before.length, rest.length - after.length);
    const found = stringsIn(value).flatMap((target) => sourcesOf(target.replaceAll("*", middle), pack.folder, paths));
    if (found.length > 0) return found;
  }
  return [];
}
