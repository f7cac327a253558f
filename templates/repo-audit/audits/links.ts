// Dead links and paths in Markdown. Most relative links that lead nowhere on disk are routes of a docs site, generated
// pages or vendored text: those are told apart first, because 98 of 100 naive findings were such.

import { isFixturePath, isGeneratedText, isMarkdown } from "../classify.ts";
import type { Finding, Verdict } from "../finding.ts";
import { knownInventory } from "../inventory.ts";
import { siteOf, targetOf } from "../link-target.ts";
import { markdownBytesMax, readMarkdown } from "../markdown.ts";
import { baseOf, foldersAbove, type PathIndex } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { atMost, type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, pathBasis } from "./scopes.ts";

const dimension = "links";
const gatheredMin = 5;

interface FolderDraft extends Draft {
  readonly folder?: string;
}

/** Rendered somewhere else than where they lie, so that their relative links cannot be judged from here. */
const renderedElsewhere =
  /(^|\/)(issue_template|pull_request_template|\.changeset|\.claude|\.cursor|prompts?|cookiecutter[^/]*|\{\{[^/]*)(\/|\.|$)/i;
const partOfPage = /(^|\/)(_|partials?\/|snippets?\/|includes?\/|fragments?\/)/i;
/** Records of the past: what they name may be gone by right. */
const historical =
  /(^|\/)((changelog|changes|history|news|releases?|release-?notes|migrat\w+)[^/]*\.mdx?$|(versioned_docs|archive[sd]?|old|legacy|changelogs?|releases?|adrs?|rfcs?|blog)\/)/i;
const placeholder =
  /(^|\/)(path\/to|your[-_]|my[-_]?(file|image)|foo|bar|baz|xxx|link|url|example|some[-_]|placeholder|todo)(\b|\.|\/|$)/i;

/** Letters and digits only: sites disagree about everything else in a slug. */
function loose(anchor: string): string {
  return anchor
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[^\p{L}\p{N}]/gu, "");
}

function hasAnchor(anchor: string, headings: readonly string[], html: readonly string[], text: string): boolean {
  const wanted = loose(anchor);
  if (wanted === "" || /^(l\d+|top|readme|content|user-content)/i.test(anchor)) return true;
  return (
    headings.some((heading) => loose(heading) === wanted || loose(heading) === wanted.replace(/\d+$/, "")) ||
    html.some((tag) => tag.includes(anchor)) ||
    text.includes(`{#${anchor}`) ||
    text.includes(`id="${anchor}"`) ||
    text.includes(`name="${anchor}"`) ||
    text.includes(`[#${anchor}]`) ||
    text.includes(`^${anchor.replace(/^fn-?/, "")}]`)
  );
}

/** The topmost folder above a missing path that is missing itself; `""` when the folder is there. */
function missingFolder(path: string, paths: PathIndex): string {
  return foldersAbove(path).findLast((folder) => !paths.hasFolder(folder)) ?? "";
}

/** Many links into one folder that is not there are one finding: the folder is missing, not each of its files. */
function gathered(drafts: readonly FolderDraft[], lost: ReadonlyMap<string, number>): Draft[] {
  const told = new Set<string>();
  return drafts.flatMap(({ folder, ...draft }): Draft[] => {
    const count = lost.get(folder ?? "") ?? 0;
    if (folder === undefined || folder === "" || count < gatheredMin) return [draft];
    if (told.has(folder)) return [];
    told.add(folder);
    const message = `${count} links point into ${folder}/, which does not exist; this is the first.`;
    return [{ ...draft, message, what: `folder ${folder}`, facts: { ...draft.facts, target: folder } }];
  });
}

async function auditFile(path: string, repo: Repository): Promise<Draft[]> {
  const { docsSites } = await knownInventory(repo);
  const paths = await repo.paths();
  const text = await repo.text(path, markdownBytesMax);
  if (isGeneratedText(text)) return [];
  const facts = readMarkdown(path, text);
  const drafts: FolderDraft[] = [];
  const lost = new Map<string, number>();
  for (const link of facts.links) {
    const evidence = `${link.image ? "!" : ""}[${link.text}](${link.url})`;
    if (link.url.startsWith("#") && siteOf(path, docsSites) === null) {
      let anchor = link.url.slice(1);
      try {
        anchor = decodeURIComponent(anchor);
      } catch {
        // A stray percent sign is part of the anchor.
      }
      if (hasAnchor(anchor, facts.headings, facts.html, text)) continue;
      drafts.push({
        dimension,
        rule: "dead-anchor",
        severity: "low",
        path,
        line: link.line,
        what: link.url,
        evidence,
        message: `The link goes to #${anchor}, and no heading of this file has that anchor.`,
        fix: "Point the link to an existing heading, or restore the heading.",
      });
      continue;
    }
    const target = targetOf(path, link.url, facts.frontMatter, { paths, docsSites });
    if (target.kind !== "missing") continue;
    const otherCase = paths.otherCase(target.path);
    const folder = missingFolder(target.path, paths);
    lost.set(folder, (lost.get(folder) ?? 0) + 1);
    const severity = historical.test(path) || isFixturePath(path) ? "low" : bySetting("medium", path);
    drafts.push(
      otherCase === null
        ? {
            folder,
            dimension,
            rule: "dead-path",
            severity,
            path,
            line: link.line,
            what: link.url,
            evidence,
            message: `The ${link.image ? "image" : "link"} points to ${target.path}, which does not exist.`,
            fix: "Point it to the file's present place, or remove it.",
            facts: { target: target.path, url: link.url },
          }
        : {
            dimension,
            rule: "wrong-case",
            severity: atMost(severity, "medium"),
            path,
            line: link.line,
            what: link.url,
            evidence,
            message: `The link spells ${target.path}, but the file is ${otherCase}: it breaks wherever case matters.`,
            fix: `Spell it ${otherCase}.`,
            facts: { target: target.path, url: link.url, actual: otherCase },
          },
    );
  }
  return gathered(drafts, lost);
}

function fate(repo: Repository, path: string): Promise<string | null> {
  return repo.once(`fate:${path}`, () => readFate(repo, path));
}

/** Where a path went, by the history: renamed to, or removed in. */
async function readFate(repo: Repository, path: string): Promise<string | null> {
  if (repo.git === null || repo.git.head === null) return null;
  const commit = (
    await repo.runGit(["log", "-1", "--diff-filter=D", "--no-renames", "--format=%H", "HEAD", "--", path]).catch(() => "")
  ).trim();
  if (commit === "") return null;
  const changes = await repo.runGit(["show", "-M", "--name-status", "--relative", "--format=", commit]).catch(() => "");
  const renamed = changes
    .split("\n")
    .map((line) => line.split("\t"))
    .find(([status = "", from]) => status.startsWith("R") && from === path);
  return renamed?.[2] === undefined ? `removed in ${commit.slice(0, 10)}` : `moved to ${renamed[2]} in ${commit.slice(0, 10)}`;
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  const target = fact(finding, "target");
  const url = fact(finding, "url");
  const method = "git tree and history of the target";
  if (placeholder.test(url)) return rejected(method, "The target is a placeholder, not a path.");

  // Git's own list, not the audit's index: and the index with other letters' case.
  const listed =
    repo.git === null
      ? null
      : await repo
          .runGit(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", `:(icase,literal)${target}`])
          .catch(() => null);
  const names = (listed ?? "").split("\0").filter(Boolean);
  if (finding.rule === "wrong-case") {
    const actual = fact(finding, "actual");
    const agrees = listed === null || names.some((name) => name === actual || name.startsWith(`${actual}/`));
    return agrees ? confirmed(method) : rejected(method, "Git lists no file that differs in case only.");
  }
  if (names.includes(target)) return rejected(method, "Git lists the target.");
  if (
    repo.git !== null &&
    (await repo.runGit(["check-ignore", "-q", "--no-index", "--", target]).then(
      () => true,
      () => false,
    ))
  ) {
    return rejected(method, "The target is ignored by git: a build makes it.");
  }
  if (partOfPage.test(finding.path)) {
    const { files } = await repo.paths();
    const tail = url.replace(/[#?].*$/, "").replace(/^(\.{0,2}\/)+/, "");
    if (files.some((file) => file.endsWith(`/${tail}`) || file === tail))
      return rejected(method, "This file is included into other pages, and the link resolves from there.");
    return likely(method, "This file is included into other pages, so that its links resolve elsewhere.");
  }
  const went = await fate(repo, target);
  if (went !== null) return confirmed(`${method}: ${went}`);
  const { docsSites } = await knownInventory(repo);
  const site = siteOf(finding.path, docsSites);
  if (site !== null) return likely(method, `No such file, but ${site.framework} might make this page while building.`);
  const { files } = await repo.paths();
  const namesake = files.find((file) => baseOf(file) === baseOf(target));
  return confirmed(
    namesake === undefined ? `${method}: never existed here` : `${method}: never existed here; ${namesake} has the same name`,
  );
}

export const links: Audit = {
  dimension,
  description: "Links and images in Markdown that lead nowhere, with docs sites' routes told apart",
  version: 1,
  scope(inventory) {
    const files = inventory.files.filter(
      (file) =>
        isMarkdown(file.path) &&
        file.kind === "docs" &&
        !file.vendored &&
        file.bytes <= markdownBytesMax &&
        !renderedElsewhere.test(file.path),
    );
    if (files.length === 0) return { out: "no Markdown files" };
    const sites = inventory.docsSites.map((site) => `${site.framework} in ${site.root || "the root"}`);
    const why = `${counted(files.length, "Markdown file")}${sites.length === 0 ? "" : `; routes of ${sites.join(", ")} are not taken for paths`}`;
    // The verifier looks into the history for moved targets.
    const basis = [...pathBasis(inventory), inventory.git.head ?? ""];
    return { files, why, basis, shardBytes: 128 * 1024, shardFiles: 40 };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const file of shard.files) drafts.push(...(await auditFile(file.path, repo)));
    return settle(drafts);
  },
  verify,
};
