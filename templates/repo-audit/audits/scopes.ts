// Selections of files and hashes that several dimensions use to say what they depend on.

import { isScript } from "../classify.ts";
import type { FileEntry, Inventory } from "../finding.ts";
import { baseOf } from "../path-index.ts";

/** Files that people of this repository wrote. */
export function authored(inventory: Inventory): readonly FileEntry[] {
  return inventory.files.filter((file) => !file.vendored && file.kind !== "binary" && file.kind !== "lockfile");
}

/** Scripts that the parser reads, small enough for it. */
export function scripts(inventory: Inventory): readonly FileEntry[] {
  return authored(inventory).filter((file) => isScript(file.path) && file.bytes <= 1024 * 1024);
}

export function hashes(files: readonly FileEntry[]): string[] {
  return files.flatMap((file) => [file.path, file.hash, file.vendored ? "vendored" : "own"]);
}

/** All that an import graph is built from. */
export function graphBasis(inventory: Inventory): string[] {
  const configs = inventory.files.filter(
    (file) => baseOf(file.path) === "package.json" || /^(ts|js)config[\w.-]*\.json$/.test(baseOf(file.path)),
  );
  return hashes([...inventory.files.filter((file) => isScript(file.path)), ...configs]);
}

/** All that decides whether a path or a route exists. */
export function pathBasis(inventory: Inventory): string[] {
  return [
    ...inventory.files.map((file) => file.path),
    ...inventory.skipped.map((skipped) => skipped.path),
    ...inventory.docsSites.flatMap((site) => [site.root, site.framework]),
  ];
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
