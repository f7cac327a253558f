// Documentation of what a published package offers: doc comments on exported functions and classes, and a README.

import { isExamplePath, isFixturePath, isMarkdown, isTestPath } from "../classify.ts";
import type { Finding, Inventory, Verdict } from "../finding.ts";
import { vendoredPaths } from "../inventory.ts";
import { isPublished, readPackages } from "../packages.ts";
import { baseOf, isUnder, parentOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { moduleFacts } from "../source/module.ts";
import { publicApi } from "../source/public-api.ts";
import { type Audit, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, graphBasis, hashes, scripts } from "./scopes.ts";

const dimension = "docs";
const namesMin = 3;

async function auditModule(path: string, repo: Repository): Promise<Draft[]> {
  const names = (await publicApi(repo)).get(path);
  if (names === undefined) return [];
  const facts = await moduleFacts(repo, path);
  const offered = facts.exports.filter(
    (each) => names.has(each.name) && each.from === undefined && (each.kind === "function" || each.kind === "class"),
  );
  const silent = offered.filter((each) => !each.documented);
  const [first] = silent;
  if (first === undefined) return [];
  const most = silent.length >= namesMin && silent.length >= offered.length / 2;
  const listed = silent.map((each) => each.name);
  return [
    {
      dimension,
      rule: "undocumented-exports",
      severity: most ? "medium" : "low",
      path,
      line: first.line,
      what: "undocumented exports",
      message: `${silent.length} of the ${counted(offered.length, "public function or class", "public functions and classes")} here have no doc comment.`,
      fix: "Say what each is for, in the comment that editors show.",
      evidence: listed.join(", "),
      facts: { names: listed.slice(0, 40).join(" "), total: offered.length },
    },
  ];
}

async function auditPackage(manifest: string, repo: Repository): Promise<Draft[]> {
  const pack = (await readPackages(repo)).find((each) => each.manifest === manifest);
  if (pack === undefined || !isPublished(pack)) return [];
  const names = (await repo.paths()).children(pack.folder).map(baseOf);
  if (names.some((name) => /^readme(\.|$)/i.test(name))) return [];
  return [
    {
      dimension,
      rule: "no-readme",
      severity: "medium",
      path: manifest,
      what: "no readme",
      message: `The package ${pack.name} is made to be published and has no README.`,
      fix: "Add a README: it is the package's page in the registry.",
      evidence: `"name": ${JSON.stringify(pack.name)}`,
      facts: { folder: pack.folder },
    },
  ];
}

/** Markdown that explains to users; records of the past do not. */
function guides(repo: Repository): Promise<readonly string[]> {
  return repo.once("guides", async () => {
    const { files } = await repo.paths();
    const vendored = await vendoredPaths(repo);
    const texts: string[] = [];
    let bytes = 0;
    for (const path of files.filter(
      (file) => isMarkdown(file) && !vendored.has(file) && !/changelog|history|migrat/i.test(baseOf(file)),
    )) {
      const text = (await repo.textOrNull(path)) ?? "";
      bytes += text.length;
      if (bytes > 32 * 1024 * 1024) break;
      texts.push(text);
    }
    return texts;
  });
}

function mentions(guide: string, name: string): boolean {
  for (let at = guide.indexOf(name); at >= 0; at = guide.indexOf(name, at + 1)) {
    const before = guide[at - 1] ?? " ";
    const after = guide[at + name.length] ?? " ";
    if (!/[\w$]/.test(before) && !/[\w$]/.test(after)) return true;
  }
  return false;
}

/** Any comment above the declaration, read as text: decorators, overloads and odd comment styles do not matter here. */
function hasCommentAbove(lines: readonly string[], name: string): boolean {
  const at = lines.findIndex((line) =>
    new RegExp(`\\b(function\\*?|class|const|let|var)\\s+${name.replaceAll("$", "\\$")}\\b`).test(line),
  );
  if (at <= 0) return false;
  for (let above = at - 1; above >= 0 && above > at - 6; above -= 1) {
    const line = (lines[above] ?? "").trim();
    if (/^(\/\/|\/\*|\*|\*\/)/.test(line) && !/eslint|oxlint|biome|prettier|@ts-|istanbul|#__/.test(line)) return true;
    if (!/^(@|export\b|function\b|\)|$)/.test(line)) return false;
  }
  return false;
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  if (finding.rule === "no-readme") {
    const method = "git's list, whatever the case and the folder";
    const folder = fact(finding, "folder");
    const found = (await repo.paths()).files.find(
      (path) =>
        isUnder(path, folder) &&
        /^(readme|index)\.(md|mdx|rst|txt|adoc)$/i.test(baseOf(path)) &&
        parentOf(path).slice(folder.length).split("/").length <= 2,
    );
    return found === undefined ? confirmed(method) : rejected(method, `${found} takes its place.`);
  }
  const method = "raw comments above each declaration, declaration files, and the guides";
  const names = fact(finding, "names")
    .split(" ")
    .filter((name) => name !== "" && name !== "default");
  const lines = (await repo.text(finding.path)).split("\n");
  const declarations = (await repo.textOrNull(finding.path.replace(/\.[cm]?jsx?$/, ".d.ts"))) ?? "";
  const texts = await guides(repo);
  const told = names.filter(
    (name) =>
      hasCommentAbove(lines, name) ||
      (finding.path.endsWith("js") && declarations.includes("/**") && declarations.includes(name)) ||
      texts.some((text) => mentions(text, name)),
  );
  if (told.length >= names.length * 0.5) return rejected(method, `${told.length} of ${names.length} are explained there.`);
  return told.length === 0 ? confirmed(method) : likely(method, `${told.length} of ${names.length} are explained elsewhere.`);
}

function documentable(inventory: Inventory): Inventory["files"] {
  return scripts(inventory).filter(
    (file) => file.kind === "source" && !isTestPath(file.path) && !isFixturePath(file.path) && !isExamplePath(file.path),
  );
}

export const docs: Audit = {
  dimension,
  description: "Public functions and classes without a doc comment, packages without a README",
  version: 1,
  scope(inventory) {
    const manifests = inventory.files.filter((file) => baseOf(file.path) === "package.json" && !file.vendored);
    if (manifests.length === 0) return { out: "no package.json, so that nothing says what is public" };
    const code = documentable(inventory);
    const files = [...manifests, ...code].sort((a, b) => (a.path < b.path ? -1 : 1));
    const texts = inventory.files.filter((file) => isMarkdown(file.path));
    return {
      files,
      why: `public names of ${counted(manifests.length, "package")}, in ${counted(code.length, "script")}`,
      basis: [...graphBasis(inventory), ...hashes(texts)],
      shardBytes: 768 * 1024,
      shardFiles: 100,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const { path } of shard.files)
      drafts.push(...(baseOf(path) === "package.json" ? await auditPackage(path, repo) : await auditModule(path, repo)));
    return settle(drafts);
  },
  verify,
};
