// What a lockfile knows about locked packages beside their versions: their commands, and whose peers they are.

import { asRecord, type JsonRecord, parseJson, stringEntries } from "./json.ts";
import { foldersAbove, joinPath } from "./path-index.ts";
import type { Repository } from "./repository.ts";

const lockfileBytesMax = 32 * 1024 * 1024;

function foldersUp(folder: string): readonly string[] {
  return folder === "" ? [""] : [folder, ...foldersAbove(folder)];
}

function npmPackages(repo: Repository, folder: string): Promise<JsonRecord> {
  return repo.once(`npm-lock:${folder}`, async () => {
    const text = await repo.textOrNull(joinPath(folder, "package-lock.json"), lockfileBytesMax);
    return asRecord(asRecord(parseJson(text ?? ""))["packages"]);
  });
}

/** Other lockfiles as text: pnpm and yarn write one package per block. */
function otherLockfiles(repo: Repository, folder: string): Promise<string> {
  return repo.once(`other-locks:${folder}`, async () => {
    const texts = ["pnpm-lock.yaml", "yarn.lock"].map((name) => repo.textOrNull(joinPath(folder, name), lockfileBytesMax));
    return (await Promise.all(texts)).map((text) => text ?? "").join("\n");
  });
}

/** The commands that a package installs, as the installed package or the lockfile says. */
export async function commandsOf(repo: Repository, name: string, folder: string): Promise<readonly string[]> {
  for (const above of foldersUp(folder)) {
    const installed = parseJson((await repo.textOrNull(joinPath(above, `node_modules/${name}/package.json`))) ?? "");
    const locked = (await npmPackages(repo, above))[`node_modules/${name}`];
    const bin = asRecord(installed)["bin"] ?? asRecord(locked)["bin"];
    if (typeof bin === "string") return [name.split("/").at(-1) ?? name];
    const commands = stringEntries(bin).map(([command]) => command);
    if (commands.length > 0) return commands;
  }
  // Most packages that have a command name it after themselves.
  return [name.split("/").at(-1) ?? name];
}

/** In YAML lockfiles: a name inside a block of peers, which is indented deeper than its head. */
function isPeerInText(text: string, name: string): boolean {
  let inPeers = -1;
  for (const row of text.split("\n")) {
    const indent = row.search(/\S/);
    if (indent < 0) continue;
    if (/^\s*peerDependencies:/.test(row)) inPeers = indent;
    else if (indent <= inPeers) inPeers = -1;
    else if (inPeers >= 0 && row.trim().replaceAll(/["']/g, "").startsWith(`${name}:`)) return true;
  }
  return false;
}

/** A locked package that asks its user to bring `name` along. */
export async function peerOf(repo: Repository, name: string, folder: string): Promise<string | null> {
  for (const above of foldersUp(folder)) {
    for (const [key, value] of Object.entries(await npmPackages(repo, above))) {
      const at = key.lastIndexOf("node_modules/");
      if (at >= 0 && asRecord(asRecord(value)["peerDependencies"])[name] !== undefined) return key.slice(at + 13);
    }
    if (isPeerInText(await otherLockfiles(repo, above), name)) return "another locked package";
  }
  return null;
}

/** Whether a lockfile above the folder has a package of that name at all. */
export async function isLocked(repo: Repository, name: string, folder: string): Promise<boolean> {
  for (const above of foldersUp(folder)) {
    const packages = await npmPackages(repo, above);
    if (Object.keys(packages).some((key) => key.endsWith(`node_modules/${name}`))) return true;
    const text = await otherLockfiles(repo, above);
    if ([`"${name}@`, `\n${name}@`, `'${name}@`, ` /${name}@`, ` ${name}@`].some((mark) => text.includes(mark))) return true;
  }
  return false;
}
