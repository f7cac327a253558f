// Which sources have no test. The names say it first; the import graph has the last word.

import { isExamplePath, isFixturePath, isScript, isTestPath, isVendoredPath, languageOf } from "../classify.ts";
import type { FileEntry, Finding, Shard, Verdict } from "../finding.ts";
import { knownInventory } from "../inventory.ts";
import { packageOf, readPackages } from "../packages.ts";
import { baseOf, isUnder, parentOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { importGraph } from "../source/graph.ts";
import { moduleFacts } from "../source/module.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, graphBasis, scripts } from "./scopes.ts";

const dimension = "tests";
/** Below this a file has hardly a decision that a test could hold. */
const complexityMin = 15;
const complexityMinUnchanged = 60;
/** Changes within a year that make an untested file a matter for now. */
const oftenChanged = 5;
/** A package with fewer sources is judged file by file. */
const packageSourcesMin = 5;
/** A file of two re-exports is no source that a test could hold. */
const sourceBytesMin = 200;
/** When tests go by fewer sources than this, the package as a whole is the finding. */
const namedShareMin = 0.1;
/** Commits from which on the number of changes says something. */
const historyMin = 20;

const noTestExpected =
  /(^|\/)(scripts?|tools?|bin|build|config|migrations?|docs?|website|types?|e2e|i18n|locales?|assets|static|public|\.[^/]+)\/|\.d\.[cm]?ts$|\.config\.[cm]?[jt]s$|rc\.[cm]?js$/i;

function isTest(file: Pick<FileEntry, "path">): boolean {
  return isScript(file.path) && isTestPath(file.path) && !isVendoredPath(file.path) && !isFixturePath(file.path);
}

/** `src/user/index.ts` goes by its folder's name. */
function stemOf(path: string): string {
  const stem = baseOf(path).replace(/\.[cm]?[jt]sx?$/, "");
  return (stem === "index" ? baseOf(parentOf(path)) : stem).toLowerCase();
}

function testedStem(path: string): string {
  return stemOf(path)
    .replace(/^test[-_.]/, "")
    .replace(/[-_.](test|tests|spec|specs|e2e|unit|integration|cy|bench)([-_.].*)?$/, "");
}

function plain(stem: string): string {
  return stem.replaceAll(/[-_.]/g, "");
}

function testStems(repo: Repository): Promise<ReadonlySet<string>> {
  return repo.once("test-stems", async () => {
    const { files } = await repo.paths();
    return new Set(files.filter((path) => isTest({ path })).map((path) => plain(testedStem(path))));
  });
}

interface HardlyTested {
  readonly sources: readonly string[];
  readonly tests: number;
}

/** Packages whose sources next to no test goes by, by manifest. The one finding about each stands for all its files. */
function hardlyTested(repo: Repository): Promise<ReadonlyMap<string, HardlyTested>> {
  return repo.once("hardly-tested", async () => {
    const packages = await readPackages(repo);
    const stems = await testStems(repo);
    const found = new Map<string, { sources: string[]; named: number; tests: number }>();
    for (const file of (await knownInventory(repo)).files) {
      const pack = isTest(file) || isSource(file) ? packageOf(packages, file.path) : null;
      if (pack === null) continue;
      const known = found.get(pack.manifest) ?? { sources: [], named: 0, tests: 0 };
      found.set(pack.manifest, known);
      if (isTest(file)) known.tests += 1;
      else {
        known.sources.push(file.path);
        if (stems.has(plain(stemOf(file.path)))) known.named += 1;
      }
    }
    const hardly = [...found].filter(([, { sources, named, tests }]) =>
      tests === 0
        ? sources.length >= packageSourcesMin
        : sources.length >= 4 * packageSourcesMin && named < sources.length * namedShareMin,
    );
    return new Map(hardly);
  });
}

async function auditPackages(shard: Shard, repo: Repository): Promise<Draft[]> {
  return [...(await hardlyTested(repo))].flatMap(([manifest, { sources, tests }]): Draft[] => {
    // The shard with the package's first source speaks for it.
    if (!shard.files.some((file) => file.path === sources[0])) return [];
    const evidence = `${counted(sources.length, "source")}, ${counted(tests, "test file")}`;
    return [
      {
        dimension,
        rule: "package-hardly-tested",
        severity: bySetting("medium", manifest),
        path: manifest,
        what: "hardly tested",
        message: `The package has ${counted(sources.length, "source")} and ${tests === 0 ? "not a single test file" : `only ${counted(tests, "test file")}`}.`,
        fix: "Begin with a test of its most changed source.",
        evidence,
      },
    ];
  });
}

async function auditSource(file: FileEntry, repo: Repository): Promise<Draft[]> {
  const facts = await moduleFacts(repo, file.path);
  const complexity = facts.functions.reduce((sum, fn) => sum + fn.complexity, 0);
  const changes = file.touched?.commits ?? 0;
  const exported = facts.exports.filter(
    (each) => each.from === undefined && ["function", "class", "unknown"].includes(each.kind),
  );
  // Without a history, size alone decides; with one, what changes often comes first.
  const matters =
    complexity >= complexityMinUnchanged ||
    (complexity >= complexityMin && (changes >= oftenChanged || (repo.git?.commits ?? 0) < historyMin));
  if (exported.length === 0 || !matters) return [];
  if ((await testStems(repo)).has(plain(stemOf(file.path)))) return [];
  const pack = packageOf(await readPackages(repo), file.path);
  if (pack !== null && (await hardlyTested(repo)).has(pack.manifest)) return [];
  return [
    {
      dimension,
      rule: "untested-source",
      severity: "medium",
      path: file.path,
      what: "untested",
      message: `No test goes by the name of this file, which has ${counted(exported.length, "export")} and a complexity of ${complexity}${changes >= oftenChanged ? `, and changed ${changes} times within a year` : ""}.`,
      fix: `Test ${exported[0]?.name === "default" ? "its default export" : (exported[0]?.name ?? "it")} first.`,
      evidence: exported.map((each) => each.name).join(", "),
      facts: { complexity, changes },
    },
  ];
}

async function auditTest(file: FileEntry, repo: Repository): Promise<Draft[]> {
  const { testMarks } = await moduleFacts(repo, file.path);
  return testMarks.map((mark) => {
    const focused = mark.call.endsWith(".only");
    return {
      dimension,
      rule: focused ? "focused-test" : "skipped-test",
      severity: focused ? "medium" : "info",
      path: file.path,
      line: mark.line,
      what: mark.call,
      message: focused ? `${mark.call} keeps all other tests of this file from running.` : `${mark.call} leaves a test out.`,
      fix: focused ? "Remove .only." : "Repair the test or remove it.",
      evidence: mark.call,
      facts: { call: mark.call },
    };
  });
}

async function verifyFocused(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "second reading of the line";
  const line = (await repo.text(finding.path)).split("\n")[(finding.line ?? 1) - 1] ?? "";
  const code = line.replaceAll(/(["'`])(?:\\.|(?!\1).)*\1/g, '""').replace(/\/\/.*$/, "");
  return code.includes(".only") ? confirmed(method) : rejected(method, "The line has no such call outside strings and comments.");
}

async function verifyPackage(finding: Finding, repo: Repository, tests: readonly string[]): Promise<Verdict> {
  const method = "import graph from all test files";
  const found = (await hardlyTested(repo)).get(finding.path)?.sources ?? [];
  const via = (await importGraph(repo)).reachable(tests);
  const reached = found.filter((path) => via.has(path)).length;
  if (reached >= found.length * 0.3) return rejected(method, `${reached} of ${found.length} sources are reached by tests.`);
  const other = (await repo.paths()).files.find(
    (path) => isTestPath(path) && isUnder(path, parentOf(finding.path)) && /^(python|go|ruby|java|rust)$/.test(languageOf(path)),
  );
  if (other !== undefined) return likely(method, `${other} may be a test of another kind.`);
  return reached === 0 ? confirmed(method) : likely(method, `${reached} of ${found.length} sources are reached by tests.`);
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  if (finding.rule === "focused-test") return verifyFocused(finding, repo);
  const { files } = await repo.paths();
  const tests = files.filter((path) => isTest({ path }));
  if (finding.rule === "no-tests") {
    const method = "search for test runners and in-source tests";
    const others = files.find((path) => isTestPath(path) && !isVendoredPath(path));
    return others === undefined ? confirmed(method) : rejected(method, `${others} is a test of another kind.`);
  }
  if (finding.rule === "package-hardly-tested") return verifyPackage(finding, repo, tests);
  const method = "import graph from all test files";
  const text = await repo.text(finding.path);
  if (text.includes("import.meta.vitest")) return rejected(method, "The file holds its own tests.");
  const via = (await importGraph(repo)).reachable(tests);
  const through = via.get(finding.path);
  if (through !== undefined)
    return rejected(method, isTest({ path: through }) ? `${through} imports it.` : `Tests reach it through ${through}.`);
  // Tests may start the program or load modules by computed paths: then no graph shows them.
  for (const test of tests.slice(0, 400)) {
    const mention = (await repo.textOrNull(test))?.includes(baseOf(finding.path)) === true;
    if (mention && baseOf(finding.path) !== "index.ts" && baseOf(finding.path) !== "index.js")
      return likely(method, `${test} names the file without importing it.`);
  }
  return confirmed(`${method}: none of ${tests.length} reaches it (${fact(finding, "complexity")} branches)`);
}

function isSource(file: FileEntry): boolean {
  if (file.vendored || file.kind !== "source" || !isScript(file.path) || file.bytes > 1024 * 1024 || file.bytes < sourceBytesMin)
    return false;
  return !isTestPath(file.path) && !isFixturePath(file.path) && !isExamplePath(file.path) && !noTestExpected.test(file.path);
}

export const tests: Audit = {
  dimension,
  description: "Sources that no test names or reaches, and tests that keep others from running",
  version: 1,
  scope(inventory) {
    const code = inventory.files.filter(isSource);
    if (code.length === 0) return { out: "no JavaScript or TypeScript sources that call for tests" };
    const found = scripts(inventory).filter(isTest);
    const files = [...code, ...found].sort((a, b) => (a.path < b.path ? -1 : 1));
    return {
      files,
      why: `${counted(code.length, "source")} beside ${counted(found.length, "test file")}`,
      basis: [...graphBasis(inventory), ...inventory.files.filter((file) => isTestPath(file.path)).map((file) => file.path)],
      shardBytes: 512 * 1024,
      shardFiles: 60,
    };
  },
  async audit(shard, repo) {
    const { files } = await repo.paths();
    const hasTests = files.some((path) => isTest({ path }));
    const drafts: Draft[] = [];
    if (!hasTests && shard.key.endsWith("#1")) {
      drafts.push({
        dimension,
        rule: "no-tests",
        severity: "medium",
        path: "",
        what: "no tests",
        message: "The repository has sources and not a single test file.",
        fix: "Begin with a test of the most changed source.",
        evidence: counted(shard.files.length, "source"),
      });
    }
    if (hasTests) drafts.push(...(await auditPackages(shard, repo)));
    for (const file of shard.files) {
      if (isTest(file)) drafts.push(...(await auditTest(file, repo)));
      else if (hasTests) drafts.push(...(await auditSource(file, repo)));
    }
    return settle(drafts);
  },
  verify,
};
