// Which module imports which, over the whole repository: relative paths, tsconfig aliases and workspace packages.

import { builtinModules } from "node:module";
import { isScript } from "../classify.ts";
import { vendoredPaths } from "../inventory.ts";
import { asRecord, asString, parseJsonc } from "../json.ts";
import { entryFiles, type Package, packageOf, readPackages, sourcesOf, subpathFiles } from "../packages.ts";
import { baseOf, foldersAbove, joinPath, normalise, parentOf, type PathIndex } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { moduleFactsOrNull } from "./module.ts";
import { resolveFile } from "./resolve-file.ts";

export type Resolution =
  /** With the package's name when the import goes by it. */
  | { readonly kind: "file"; readonly paths: readonly string[]; readonly name?: string }
  | { readonly kind: "package"; readonly name: string }
  | { readonly kind: "builtin" | "alias" | "missing" };

interface Alias {
  readonly prefix: string;
  readonly suffix: string;
  readonly targets: readonly string[];
}

interface TypeScriptConfig {
  readonly aliases: readonly Alias[];
  readonly baseUrl: string | null;
}

const builtins = new Set(builtinModules);

export function packageNameOf(specifier: string): string | null {
  const match = /^(@[a-z0-9~_.-][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*(?=\/|$)/i.exec(specifier);
  return match === null ? null : match[0];
}

async function readTypeScriptConfigs(
  repo: Repository,
  paths: PathIndex,
): Promise<ReadonlyMap<string, readonly TypeScriptConfig[]>> {
  const byFolder = new Map<string, TypeScriptConfig[]>();
  const vendored = await vendoredPaths(repo);
  for (const path of paths.files.filter((file) => /^(ts|js)config[\w.-]*\.json$/.test(baseOf(file)) && !vendored.has(file))) {
    const options = asRecord(asRecord(parseJsonc((await repo.textOrNull(path)) ?? ""))["compilerOptions"]);
    const folder = parentOf(path);
    const configured = asString(options["baseUrl"]);
    const baseUrl = configured === null ? null : normalise(joinPath(folder, configured));
    const aliases = Object.entries(asRecord(options["paths"])).flatMap(([pattern, targets]): Alias[] => {
      const [prefix = "", suffix = ""] = pattern.split("*");
      const resolved = (Array.isArray(targets) ? targets : []).flatMap(
        (target) => normalise(joinPath(baseUrl ?? folder, String(target))) ?? [],
      );
      return pattern === "*" ? [] : [{ prefix, suffix: pattern.includes("*") ? suffix : "\0", targets: resolved }];
    });
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), { aliases, baseUrl }]);
  }
  return byFolder;
}

function throughAlias(specifier: string, config: TypeScriptConfig, paths: PathIndex): string[] | null {
  for (const alias of config.aliases) {
    const exact = alias.suffix === "\0";
    if (exact ? specifier !== alias.prefix : !specifier.startsWith(alias.prefix) || !specifier.endsWith(alias.suffix)) continue;
    const middle = exact ? "" : specifier.slice(alias.prefix.length, specifier.length - alias.suffix.length);
    const found = alias.targets.flatMap((target) => resolveFile(target.replace("*", middle), paths) ?? []);
    // Matching a pattern is enough to know that it is no package.
    return found;
  }
  if (config.baseUrl !== null) {
    const found = resolveFile(joinPath(config.baseUrl, specifier), paths);
    if (found !== null) return [found];
  }
  return null;
}

export interface Resolver {
  resolve(from: string, specifier: string): Resolution;
}

export function createResolver(repo: Repository): Promise<Resolver> {
  return repo.once("resolver", async () => {
    const paths = await repo.paths();
    const packages = await readPackages(repo);
    const byName = new Map<string, Package>(packages.filter((pack) => pack.name !== "").map((pack) => [pack.name, pack]));
    const configs = await readTypeScriptConfigs(repo, paths);
    const entries = new Map<string, readonly string[]>();
    const entriesOf = (pack: Package): readonly string[] => {
      const known = entries.get(pack.manifest) ?? entryFiles(pack, paths);
      entries.set(pack.manifest, known);
      return known;
    };
    const inWorkspace = (specifier: string): Resolution | null => {
      const name = packageNameOf(specifier);
      const pack = name === null ? undefined : byName.get(name);
      if (pack === undefined || name === null) return null;
      const rest = specifier.slice(name.length + 1);
      if (rest === "") return { kind: "file", paths: entriesOf(pack), name };
      const mapped = subpathFiles(pack, rest, paths);
      if (mapped.length > 0) return { kind: "file", paths: mapped, name };
      const direct = [rest, joinPath("src", rest), rest.replace(/^(dist|lib|build)\//, "src/")].flatMap(
        (inside) => resolveFile(joinPath(pack.folder, inside), paths) ?? [],
      );
      return { kind: "file", paths: direct.length > 0 ? direct : entriesOf(pack), name };
    };
    return {
      resolve(from, raw) {
        // Bundlers take suffixes: `./icon.svg?url`, and prefixes: `raw-loader!./file`.
        const specifier = (raw.split("!").at(-1) ?? raw).replace(/(?!^)[?].*$/, "");
        if (/^\.{1,2}(\/|$)/.test(specifier)) {
          const path = normalise(joinPath(parentOf(from), specifier));
          if (path === null) return { kind: "missing" };
          const found = resolveFile(path, paths);
          if (found !== null) return { kind: "file", paths: [found] };
          // Into a build that is not there: what counts is the source that it is made from.
          const pack = packageOf(packages, path);
          const inside = pack === null || pack.folder === "" ? path : path.slice(pack.folder.length + 1);
          const sources = pack === null ? [] : sourcesOf(inside, pack.folder, paths);
          return sources.length > 0 ? { kind: "file", paths: sources } : { kind: "missing" };
        }
        if (specifier.startsWith("node:") || builtins.has(specifier) || builtins.has(specifier.split("/")[0] ?? ""))
          return { kind: "builtin" };
        for (const folder of foldersAbove(from)) {
          for (const config of configs.get(folder) ?? []) {
            const found = throughAlias(specifier, config, paths);
            if (found !== null) return found.length > 0 ? { kind: "file", paths: found } : { kind: "alias" };
          }
        }
        if (/^([~#$]|@\/|\/|[a-z][a-z+-]*:|%)/i.test(specifier) || specifier.includes("${")) {
          if (!specifier.startsWith("#")) return { kind: "alias" };
          const pack = packageOf(packages, from);
          const targets = pack === null ? [] : importsField(pack, specifier, paths);
          return targets.length > 0 ? { kind: "file", paths: targets } : { kind: "alias" };
        }
        const local = inWorkspace(specifier);
        if (local !== null) return local;
        const name = packageNameOf(specifier);
        return name === null ? { kind: "alias" } : { kind: "package", name };
      },
    };
  });
}

/** The `imports` field of package.json: `#internal/*`. */
function importsField(pack: Package, specifier: string, paths: PathIndex): string[] {
  for (const [pattern, value] of Object.entries(asRecord(pack.json["imports"]))) {
    const [prefix = "", suffix] = pattern.split("*");
    if (suffix === undefined ? specifier !== pattern : !specifier.startsWith(prefix)) continue;
    const middle = suffix === undefined ? "" : specifier.slice(prefix.length, specifier.length - suffix.length);
    const targets =
      typeof value === "string" ? [value] : Object.values(asRecord(value)).filter((target) => typeof target === "string");
    return targets.flatMap((target) => {
      const path = normalise(joinPath(pack.folder, target.replace("*", middle).replace(/^\.\/(dist|lib|build)\//, "./src/")));
      return (path === null ? null : resolveFile(path, paths)) ?? [];
    });
  }
  return [];
}

export interface ImportGraph {
  /** Files that a file imports. */
  imports(path: string): readonly string[];
  importers(path: string): readonly string[];
  /** Everything reachable from the given files, with the file through which each was first reached. */
  reachable(from: readonly string[]): ReadonlyMap<string, string>;
}

export function importGraph(repo: Repository): Promise<ImportGraph> {
  return repo.once("graph", async () => {
    const paths = await repo.paths();
    const resolver = await createResolver(repo);
    const vendored = await vendoredPaths(repo);
    const forward = new Map<string, readonly string[]>();
    const backward = new Map<string, string[]>();
    for (const path of paths.files) {
      if (!isScript(path) || vendored.has(path)) continue;
      const facts = await moduleFactsOrNull(repo, path);
      const targets = new Set<string>();
      for (const { specifier } of facts?.imports ?? []) {
        const resolution = resolver.resolve(path, specifier);
        if (resolution.kind === "file") for (const target of resolution.paths) targets.add(target);
      }
      forward.set(path, [...targets]);
      for (const target of targets) backward.set(target, [...(backward.get(target) ?? []), path]);
    }
    return {
      imports: (path) => forward.get(path) ?? [],
      importers: (path) => backward.get(path) ?? [],
      reachable(from) {
        const via = new Map<string, string>();
        const queue = [...from];
        for (let at = 0; at < queue.length; at += 1) {
          const current = queue[at] ?? "";
          for (const target of forward.get(current) ?? []) {
            if (via.has(target)) continue;
            via.set(target, current);
            queue.push(target);
          }
        }
        return via;
      },
    };
  });
}
