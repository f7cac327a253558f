// Which sources have no test. The names say it first; the import graph has the last word.

import { isExamplePath, isFixturePath, isScript, isTestPath, isVendoredPath } from "../classify.ts";
import type { FileEntry, Finding, Inventory, Verdict } from "../finding.ts";
import { baseOf, parentOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { importGraph } from "../source/graph.ts";
import { moduleFacts } from "../source/module.ts";
import { type Audit, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, graphBasis, scripts } from "./scopes.ts";

const dimension = "tests";
/** Below this a file has hardly a decision that a test could hold. */
const complexityMin = 15;
const complexityMinOfOftenChanged = 8;
const oftenChanged = 5;

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

async function auditSource(file: FileEntry, repo: Repository): Promise<Draft[]> {
  const facts = await moduleFacts(repo, file.path);
  const complexity = facts.functions.reduce((sum, fn) => sum + fn.complexity, 0);
  const changes = file.touched?.commits ?? 0;
  const exported = facts.exports.filter(
    (each) => each.from === undefined && ["function", "class", "unknown"].includes(each.kind),
  );
  const matters = complexity >= complexityMin || (changes >= oftenChanged && complexity >= complexityMinOfOftenChanged);
  if (exported.length === 0 || !matters) return [];
  if ((await testStems(repo)).has(plain(stemOf(file.path)))) return [];
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

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  if (finding.rule === "focused-test") return verifyFocused(finding, repo);
  const { files } = await repo.paths();
  const tests = files.filter((path) => isTest({ path }));
  if (finding.rule === "no-tests") {
    const method = "search for test runners and in-source tests";
    const others = files.find((path) => isTestPath(path) && !isVendoredPath(path));
    return others === undefined ? confirmed(method) : rejected(method, `${others} is a test of another kind.`);
  }
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

function sources(inventory: Inventory): readonly FileEntry[] {
  return scripts(inventory).filter(
    (file) =>
      file.kind === "source" &&
      !isTestPath(file.path) &&
      !isFixturePath(file.path) &&
      !isExamplePath(file.path) &&
      !noTestExpected.test(file.path),
  );
}

export const tests: Audit = {
  dimension,
  description: "Sources that no test names or reaches, and tests that keep others from running",
  version: 1,
  scope(inventory) {
    const code = sources(inventory);
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
    for (const file of shard.files) {
      if (isTest(file)) drafts.push(...(await auditTest(file, repo)));
      else if (hasTests) drafts.push(...(await auditSource(file, repo)));
    }
    return settle(drafts);
  },
  verify,
};
