// TODO and FIXME comments with their age. Comments only: the same words in strings are text.

import { isScript } from "../classify.ts";
import { nulSeparated } from "../git.ts";
import type { FileEntry, Finding, Inventory, Verdict } from "../finding.ts";
import type { Repository } from "../repository.ts";
import { moduleFacts } from "../source/module.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { authored, counted } from "./scopes.ts";

const dimension = "debt";
const bytesMax = 512 * 1024;
const oldMonths = 24;

/** Only at the beginning of a comment's line: prose that mentions a TODO is none. */
const marker = /^[\s*#/!;-]*\b(TODO|FIXME|HACK|XXX)\b(?=[\s:(\]-]|$)(.*)$/;

interface Marker {
  readonly word: string;
  readonly text: string;
  readonly line: number;
}

/** Languages without a parser here: whole-line comments only, which strings rarely imitate. */
const lineComments: Readonly<Record<string, RegExp>> = {
  python: /^\s*#(.*)$/,
  ruby: /^\s*#(.*)$/,
  shell: /^\s*#(.*)$/,
  elixir: /^\s*#(.*)$/,
  yaml: /^\s*#(.*)$/,
  toml: /^\s*#(.*)$/,
  terraform: /^\s*#(.*)$/,
  makefile: /^\s*#(.*)$/,
  dockerfile: /^\s*#(.*)$/,
  go: /^\s*\/\/(.*)$/,
  rust: /^\s*\/\/(.*)$/,
  java: /^\s*\/\/(.*)$/,
  kotlin: /^\s*\/\/(.*)$/,
  swift: /^\s*\/\/(.*)$/,
  c: /^\s*\/\/(.*)$/,
  cpp: /^\s*\/\/(.*)$/,
  csharp: /^\s*\/\/(.*)$/,
  php: /^\s*\/\/(.*)$/,
  scala: /^\s*\/\/(.*)$/,
  dart: /^\s*\/\/(.*)$/,
  zig: /^\s*\/\/(.*)$/,
  protobuf: /^\s*\/\/(.*)$/,
  sql: /^\s*--(.*)$/,
  lua: /^\s*--(.*)$/,
};

function markersIn(comment: string, line: number): Marker[] {
  return comment.split("\n").flatMap((row, index) => {
    const match = marker.exec(row);
    return match === null
      ? []
      : [{ word: match[1] ?? "", text: `${match[1] ?? ""}${match[2] ?? ""}`.trim(), line: line + index }];
  });
}

async function markersOf(file: FileEntry, repo: Repository): Promise<Marker[]> {
  const text = await repo.text(file.path, bytesMax);
  if (!/TODO|FIXME|HACK|XXX/.test(text)) return [];
  if (isScript(file.path))
    return (await moduleFacts(repo, file.path)).comments.flatMap((comment) => markersIn(comment.text, comment.line));
  const comment = lineComments[file.language];
  if (comment === undefined) return [];
  return text.split("\n").flatMap((row, index) => markersIn(comment.exec(row)?.[1] ?? "", index + 1));
}

interface Age {
  readonly at: number;
  /** The oldest commit of a shallow clone: the line may be older. */
  readonly boundary: boolean;
}

/** Blob ids at HEAD: a file with the same id is as it was committed. */
function committedBlobs(repo: Repository): Promise<ReadonlyMap<string, string>> {
  return repo.once("committed-blobs", async () => {
    const output = await repo.runGit(["ls-tree", "-r", "-z", "HEAD"]).catch(() => "");
    return new Map(
      nulSeparated(output).map((row) => [row.slice(row.indexOf("\t") + 1), row.split(/[ \t]/, 3)[2] ?? ""] as const),
    );
  });
}

/** When lines of a file were written, by their text: an uncommitted edit above must not shift the ages. */
async function agesByText(file: FileEntry, lines: readonly number[], repo: Repository): Promise<ReadonlyMap<string, Age>> {
  const ages = new Map<string, Age>();
  if (repo.git === null || repo.git.head === null) return ages;
  // Blame follows only the lines asked for, which is several times faster; line numbers are known for unchanged files.
  const unchanged = (await committedBlobs(repo)).get(file.path) === file.hash;
  const ranges = unchanged ? lines.flatMap((line) => ["-L", `${line},${line}`]) : [];
  // At HEAD, never of the work tree: reading that through git may run filters that the repository configures.
  const output = await repo
    .runGit(["blame", "--line-porcelain", "--no-textconv", ...ranges, repo.git.head, "--", file.path])
    .catch(() => "");
  let at = 0;
  let boundary = false;
  for (const row of output.split("\n")) {
    if (row.startsWith("author-time ")) at = Number(row.slice(12)) * 1000;
    else if (row === "boundary") boundary = true;
    else if (row.startsWith("\t")) {
      const key = row.slice(1).trim();
      const known = ages.get(key);
      if (known === undefined || at > known.at) ages.set(key, { at, boundary });
      boundary = false;
    }
  }
  return ages;
}

function monthsBetween(from: number, to: string): number {
  // Whole months to the month of HEAD: the age is the same for all commits of a month, and so is the finding.
  const [start, end] = [new Date(from), new Date(to)];
  return (end.getUTCFullYear() - start.getUTCFullYear()) * 12 + end.getUTCMonth() - start.getUTCMonth();
}

async function auditFile(file: FileEntry, repo: Repository): Promise<Draft[]> {
  const markers = await markersOf(file, repo);
  if (markers.length === 0) return [];
  const rows = (await repo.text(file.path, bytesMax)).split("\n");
  const ages = await agesByText(
    file,
    markers.map((each) => each.line),
    repo,
  );
  return markers.map((found): Draft => {
    const age = ages.get((rows[found.line - 1] ?? "").trim());
    const months = age === undefined || typeof repo.git?.headAt !== "string" ? null : monthsBetween(age.at, repo.git.headAt);
    const isOld = months !== null && months >= oldMonths;
    // XXX is as often a warning to readers as a plan.
    const urgent = found.word === "FIXME" || found.word === "HACK";
    const severity = urgent ? bySetting(isOld ? "medium" : "low", file.path) : isOld ? "low" : "info";
    const since =
      months === null
        ? ""
        : ` for ${age?.boundary === true && repo.git?.shallow === true ? "at least " : ""}${counted(months, "month")}`;
    return {
      dimension,
      rule: isOld ? "old-marker" : "marker",
      severity,
      path: file.path,
      line: found.line,
      what: found.text,
      message: `A ${found.word} has stood here${since}.`,
      fix: isOld ? "Do it, or delete it: after two years it is not a plan." : "Do it, or make it an issue.",
      evidence: found.text,
      ...(months === null ? {} : { facts: { word: found.word, months } }),
    };
  });
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "pickaxe through the file's history";
  const row = (await repo.text(finding.path, bytesMax)).split("\n")[(finding.line ?? 1) - 1] ?? "";
  const word = fact(finding, "word");
  if (!row.includes(word)) return rejected(method, "The comment is gone.");
  const git = repo.git;
  if (git === null || git.head === null || git.headAt === null) return likely(method, "There is no history to tell its age.");
  const needle = row.slice(row.indexOf(word)).trim();
  // The pickaxe finds commits that added or removed the text, also from before the line was moved or reindented.
  const output = await repo.runGit(["log", `-S${needle}`, "--format=%at", git.head, "--", finding.path]).catch(() => "");
  const times = output
    .split("\n")
    .filter(Boolean)
    .map((time) => Number(time) * 1000);
  const newest = Math.max(...times);
  const oldest = Math.min(...times);
  if (times.length === 0) return likely(method, "No commit adds its very text: the file was renamed.");
  if (monthsBetween(oldest, git.headAt) < oldMonths) return rejected(method, "It was written within the last two years.");
  if (monthsBetween(newest, git.headAt) < 6) return likely(method, "It was touched within the last half year.");
  return confirmed(`${method}: written ${monthsBetween(oldest, git.headAt)} months before HEAD`);
}

function readable(inventory: Inventory): Inventory["files"] {
  return authored(inventory).filter((file) => file.bytes <= bytesMax && (isScript(file.path) || file.language in lineComments));
}

export const debt: Audit = {
  dimension,
  description: "TODO, FIXME, HACK and XXX comments, with their age from the history",
  version: 1,
  scope(inventory) {
    const files = readable(inventory);
    if (files.length === 0) return { out: "no files in a language whose comments are known" };
    // Ages are counted to the month of HEAD. The last commit of each file is in the hash of its shard.
    const basis = [inventory.git.headAt?.slice(0, 7) ?? "", String(inventory.git.shallow === true)];
    return {
      files,
      why: `comments of ${counted(files.length, "file")}${inventory.git.head === null ? ", without ages for want of a history" : ""}`,
      basis,
      shardBytes: 1024 * 1024,
      shardFiles: 150,
      history: true,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const file of shard.files) drafts.push(...(await auditFile(file, repo)));
    return settle(drafts);
  },
  verify,
};
