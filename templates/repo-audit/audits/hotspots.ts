// Where change and complexity meet: files changed often within the year before HEAD whose code is hard to follow.

import type { FileEntry, Finding, Inventory, Verdict } from "../finding.ts";
import { isExamplePath, isFixturePath } from "../classify.ts";
import { readHistory, windowStart } from "../history.ts";
import type { Repository } from "../repository.ts";
import { moduleFacts } from "../source/module.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, scripts } from "./scopes.ts";

const dimension = "hotspots";
/** Below this a history says more about chance than about the code. */
const commitsMin = 20;
const changesMin = 8;
const candidatesMax = 60;
const functionComplexityMin = 15;
const fileComplexityMin = 60;

/** Files changed more often than nine of ten changed ones. */
function candidates(inventory: Inventory): { files: readonly FileEntry[]; changes: number } {
  const changed = scripts(inventory).filter(
    (file) => file.touched !== undefined && file.kind === "source" && !isExamplePath(file.path) && !isFixturePath(file.path),
  );
  const counts = changed.map((file) => file.touched?.commits ?? 0).sort((a, b) => a - b);
  const changes = Math.max(changesMin, counts[Math.floor(counts.length * 0.9)] ?? 0);
  const files = changed
    .filter((file) => (file.touched?.commits ?? 0) >= changes)
    .sort((a, b) => (b.touched?.commits ?? 0) - (a.touched?.commits ?? 0))
    .slice(0, candidatesMax)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, changes };
}

async function auditFile(file: FileEntry, repo: Repository): Promise<Draft[]> {
  const facts = await moduleFacts(repo, file.path);
  const commits = file.touched?.commits ?? 0;
  const drafts: Draft[] = [];
  const total = facts.functions.reduce((sum, fn) => sum + fn.complexity - 1, 1);
  const hardest = facts.functions.toSorted((a, b) => b.complexity - a.complexity || a.line - b.line)[0];
  if (hardest !== undefined && (hardest.complexity >= functionComplexityMin || total >= fileComplexityMin)) {
    drafts.push({
      dimension,
      rule: "hotspot",
      severity: bySetting("medium", file.path),
      path: file.path,
      line: hardest.line,
      what: "hotspot",
      message: `Changed by ${counted(commits, "commit")} within a year, and its function ${hardest.name} has a complexity of ${hardest.complexity} (the file: ${total}).`,
      fix: `Split ${hardest.name} along its branches, and cover it by tests before the next change.`,
      evidence: `${counted(commits, "commit")}, ${counted(facts.functions.length, "function")}, complexity ${total}`,
      facts: { commits, complexity: total, hardest: hardest.complexity, lines: facts.lines },
    });
  }
  const authors = (await readHistory(repo)).touched.get(file.path)?.authors ?? [];
  const everybody = new Set(
    [...(await readHistory(repo)).touched.values()].flatMap((touched) => touched.authors.map(([name]) => name)),
  );
  const most = authors[0]?.[1] ?? 0;
  if (everybody.size >= 3 && commits >= changesMin && most >= commits * 0.9) {
    // Counts only: an audit judges code and names nobody.
    drafts.push({
      dimension,
      rule: "single-owner",
      severity: "low",
      path: file.path,
      what: "single owner",
      message: `One of ${everybody.size} authors made ${most} of the ${commits} changes within a year.`,
      fix: "Let somebody else review or make the next changes.",
      evidence: `${most} of ${counted(commits, "commit")} by one author`,
    });
  }
  return drafts;
}

/** Indentation is a known stand-in for complexity, and it needs no parser. */
function deepLines(text: string): number {
  const depths = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
      return indent.includes("\t") ? indent.split("\t").length - 1 : indent.length;
    });
  const unit = Math.min(...depths.filter((depth) => depth > 0), 8);
  return depths.filter((depth) => depth / unit >= 3).length;
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  const git = repo.git;
  const method = "rev-list and blame of the file, nesting by indentation";
  if (git === null || git.head === null || git.headAt === null) return rejected(method, "There is no history.");
  const since = windowStart(git.headAt);
  const counted = Number(
    await repo.runGit(["rev-list", "--count", "--no-merges", `--since=${since}`, git.head, "--", finding.path]),
  );
  if (counted < Number(fact(finding, "commits")) * 0.7)
    return rejected(method, `Only ${counted} commits of the year touch the file as it is today.`);

  const blame = await repo.runGit(["blame", "--porcelain", "--no-textconv", git.head, "--", finding.path]).catch(() => "");
  const times = new Map<string, number>();
  let current = "";
  let lines = 0;
  let young = 0;
  const start = new Date(since).getTime();
  for (const row of blame.split("\n")) {
    const header = /^([0-9a-f]{40,64}) \d+ \d+/.exec(row);
    if (header !== null) current = header[1] ?? "";
    else if (row.startsWith("committer-time ")) times.set(current, Number(row.slice(15)) * 1000);
    else if (row.startsWith("\t")) {
      lines += 1;
      if ((times.get(current) ?? 0) >= start) young += 1;
    }
  }
  if (lines === 0) return likely(method, `${counted} commits touch it, but git cannot say which lines are young.`);
  if (young < lines * 0.05)
    return rejected(method, "Next to none of its lines are younger than a year: the changes came and went.");
  const deep = deepLines(await repo.text(finding.path));
  if (deep < 10) return likely(method, "Its code is hardly nested: the branches may be flat.");
  return confirmed(`${method}: ${counted} commits, ${Math.round((young / lines) * 100)} % of the lines younger than a year`);
}

export const hotspots: Audit = {
  dimension,
  description: "Scripts that change often and are complex, from history and syntax tree",
  version: 1,
  scope(inventory) {
    const { git } = inventory;
    if (git.head === null) return { out: "no git history" };
    if (git.commits < commitsMin)
      return { out: `${counted(git.commits, "commit")}${git.shallow === true ? " in a shallow clone" : ""}: too little history` };
    const { files, changes } = candidates(inventory);
    if (files.length === 0) return { out: `no script was changed ${changesMin} times within the year before HEAD` };
    return {
      files,
      why: `${counted(files.length, "script")} changed at least ${changes} times within the year before HEAD`,
      basis: [git.head, String(changes)],
      shardBytes: 512 * 1024,
      shardFiles: 20,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const file of shard.files) drafts.push(...(await auditFile(file, repo)));
    return settle(drafts);
  },
  verify,
};
