// What is in the repository: the planner decides from this, and nothing else, what to audit.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { isBinary, isGeneratedText, isMinified, isVendoredPath, kindOf, languageOf, manifestNames } from "./classify.ts";
import { findDocsSites } from "./docs-sites.ts";
import type { FileEntry, Inventory } from "./finding.ts";
import { findGenerated } from "./generated.ts";
import { readHistory } from "./history.ts";
import { inBatches } from "./listing.ts";
import { nulSeparated } from "./git.ts";
import { baseOf } from "./path-index.ts";
import { openRepository, type Repository } from "./repository.ts";

export interface InventoryCaps {
  /** More files than this are left out, named in `skipped`. @default 50_000 */
  readonly filesMax: number;
  /** Larger files are listed by size only and their text is not read. @default 64 MiB */
  readonly fileBytesMax: number;
  /** Once this much is listed, the rest is left out. @default 2 GiB */
  readonly totalBytesMax: number;
}

export const defaultCaps: InventoryCaps = { filesMax: 50_000, fileBytesMax: 64 * 1024 ** 2, totalBytesMax: 2 * 1024 ** 3 };

const headBytes = 8_192;
const skippedNamesMax = 200;

type Skipped = Inventory["skipped"][number];

interface Attributes {
  readonly vendored: ReadonlySet<string>;
  readonly authored: ReadonlySet<string>;
}

/** What .gitattributes says for GitHub's own statistics: the owner's word beats our guess. */
async function readAttributes(repo: Repository, paths: readonly string[]): Promise<Attributes> {
  const vendored = new Set<string>();
  const authored = new Set<string>();
  if (repo.git === null || !paths.some((path) => baseOf(path) === ".gitattributes")) return { vendored, authored };
  const names = ["linguist-generated", "linguist-vendored"];
  const output = await repo.runGit(["check-attr", "-z", "--stdin", ...names], paths.join("\0")).catch(() => "");
  const fields = nulSeparated(output);
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = "", , value] = fields.slice(at, at + 3);
    if (value === "set" || value === "true") vendored.add(path);
    else if (value === "unset" || value === "false") authored.add(path);
  }
  return { vendored, authored };
}

function blobId(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** npm, pnpm and yarn each leave a record of what they installed; its hash changes with the installed packages. */
async function installedState(repo: Repository): Promise<string | null> {
  for (const record of [
    "node_modules/.package-lock.json",
    "node_modules/.modules.yaml",
    "node_modules/.yarn-integrity",
    "node_modules/.yarn-state.yml",
  ]) {
    const content = await repo.bytes(record, 64 * 1024 ** 2).catch(() => null);
    if (content !== null) return blobId(content);
  }
  return null;
}

function summarise(skipped: readonly Skipped[]): readonly Skipped[] {
  if (skipped.length <= skippedNamesMax) return skipped;
  const rest = skipped.length - skippedNamesMax;
  return [...skipped.slice(0, skippedNamesMax), { path: "", why: `${rest} more files were skipped for the same reasons` }];
}

export async function inventoryOf(repo: Repository, caps: Partial<InventoryCaps> = {}): Promise<Inventory> {
  const { filesMax, fileBytesMax, totalBytesMax } = { ...defaultCaps, ...caps };
  const skipped: Skipped[] = [];
  const wanted: { path: string; bytes: number; tracked: boolean }[] = [];
  let total = 0;
  for (const listed of await repo.listing()) {
    if (listed.kind === "submodule") skipped.push({ path: listed.path, why: "a submodule: audit it as a repository of its own" });
    else if (listed.kind === "symlink")
      skipped.push({ path: listed.path, why: "a symlink: its target is audited where it lies" });
    else if (wanted.length >= filesMax) skipped.push({ path: listed.path, why: `more than ${filesMax} files` });
    else if (total + listed.bytes > totalBytesMax)
      skipped.push({ path: listed.path, why: `more than ${totalBytesMax} bytes in total` });
    else {
      total += listed.bytes;
      wanted.push(listed);
    }
  }
  const paths = wanted.map((file) => file.path);
  const [attributes, history, docsSites, installed] = await Promise.all([
    readAttributes(repo, paths),
    readHistory(repo),
    findDocsSites(
      repo,
      paths.filter((path) => !isVendoredPath(path)),
    ),
    installedState(repo),
  ]);

  const generated = findGenerated(paths);
  const entries = await inBatches(wanted, 32, async (file): Promise<FileEntry | null> => {
    if (file.bytes > fileBytesMax)
      skipped.push({ path: file.path, why: `${file.bytes} bytes exceed the cap of ${fileBytesMax}: known by size only` });
    const content =
      file.bytes > fileBytesMax
        ? Buffer.from(`${file.path}\0${file.bytes}`)
        : await repo.bytes(file.path, fileBytesMax).catch(() => null);
    if (content === null) {
      skipped.push({ path: file.path, why: "it cannot be read" });
      return null;
    }
    const head = content.subarray(0, headBytes);
    const binary = file.bytes > fileBytesMax || isBinary(file.path, head);
    const headText = binary ? "" : head.toString("utf8");
    const looksVendored =
      isVendoredPath(file.path) || generated.has(file.path) || isGeneratedText(headText) || isMinified(file.path, headText);
    const touched = history.touched.get(file.path);
    return {
      path: file.path,
      bytes: file.bytes,
      hash: blobId(content),
      kind: kindOf(file.path, binary),
      language: languageOf(file.path),
      vendored: attributes.vendored.has(file.path) || (looksVendored && !attributes.authored.has(file.path)),
      ...(file.tracked || repo.git === null ? {} : { untracked: true as const }),
      ...(touched === undefined ? {} : { touched: { commits: touched.commits, last: touched.last } }),
    };
  });
  const files = entries.filter((entry) => entry !== null);
  skipped.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    root: repo.root,
    name: basename(repo.root),
    files,
    git: {
      commits: repo.git?.commits ?? 0,
      head: repo.git?.head ?? null,
      oldest: repo.git?.oldest ?? null,
      headAt: repo.git?.headAt ?? null,
      shallow: repo.git?.shallow ?? false,
    },
    docsSites,
    manifests: files.filter((file) => manifestNames.has(baseOf(file.path)) && !file.vendored).map((file) => file.path),
    skipped: summarise(skipped),
    ...(installed === null ? {} : { installed }),
  };
}

/** Reads the repository at `root`. The same bytes and history always give the same inventory. */
export async function inventory(root: string, caps: Partial<InventoryCaps> = {}): Promise<Inventory> {
  return inventoryOf(await openRepository(root), caps);
}

/** The inventory of an open repository with default caps, computed once for the handle. */
export function knownInventory(repo: Repository): Promise<Inventory> {
  return repo.once("inventory", () => inventoryOf(repo));
}

/** Gives a fresh handle the inventory that was made elsewhere, so that it need not read all files again. */
export async function rememberInventory(repo: Repository, known: Inventory): Promise<void> {
  await repo.once("inventory", () => Promise.resolve(known));
}

/** Paths of generated and vendored files. */
export function vendoredPaths(repo: Repository): Promise<ReadonlySet<string>> {
  return repo.once("vendored", async () => {
    const { files } = await knownInventory(repo);
    return new Set(files.filter((file) => file.vendored).map((file) => file.path));
  });
}
