// Hygiene of package.json: dependencies nobody imports, imports nobody declares, lockfiles that disagree.

import { isExamplePath, isFixturePath, isScript, isTestPath } from "../classify.ts";
import { readDrift } from "../drift.ts";
import { vendoredPaths } from "../inventory.ts";
import { declares, isPublished, type Package, packageOf, readPackages, typesOf } from "../packages.ts";
import { baseOf, foldersAbove, isUnder, joinPath } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { createResolver } from "../source/graph.ts";
import { moduleFactsOrNull } from "../source/module.ts";
import { type Audit, bySetting, type Draft, settle } from "./audit.ts";
import { verifyDependencies } from "./dependencies-verify.ts";
import { authored, counted, hashes } from "./scopes.ts";

const dimension = "dependencies";

interface Use {
  readonly path: string;
  readonly line: number;
  readonly typeOnly: boolean;
  readonly optional: boolean;
  /** Copied or generated code needs its packages as well, but is not blamed for missing ones. */
  readonly vendored: boolean;
}

/** Package name -> places that import it, for the files of one package. */
type Uses = ReadonlyMap<string, readonly Use[]>;

function usesByPackage(repo: Repository): Promise<ReadonlyMap<string, Uses>> {
  return repo.once("package-uses", async () => {
    const packages = await readPackages(repo);
    const resolver = await createResolver(repo);
    const vendored = await vendoredPaths(repo);
    const all = new Map<string, Map<string, Use[]>>();
    for (const path of (await repo.paths()).files) {
      if (!isScript(path)) continue;
      const pack = packageOf(packages, path);
      if (pack === null) continue;
      const uses = all.get(pack.manifest) ?? new Map<string, Use[]>();
      all.set(pack.manifest, uses);
      for (const each of (await moduleFactsOrNull(repo, path))?.imports ?? []) {
        const resolution = resolver.resolve(path, each.specifier);
        const name = resolution.kind === "package" || resolution.kind === "file" ? resolution.name : undefined;
        if (name === undefined) continue;
        const use: Use = {
          path,
          line: each.line,
          typeOnly: each.typeOnly || /\.d\.[cm]?ts$/.test(path),
          optional: each.optional,
          vendored: vendored.has(path),
        };
        uses.set(name, [...(uses.get(name) ?? []), use]);
      }
    }
    return all;
  });
}

function isWorkspaceRoot(pack: Package, files: readonly string[]): boolean {
  return (
    pack.json["workspaces"] !== undefined ||
    files.includes(joinPath(pack.folder, "pnpm-workspace.yaml")) ||
    files.includes(joinPath(pack.folder, "lerna.json"))
  );
}

/** Configs of tools, build scripts and docs run on a developer's machine, not at the user's. */
function isShipped(path: string): boolean {
  return (
    !isTestPath(path) &&
    !isFixturePath(path) &&
    !isExamplePath(path) &&
    !/\.config\.[cm]?[jt]s$|(^|\/)\.|rc\.[cm]?js$|\.figma\.[jt]sx?$|(^|\/)(jest|vitest|karma|playwright|cypress|webpack|rollup|vite)[^/]*\.[cm]?[jt]s$|(^|\/)(scripts?|tools?|tasks?|build|docs?|website|site|e2e|config|gulpfile\.js|gruntfile\.js|karma\.[^/]*)(\/|$)/i.test(
      path,
    )
  );
}

async function unused(pack: Package, repo: Repository, uses: ReadonlyMap<string, Uses>): Promise<Draft[]> {
  const { files } = await repo.paths();
  const vendored = await vendoredPaths(repo);
  const root = isWorkspaceRoot(pack, files);
  const own = root ? [...uses.values()] : [uses.get(pack.manifest) ?? new Map()];
  // Without a single script nothing can be said about imports.
  if (!files.some((path) => isScript(path) && isUnder(path, pack.folder) && !vendored.has(path))) return [];
  const drafts: Draft[] = [];
  for (const [name, range] of pack.declared.dependencies) {
    if (name.startsWith("@types/") || own.some((each) => each.has(name)) || pack.declared.peerDependencies.has(name)) continue;
    drafts.push({
      dimension,
      rule: "unused-dependency",
      severity: bySetting("medium", pack.manifest),
      path: pack.manifest,
      line: lineOf(pack.text, name),
      what: name,
      message: `${name} is a dependency that no module here imports.`,
      fix: `Remove it: npm uninstall ${name}.`,
      evidence: `"${name}": "${range}"`,
      facts: { name },
    });
  }
  return drafts;
}

function lineOf(text: string, name: string): number {
  const at = text.indexOf(`"${name}":`);
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
}

async function missing(pack: Package, repo: Repository, uses: Uses): Promise<Draft[]> {
  const packages = await readPackages(repo);
  const above = packages.filter((each) => foldersAbove(pack.manifest).includes(each.folder));
  const drafts: Draft[] = [];
  for (const [name, places] of uses) {
    // Packages of this repository are found by their place, declared or not.
    if (packages.some((each) => each.name === name)) continue;
    if (above.some((each) => declares(each, name) || declares(each, typesOf(name)) || each.name === name)) continue;
    // A module that is only asked for when it is there needs no declaration.
    const hard = places.filter((place) => !place.optional && !place.typeOnly && !place.vendored && isShipped(place.path));
    const [first] = hard;
    if (first === undefined) continue;
    drafts.push({
      dimension,
      rule: "missing-dependency",
      severity: bySetting("medium", pack.manifest),
      path: first.path,
      line: first.line,
      what: name,
      message: `${name} is imported ${hard.length === 1 ? "here" : `here and at ${counted(hard.length - 1, "other place")}`}, but ${pack.manifest} does not declare it.`,
      fix: `Declare it: npm install ${name}.`,
      evidence: `import of "${name}"`,
      facts: { name, manifest: pack.manifest },
    });
  }
  return drafts;
}

function developmentOnly(pack: Package, uses: Uses): Draft[] {
  if (!isPublished(pack)) return [];
  return [...uses].flatMap(([name, places]): Draft[] => {
    const elsewhere = ["dependencies", "peerDependencies", "optionalDependencies"] as const;
    if (!pack.declared.devDependencies.has(name) || elsewhere.some((field) => pack.declared[field].has(name))) return [];
    const first = places.find(
      (place) => !place.optional && !place.typeOnly && isShipped(place.path) && /(^|\/)(src|lib)\//.test(place.path),
    );
    if (first === undefined) return [];
    return [
      {
        dimension,
        rule: "development-dependency-shipped",
        severity: "low",
        path: first.path,
        line: first.line,
        what: name,
        message: `${name} is imported by shipped code and declared for development only: users lack it unless it is bundled.`,
        fix: "Move it to dependencies, or make sure that the build bundles it.",
        evidence: `import of "${name}"`,
      },
    ];
  });
}

async function auditPackage(manifest: string, repo: Repository): Promise<Draft[]> {
  const pack = (await readPackages(repo)).find((each) => each.manifest === manifest);
  if (pack === undefined || isFixturePath(manifest) || isExamplePath(manifest)) return [];
  const uses = await usesByPackage(repo);
  const own = uses.get(manifest) ?? new Map<string, readonly Use[]>();
  const drift = (await readDrift(pack, repo)).map((each): Draft => ({
    dimension,
    rule: "lockfile-drift",
    severity: bySetting("medium", manifest),
    path: manifest,
    line: lineOf(pack.text, each.name),
    what: each.name,
    message: `${manifest} asks for ${each.name} ${each.wanted}, but ${each.lockfile} ${each.locked === null ? "does not know it" : `was made for ${each.locked}`}.`,
    fix: "Install again and commit the lockfile.",
    evidence: `${each.name}: ${each.wanted} / ${each.locked ?? "absent"}`,
    facts: { name: each.name, wanted: each.wanted, lockfile: each.lockfile },
  }));
  return [
    ...(await unused(pack, repo, uses)),
    ...(await missing(pack, repo, own)),
    ...developmentOnly(pack, own),
    ...drift,
    ...(await severalLockfiles(pack, repo)),
  ];
}

async function severalLockfiles(pack: Package, repo: Repository): Promise<Draft[]> {
  const found = (await repo.paths())
    .children(pack.folder)
    .map(baseOf)
    .filter(
      (name) =>
        ["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"].includes(name) && !(name === "bun.lockb"),
    );
  if (found.length < 2) return [];
  return [
    {
      dimension,
      rule: "several-lockfiles",
      severity: "low",
      path: pack.manifest,
      what: "several lockfiles",
      message: `Several package managers lock this package: ${found.join(", ")}.`,
      fix: "Keep one lockfile.",
      evidence: found.join(", "),
    },
  ];
}

export const dependencies: Audit = {
  dimension,
  description: "Unused and undeclared npm dependencies, lockfiles that disagree with their manifest",
  version: 1,
  scope(inventory) {
    const files = inventory.files.filter((file) => baseOf(file.path) === "package.json" && !file.vendored);
    if (files.length === 0) return { out: "no package.json" };
    const sources = authored(inventory);
    const lockfiles = inventory.files.filter((file) => file.kind === "lockfile");
    return {
      files,
      why: `${counted(files.length, "package.json file")} against the imports of ${counted(sources.filter((file) => isScript(file.path)).length, "script")}`,
      // The verifier searches all text.
      basis: [...hashes(sources), ...hashes(lockfiles), inventory.installed ?? ""],
      shardBytes: 64 * 1024,
      shardFiles: 8,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const file of shard.files) drafts.push(...(await auditPackage(file.path, repo)));
    return settle(drafts);
  },
  verify: verifyDependencies,
};
