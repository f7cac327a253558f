// Answers "is there such a file or folder?" the way a case-sensitive checkout would.

import type { Listed } from "./listing.ts";

export interface PathIndex {
  /** Regular files, sorted. */
  readonly files: readonly string[];
  hasFile(path: string): boolean;
  hasFolder(path: string): boolean;
  /** Under a submodule or behind a symlink: the repository cannot say what is there. */
  isOpaque(path: string): boolean;
  /** The path as the repository spells it, when only upper and lower case differ. */
  otherCase(path: string): string | null;
  /** Direct children of a folder, sorted. */
  children(folder: string): readonly string[];
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Resolves `.` and `..`; null when the path climbs above the root. */
export function normalise(path: string): string | null {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}

/** All folders above a path, nearest first, ending with the root `""`. */
export function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let folder = path; folder !== "";) {
    folder = parentOf(folder);
    folders.push(folder);
  }
  return folders;
}

export function isUnder(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

export function createPathIndex(listed: readonly Listed[]): PathIndex {
  const files = new Set<string>();
  const opaque = new Set<string>();
  const children = new Map<string, Set<string>>([["", new Set()]]);
  const lowerCase = new Map<string, string>();
  for (const entry of listed) {
    if (entry.kind === "file") files.add(entry.path);
    else opaque.add(entry.path);
    lowerCase.set(entry.path.toLowerCase(), entry.path);
    let child = entry.path;
    for (const folder of foldersAbove(entry.path)) {
      const known = children.get(folder);
      if (known === undefined) children.set(folder, new Set([child]));
      else known.add(child);
      if (folder !== "") lowerCase.set(folder.toLowerCase(), folder);
      child = folder;
    }
  }
  return {
    files: [...files],
    hasFile: (path) => files.has(path) || opaque.has(path),
    hasFolder: (path) => children.has(path),
    isOpaque: (path) => opaque.has(path) || foldersAbove(path).some((folder) => opaque.has(folder)),
    otherCase: (path) => {
      const found = lowerCase.get(path.toLowerCase());
      return found === undefined || found === path ? null : found;
    },
    children: (folder) => [...(children.get(folder) ?? [])].sort(),
  };
}
