// Read-only access to the audited repository. Works with git, on a repository without commits, a shallow clone, and a
// plain folder. Never follows a symlink out of the root, never runs the repository's code.

import { constants } from "node:fs";
import { lstat, open, readdir, realpath } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { runGit } from "./git.ts";
import { type Listed, listByGit, listByWalk } from "./listing.ts";
import { createPathIndex, type PathIndex } from "./path-index.ts";

export const textBytesMax = 2 * 1024 * 1024;
const walkedFilesMax = 100_000;

export interface GitState {
  /** Commit id, or null before the first commit. */
  readonly head: string | null;
  /** When HEAD was committed: the audit's "now", so that the same commit always gives the same findings. */
  readonly headAt: string | null;
  readonly commits: number;
  readonly oldest: string | null;
  readonly shallow: boolean;
}

export interface Repository {
  /** Absolute, with symlinks resolved. */
  readonly root: string;
  /** Null on a folder without git. */
  readonly git: GitState | null;
  listing(): Promise<readonly Listed[]>;
  paths(): Promise<PathIndex>;
  /** Throws UnreadableFileError when the file is missing, too large, no regular file, or outside the root. */
  bytes(path: string, bytesMax?: number): Promise<Buffer>;
  text(path: string, bytesMax?: number): Promise<string>;
  /** Null instead of an error: for files that may well be absent. */
  textOrNull(path: string, bytesMax?: number): Promise<string | null>;
  /** Also sees ignored files, such as installed packages. */
  exists(path: string): Promise<boolean>;
  /** Names inside a folder, ignored ones too; empty when there is no such folder. */
  folder(path: string): Promise<readonly string[]>;
  runGit(args: readonly string[], input?: string): Promise<string>;
  /** Computes a value once for this handle, for what many shards need. */
  once<T>(key: string, compute: () => Promise<T>): Promise<T>;
}

export class UnreadableFileError extends Error {
  readonly code = "UNREADABLE_FILE";
  readonly path: string;
  constructor(path: string, why: string) {
    super(`${path} cannot be read: ${why}`);
    this.path = path;
  }
}

async function readGitState(root: string): Promise<GitState | null> {
  const answer = await runGit(root, ["rev-parse", "--is-shallow-repository", "--show-toplevel", "--show-prefix"]).catch(
    () => null,
  );
  if (answer === null) return null;
  const [shallow, top = "", prefix = ""] = answer.split("\n");
  // `core.worktree` may point anywhere; only a work tree around the root is this root's repository.
  const topLevel = await realpath(top).catch(() => "");
  if (topLevel !== root && !root.startsWith(topLevel + sep)) return null;
  // A folder that merely lies inside another repository, which does not track it.
  if (prefix !== "" && (await runGit(root, ["ls-files", "-z"])) === "") return null;

  const head = (await runGit(root, ["rev-parse", "--verify", "--quiet", "HEAD"]).catch(() => "")).trim() || null;
  if (head === null) return { head, headAt: null, commits: 0, oldest: null, shallow: false };
  const [count, headAt, roots] = await Promise.all([
    runGit(root, ["rev-list", "--count", "HEAD"]),
    runGit(root, ["log", "-1", "--format=%cI", "HEAD"]),
    runGit(root, ["log", "--max-parents=0", "--format=%cI", "HEAD"]),
  ]);
  const oldest =
    roots
      .split("\n")
      .filter(Boolean)
      .map((at) => new Date(at).toISOString())
      .sort()[0] ?? null;
  return { head, headAt: new Date(headAt.trim()).toISOString(), commits: Number(count), oldest, shallow: shallow === "true" };
}

async function readInside(root: string, path: string, bytesMax: number): Promise<Buffer> {
  const full = resolve(root, path);
  const real = await realpath(full).catch(() => null);
  if (real === null) throw new UnreadableFileError(path, "it does not exist");
  if (real !== root && !real.startsWith(root + sep)) throw new UnreadableFileError(path, "it leads out of the repository");
  // Checked before opening: opening a pipe would wait for its writer.
  const stat = await lstat(real);
  if (!stat.isFile()) throw new UnreadableFileError(path, "it is not a regular file");
  if (stat.size > bytesMax) throw new UnreadableFileError(path, `${stat.size} bytes exceed the cap of ${bytesMax}`);
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

export async function openRepository(root: string): Promise<Repository> {
  const real = await realpath(resolve(root)).catch(() => null);
  if (real === null || !(await lstat(real)).isDirectory()) throw new UnreadableFileError(root, "there is no such folder");
  const git = await readGitState(real);
  const computed = new Map<string, Promise<unknown>>();

  const repository: Repository = {
    root: real,
    git,
    listing: () => repository.once("listing", () => (git === null ? listByWalk(real, walkedFilesMax) : listByGit(real))),
    paths: () => repository.once("paths", async () => createPathIndex(await repository.listing())),
    bytes: (path, bytesMax = textBytesMax) => readInside(real, path, bytesMax),
    text: async (path, bytesMax = textBytesMax) => {
      const text = (await readInside(real, path, bytesMax)).toString("utf8");
      return text.startsWith("\uFEFF") ? text.slice(1) : text;
    },
    textOrNull: (path, bytesMax) => repository.text(path, bytesMax).catch(() => null),
    exists: async (path) => {
      const found = await realpath(join(real, path)).catch(() => null);
      return found !== null && (found === real || found.startsWith(real + sep));
    },
    folder: async (path) => ((await repository.exists(path)) ? readdir(join(real, path)).catch(() => []) : []),
    runGit: (args, input) => runGit(real, args, input),
    once: <T>(key: string, compute: () => Promise<T>): Promise<T> => {
      const known = computed.get(key);
      if (known !== undefined) return known as Promise<T>;
      const value = compute();
      computed.set(key, value);
      return value;
    },
  };
  return repository;
}
