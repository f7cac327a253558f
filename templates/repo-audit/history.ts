// Who changed what within the year before HEAD. Measured from HEAD's date, never from today: the same commit must give
// the same findings whenever it is audited.

import type { Repository } from "./repository.ts";

export const windowDays = 365;
const commitsMax = 2_000;

export interface Touched {
  /** Commits of the window that changed the file, merges left out. */
  readonly commits: number;
  readonly last: string;
  /** Commits by author, most first. */
  readonly authors: readonly (readonly [string, number])[];
}

export interface History {
  readonly touched: ReadonlyMap<string, Touched>;
  /** Commits looked at. */
  readonly commits: number;
  readonly since: string | null;
}

export function windowStart(headAt: string): string {
  return new Date(new Date(headAt).getTime() - windowDays * 86_400_000).toISOString();
}

async function compute(repo: Repository): Promise<History> {
  const git = repo.git;
  if (git === null || git.head === null || git.headAt === null) return { touched: new Map(), commits: 0, since: null };
  const since = windowStart(git.headAt);
  const output = await repo.runGit([
    "log",
    "--no-merges",
    "--no-renames",
    "--name-only",
    "--relative",
    `--since=${since}`,
    `--max-count=${commitsMax}`,
    "--format=%x01%H%x02%P%x02%aN",
    git.head,
  ]);
  const files = new Map<string, { commits: number; last: string; authors: Map<string, number> }>();
  let commits = 0;
  for (const block of output.split("\x01").slice(1)) {
    const [header = "", ...names] = block.split("\n");
    const [id = "", parents = "", author = ""] = header.split("\x02");
    // In a shallow clone the oldest commit seems to add every file.
    if (git.shallow && parents === "") continue;
    commits += 1;
    for (const name of names) {
      if (name === "") continue;
      const known = files.get(name) ?? { commits: 0, last: id, authors: new Map<string, number>() };
      known.commits += 1;
      known.authors.set(author, (known.authors.get(author) ?? 0) + 1);
      files.set(name, known);
    }
  }
  const touched = new Map<string, Touched>();
  for (const [path, file] of files) {
    const authors = [...file.authors].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    touched.set(path, { commits: file.commits, last: file.last, authors });
  }
  return { touched, commits, since };
}

export function readHistory(repo: Repository): Promise<History> {
  return repo.once("history", () => compute(repo));
}
