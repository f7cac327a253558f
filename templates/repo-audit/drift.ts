// Does a lockfile still belong to its manifest? Compares the ranges that both recorded, for npm, pnpm and yarn.

import { parse as parseYaml } from "yaml";
import { asRecord, asString, type JsonRecord, parseJson } from "./json.ts";
import { type Package, readPackages } from "./packages.ts";
import { foldersAbove, joinPath } from "./path-index.ts";
import type { Repository } from "./repository.ts";

export interface Drift {
  readonly name: string;
  readonly wanted: string;
  readonly lockfile: string;
  /** The range that the lockfile was made for; null when it does not know the dependency. */
  readonly locked: string | null;
}

const lockfileBytesMax = 32 * 1024 * 1024;
const fields = ["dependencies", "devDependencies", "optionalDependencies"] as const;

/** Ranges that package managers rewrite or resolve without recording them as written. */
const rewritten = /^(workspace:|catalog:|link:|file:|portal:|patch:|git|https?:|[\w-]+\/[\w.-]+|npm:|\*$|latest$)/;

function compare(
  pack: Package,
  lockfile: string,
  lockedRange: (field: (typeof fields)[number], name: string) => string | null | undefined,
): Drift[] {
  return fields.flatMap((field) =>
    [...pack.declared[field]].flatMap(([name, wanted]): Drift[] => {
      if (rewritten.test(wanted)) return [];
      const locked = lockedRange(field, name);
      return locked === undefined || locked === wanted ? [] : [{ name, wanted, lockfile, locked }];
    }),
  );
}

async function fromNpm(pack: Package, folder: string, text: string): Promise<Drift[]> {
  const packages = asRecord(asRecord(parseJson(text))["packages"]);
  const key = pack.folder.slice(folder === "" ? 0 : folder.length + 1);
  const entry = packages[key];
  // An unknown folder is no workspace of this lockfile: it says nothing about it.
  if (entry === undefined) return [];
  const known = fields.map((field) => asRecord(asRecord(entry)[field]));
  return compare(pack, joinPath(folder, "package-lock.json"), (_, name) =>
    asString(known.find((each) => each[name] !== undefined)?.[name]),
  );
}

/** A pnpm lockfile is large, and each package of a workspace asks for it. */
function readPnpmLock(repo: Repository, path: string, text: string): Promise<JsonRecord> {
  return repo.once(`pnpm-lock:${path}`, async () => {
    // Only the importers and overrides matter here; they stand before the packages, which are most of the file.
    const end = text.search(/^(packages|snapshots):/m);
    try {
      return asRecord(parseYaml(end < 0 ? text : text.slice(0, end), { maxAliasCount: 0, logLevel: "silent" }));
    } catch {
      return {};
    }
  });
}

async function fromPnpm(pack: Package, folder: string, text: string, repo: Repository): Promise<Drift[]> {
  const path = joinPath(folder, "pnpm-lock.yaml");
  const lock = await readPnpmLock(repo, path, text);
  const entry = asRecord(asRecord(lock["importers"])[pack.folder.slice(folder === "" ? 0 : folder.length + 1) || "."]);
  if (Object.keys(entry).length === 0) return [];
  // `name`, `name@range` and `parent>name` all replace what manifests ask for.
  const replaced = Object.keys(asRecord(lock["overrides"])).map((key) => (key.split(">").at(-1) ?? key).replace(/(?!^)@.*$/, ""));
  const overridden = new Set(replaced);
  return compare(pack, path, (_, name) => {
    if (overridden.has(name)) return undefined;
    const found = fields.map((field) => asRecord(entry[field])[name]).find((each) => each !== undefined);
    return found === undefined ? null : (asString(asRecord(found)["specifier"]) ?? undefined);
  });
}

async function fromYarn(pack: Package, folder: string, text: string): Promise<Drift[]> {
  if (!text.includes("# yarn lockfile v1") && !text.includes("__metadata:")) return [];
  return compare(pack, joinPath(folder, "yarn.lock"), (field, name) => {
    const wanted = pack.declared[field].get(name) ?? "";
    return text.includes(`${name}@${wanted}`) || text.includes(`${name}@npm:${wanted}`) ? wanted : null;
  });
}

const readers = [
  ["package-lock.json", fromNpm],
  ["pnpm-lock.yaml", fromPnpm],
  ["yarn.lock", fromYarn],
] as const;

export async function readDrift(pack: Package, repo: Repository): Promise<readonly Drift[]> {
  // The outermost manifest of a workspace may replace any range.
  const above = (await readPackages(repo)).filter((each) => foldersAbove(pack.manifest).includes(each.folder));
  const overridden = new Set(
    above.flatMap(({ json }) =>
      Object.keys({
        ...asRecord(json["overrides"]),
        ...asRecord(json["resolutions"]),
        ...asRecord(asRecord(json["pnpm"])["overrides"]),
      }),
    ),
  );
  for (const folder of new Set([pack.folder, ...foldersAbove(pack.manifest)])) {
    const present: Drift[][] = [];
    for (const [name, read] of readers) {
      const path = joinPath(folder, name);
      if (!(await repo.paths()).hasFile(path)) continue;
      const text = await repo.once(`lockfile:${path}`, () => repo.textOrNull(path, lockfileBytesMax));
      if (text !== null) present.push(await read(pack, folder, text, repo));
    }
    // With several lockfiles side by side nobody knows which one counts; that is a finding of its own.
    if (present.length > 0) return present.length === 1 ? (present[0] ?? []).filter((each) => !overridden.has(each.name)) : [];
  }
  return [];
}
