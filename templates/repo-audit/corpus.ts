// The text of all files that people wrote, for verifiers that search instead of parse.

import { knownInventory } from "./inventory.ts";
import type { Repository } from "./repository.ts";

const fileBytesMax = 512 * 1024;
const totalBytesMax = 96 * 1024 * 1024;

export interface Text {
  readonly path: string;
  readonly text: string;
}

export function corpus(repo: Repository): Promise<readonly Text[]> {
  return repo.once("corpus", async () => {
    const { files } = await knownInventory(repo);
    const texts: Text[] = [];
    let bytes = 0;
    for (const file of files) {
      if (file.vendored || file.kind === "binary" || file.kind === "lockfile" || file.bytes > fileBytesMax) continue;
      bytes += file.bytes;
      if (bytes > totalBytesMax) break;
      const text = await repo.textOrNull(file.path);
      if (text !== null) texts.push({ path: file.path, text });
    }
    return texts;
  });
}

/** Whether `name` occurs as a whole: `react` is not in `react-dom`, but is in `react/jsx-runtime`. */
export function namesPackage(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + name.length] ?? " ";
    if (!/[\w.@/-]/.test(before) && !/[\w-]/.test(after)) return true;
    // Inside a path of installed packages it is meant as well.
    if (before === "/" && text.slice(Math.max(0, at - 13), at).endsWith("node_modules/") && !/[\w-]/.test(after)) return true;
  }
  return false;
}
