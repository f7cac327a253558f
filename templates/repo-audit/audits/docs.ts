// Documentation of what a published package offers: doc comments on exported functions and classes, and a README.

import { isExamplePath, isFixturePath, isMarkdown, isTestPath } from "../classify.ts";
import type { Finding, Inventory, Verdict } from "../finding.ts";
import { vendoredPaths } from "../inventory.ts";
import { isPublished, packageOf, readPackages } from "../packages.ts";
import { baseOf, isUnder, parentOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { moduleFacts } from "../source/module.ts";
import { publicApi } from "../source/public-api.ts";
import { type Audit, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, graphBasis, hashes, scripts } from "./scopes.ts";

const dimension = "docs";
const namesMin = 3;
/** Names that are looked up again by the verifier. */
const namesMax = 60;
/** A package that leaves out more than this has no habit of doc comments, and single files are not the matter. */
const silentShareMin = 0.7;
const packageNamesMin = 8;

interface Offer {
  readonly path: string;
  readonly names: readonly string[];
  readonly silent: readonly { readonly name: string; readonly line: number }[];
}

/** Public functions and classes of one module, and those of them without a doc comment. */
async function offerOf(path: string, repo: Repository): Promise<Offer> {
  const names = (await publicApi(repo)).get(path);
  const facts = names === undefined ? null : await moduleFacts(repo, path);
  const offered = (facts?.exports ?? []).filter((each) => {
    const isCode = each.kind === "function" || each.kind === "class";
    // A leading underscore says "not for you".
    return isCode && each.from === undefined && names?.has(each.name) === true && !each.name.startsWith("_");
  });
  return { path, names: offered.map((each) => each.name), silent: offered.filter((each) => !each.documented) };
}

/** By manifest: packages that hardly document anything. One finding about each stands for all its files. */
function silentPackages(repo: Repository): Promise<ReadonlyMap<string, readonly Offer[]>> {
  return repo.once("silent-packages", async () => {
    const packages = await readPackages(repo);
    const offers = new Map<string, Offer[]>();
    for (const path of [...(await publicApi(repo)).keys()].sort()) {
      const pack = packageOf(packages, path);
      if (pack === null || !isDocumentable(path)) continue;
      // A broken module is reported by the shard that holds it.
      const offer = await offerOf(path, repo).catch(() => null);
      if (offer !== null) offers.set(pack.manifest, [...(offers.get(pack.manifest) ?? []), offer]);
    }
    const silent = [...offers].filter(([, all]) => {
      const names = all.reduce((sum, offer) => sum + offer.names.length, 0);
      const missing = all.reduce((sum, offer) => sum + offer.silent.length, 0);
      return names >= packageNamesMin && missing > names * silentShareMin;
    });
    return new Map(silent);
  });
}

async function auditModule(path: string, repo: Repository): Promise<Draft[]> {
  const { names, silent } = await offerOf(path, repo);
  const [first] = silent;
  if (first === undefined) return [];
  const pack = packageOf(await readPackages(repo), path);
  if (pack !== null && (await silentPackages(repo)).has(pack.manifest)) return [];
  const most = silent.length >= namesMin && silent.length >= names.length / 2;
  const listed = silent.map((each) => each.name);
  return [
    {
      dimension,
      rule: "undocumented-exports",
      severity: most ? "medium" : "low",
      path,
      line: first.line,
      what: "undocumented exports",
      message: `${silent.length} of the ${counted(names.length, "public function or class", "public functions and classes")} here have no doc comment.`,
      fix: "Say what each is for, in the comment that editors show.",
      evidence: listed.join(", "),
      facts: { names: listed.slice(0, namesMax).join(" ") },
    },
  ];
}

async function auditPackage(manifest: string, repo: Repository): Promise<Draft[]> {
  const pack = (await readPackages(repo)).find((each) => each.manifest === manifest);
  if (pack === undefined || !isPublished(pack)) return [];
  const drafts: Draft[] = [];
  const offers = (await silentPackages(repo)).get(manifest);
  if (offers !== undefined) {
    const listed = offers.flatMap((offer) => offer.silent.map((each) => each.name));
    const total = offers.reduce((sum, offer) => sum + offer.names.length, 0);
    drafts.push({
      dimension,
      rule: "undocumented-package",
      severity: "medium",
      path: manifest,
      what: "undocumented package",
      message: `${listed.length} of the ${counted(total, "public function or class", "public functions and classes")} of ${pack.name} have no doc comment.`,
      fix: "Begin with those that the README names.",
      evidence: listed.join(", "),
      facts: { names: listed.slice(0, namesMax).join(" ") },
    });
  }
  const names = (await repo.paths()).children(pack.folder).map(baseOf);
  if (!names.some((name) => /^readme(\.|$)/i.test(name))) {
    drafts.push({
      dimension,
      rule: "no-readme",
      severity: "medium",
      path: manifest,
      what: "no readme",
      message: `The package ${pack.name} is made to be published and has no README.`,
      fix: "Add a README: it is the package's page in the registry.",
      evidence: `"name": ${JSON.stringify(pack.name)}`,
      facts: { folder: pack.folder },
    });
  }
  return drafts;
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
  const offers = (await silentPackages(repo)).get(finding.path);
  const modules = offers?.map((offer) => offer.path) ?? [finding.path];
  const sources = await Promise.all(
    modules.map(async (path) => ({
      path,
      lines: (await repo.text(path)).split("\n"),
      declarations: await declarationsOf(path, repo),
    })),
  );
  const texts = await guides(repo);
  const isTold = (name: string): boolean =>
    sources.some(({ lines, declarations }) => hasCommentAbove(lines, name) || isDocumentedIn(declarations, name)) ||
    texts.some((text) => mentions(text, name));
  const told = names.filter(isTold).length;
  if (told >= names.length * 0.5) return rejected(method, `${told} of ${names.length} are explained there.`);
  return told === 0 ? confirmed(method) : likely(method, `${told} of ${names.length} are explained elsewhere.`);
}

/** Hand-written declarations beside plain JavaScript are where its editors' comments stand. */
async function declarationsOf(path: string, repo: Repository): Promise<string> {
  return /\.[cm]?jsx?$/.test(path) ? ((await repo.textOrNull(path.replace(/\.[cm]?jsx?$/, ".d.ts"))) ?? "") : "";
}

function isDocumentedIn(declarations: string, name: string): boolean {
  return hasCommentAbove(declarations.split("\n"), name);
}

function isDocumentable(path: string): boolean {
  return !isTestPath(path) && !isFixturePath(path) && !isExamplePath(path);
}

function documentable(inventory: Inventory): Inventory["files"] {
  return scripts(inventory).filter((file) => file.kind === "source" && isDocumentable(file.path));
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
