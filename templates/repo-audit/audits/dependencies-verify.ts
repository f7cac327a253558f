// The second look at findings about dependencies: by text where the audit went by syntax trees.

import { isMarkdown, isScript } from "../classify.ts";
import { corpus, namesPackage } from "../corpus.ts";
import type { Finding, Verdict } from "../finding.ts";
import { commandsOf, isLocked, peerOf } from "../locked-packages.ts";
import { declares, type Package, readPackages, typesOf } from "../packages.ts";
import { baseOf, isUnder } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { confirmed, fact, likely, rejected } from "./audit.ts";

/** The manifest without the lists in which the name stands anyway. */
function restOfManifest(pack: Package): string {
  const rest = Object.fromEntries(
    Object.entries(pack.json).filter(
      ([field]) => !/dependencies$/i.test(field) && field !== "name" && field !== "keywords" && field !== "description",
    ),
  );
  return JSON.stringify(rest);
}

/** Loaded by compilers and frameworks without anybody writing an import. */
const implicit =
  /^(tslib|typescript|core-js|regenerator-runtime|@babel\/runtime.*|react|react-dom|react-native|next|nuxt|@swc\/helpers|reflect-metadata|source-map-support|sharp|pg-native|bufferutil|utf-8-validate|@vercel\/.*|@nestjs\/platform-.*|prisma|@prisma\/client|autoprefixer|postcss|tailwindcss|sass|less|vite)$/;

/** Configs of tools name plugins in strings, and packages of a workspace share them. */
const toolConfig =
  /(\.config\.[cm]?[jt]s|config[^/]*\.json|rollup[^/]*|webpack[^/]*|import[-_]?map[^/]*|deno\.jsonc?|bunfig\.toml|vite[^/]*|angular\.json)$/;

async function verifyUnused(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "text search in configs, scripts and other languages; commands; peers";
  const name = fact(finding, "name");
  const pack = (await readPackages(repo)).find((each) => each.manifest === finding.path);
  if (pack === undefined) return rejected(method, "The manifest is gone.");
  if (namesPackage(restOfManifest(pack), name))
    return rejected(method, "The manifest itself names it outside the lists of dependencies.");
  const commands = await commandsOf(repo, name, pack.folder);
  const scripts = JSON.stringify(pack.json["scripts"] ?? {});
  const run = commands.find((command) => namesPackage(scripts, command));
  if (run !== undefined) return rejected(method, `A script runs its command ${run}.`);
  for (const { path, text } of await corpus(repo)) {
    if (path === finding.path || isMarkdown(path) || !isUnder(path, pack.folder) || baseOf(path) === "package.json") continue;
    if (namesPackage(text, name)) return rejected(method, `${path} names it.`);
    const shell = /(^|\/)(Makefile|Dockerfile[^/]*|justfile|Taskfile[^/]*|Procfile)$|\.(sh|ya?ml)$/.test(path);
    if (shell && commands.some((command) => namesPackage(text, command))) return rejected(method, `${path} runs its command.`);
  }
  const peer = await peerOf(repo, name, pack.folder);
  if (peer !== null) return rejected(method, `${peer} needs it as its peer.`);
  if (implicit.test(name)) return rejected(method, "Compilers and frameworks load it without an import.");
  // A sibling that resolves packages by name expects its users to bring them.
  const packages = await readPackages(repo);
  const isSibling = packages.some((each) => each.name === name);
  const asked = isSibling ? (await corpus(repo)).find(({ path, text }) => isScript(path) && namesPackage(text, name)) : undefined;
  if (asked !== undefined) return likely(method, `${asked.path} names it and may expect it at run time.`);
  const shared = (await corpus(repo)).find(({ path, text }) => toolConfig.test(path) && namesPackage(text, name));
  return shared === undefined
    ? confirmed(method)
    : likely(method, `${shared.path} names it, which this package may use as well.`);
}

async function verifyMissing(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "text search for aliases, declared modules and other manifests";
  const name = fact(finding, "name");
  for (const { path, text } of await corpus(repo)) {
    if (text.includes(`declare module "${name}`) || text.includes(`declare module '${name}`))
      return rejected(method, `${path} declares the module.`);
    const config = toolConfig.test(path);
    if (config && namesPackage(text, name)) return rejected(method, `${path} configures it.`);
  }
  const line = (await repo.text(finding.path))
    .split("\n")
    .slice((finding.line ?? 1) - 1, (finding.line ?? 1) + 30)
    .join("\n");
  if (!line.includes(name)) return rejected(method, "The import is gone.");
  const manifest = (await readPackages(repo)).find((each) => each.manifest === fact(finding, "manifest"));
  const bundled = manifest !== undefined && namesPackage(restOfManifest(manifest), name);
  if (bundled) return rejected(method, "The manifest names it in another place.");
  const folder = manifest?.folder ?? "";
  if ((await isLocked(repo, typesOf(name), folder)) && !(await isLocked(repo, name, folder))) {
    return rejected(method, "The lockfile has its types only: the import vanishes when compiled.");
  }
  const elsewhere = (await readPackages(repo)).find((each) => declares(each, name));
  return elsewhere === undefined
    ? confirmed(method)
    : likely(method, `${elsewhere.manifest} declares it, and hoisting may make it available.`);
}

async function verifyDrift(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "text of the lockfile around the name";
  const text = (await repo.textOrNull(fact(finding, "lockfile"), 32 * 1024 * 1024)) ?? "";
  const name = fact(finding, "name");
  if (!text.includes(name)) return confirmed(`${method}: it is not named at all`);
  const asked = [
    `"${name}": "${fact(finding, "wanted")}"`,
    `${name}@${fact(finding, "wanted")}`,
    `${name}@npm:${fact(finding, "wanted")}`,
  ];
  return asked.some((wanted) => text.includes(wanted))
    ? likely(method, "The same range stands elsewhere in the lockfile.")
    : confirmed(method);
}

export async function verifyDependencies(finding: Finding, repo: Repository): Promise<Verdict> {
  if (finding.rule === "unused-dependency") return verifyUnused(finding, repo);
  return finding.rule === "missing-dependency" ? verifyMissing(finding, repo) : verifyDrift(finding, repo);
}
