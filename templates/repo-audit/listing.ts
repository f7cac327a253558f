// Which files belong to a repository: git's word when there is git, otherwise a walk that honours .gitignore.

import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import ignore, { type Ignore } from "ignore";
import { nulSeparated, runGit } from "./git.ts";

export interface Listed {
  readonly path: string;
  readonly kind: "file" | "symlink" | "submodule";
  readonly bytes: number;
  readonly tracked: boolean;
}

const alwaysIgnored = new Set([".git", "node_modules", ".hg", ".svn"]);

/** Paths in code-unit order, the same on each machine. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

async function onDisk(root: string, path: string, tracked: boolean): Promise<Listed | null> {
  const stat = await lstat(join(root, path)).catch(() => null);
  if (stat === null) return null;
  if (stat.isSymbolicLink()) return { path, kind: "symlink", bytes: 0, tracked };
  // Pipes, sockets and devices would block or lie: a repository's file is a regular file.
  return stat.isFile() ? { path, kind: "file", bytes: stat.size, tracked } : null;
}

export async function inBatches<T, R>(items: readonly T[], size: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += size) {
    results.push(...(await Promise.all(items.slice(at, at + size).map(act))));
  }
  return results;
}

export async function listByGit(root: string): Promise<Listed[]> {
  const [staged, others] = await Promise.all([
    runGit(root, ["ls-files", "-z", "--stage"]),
    runGit(root, ["ls-files", "-z", "--others", "--exclude-standard"]),
  ]);
  const submodules = new Map<string, Listed>();
  const tracked = new Set<string>();
  for (const row of nulSeparated(staged)) {
    const [mode = ""] = row.split(" ", 1);
    const path = row.slice(row.indexOf("\t") + 1);
    if (mode === "160000") submodules.set(path, { path, kind: "submodule", bytes: 0, tracked: true });
    else tracked.add(path);
  }
  // A trailing slash is somebody else's repository inside this one.
  const untracked = nulSeparated(others).filter((path) => !path.endsWith("/") && !tracked.has(path));
  const wanted = [
    ...[...tracked].map((path) => ({ path, tracked: true })),
    ...untracked.map((path) => ({ path, tracked: false })),
  ];
  const found = await inBatches(wanted, 64, (file) => onDisk(root, file.path, file.tracked));
  return [...found.filter((file) => file !== null), ...submodules.values()].sort(byPath);
}

interface Scope {
  readonly folder: string;
  readonly rules: Ignore;
}

function isIgnored(path: string, scopes: readonly Scope[]): boolean {
  // The deepest .gitignore that has a word on the path decides, as in git.
  for (const scope of scopes.toReversed()) {
    const inside = scope.folder === "" ? path : path.slice(scope.folder.length + 1);
    const word = scope.rules.test(inside);
    if (word.ignored) return true;
    if (word.unignored) return false;
  }
  return false;
}

export async function listByWalk(root: string, filesMax: number): Promise<Listed[]> {
  const listed: Listed[] = [];
  const visit = async (folder: string, outer: readonly Scope[]): Promise<void> => {
    const rules = await readFile(join(root, folder, ".gitignore"), "utf8").catch(() => null);
    const scopes = rules === null ? outer : [...outer, { folder, rules: ignore().add(rules) }];
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (listed.length >= filesMax) return;
      if (alwaysIgnored.has(entry.name)) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (isIgnored(entry.isDirectory() ? `${path}/` : path, scopes)) continue;
      if (entry.isDirectory()) await visit(path, scopes);
      else {
        const file = await onDisk(root, path, false);
        if (file !== null) listed.push(file);
      }
    }
  };
  await visit("", []);
  return listed.sort(byPath);
}
