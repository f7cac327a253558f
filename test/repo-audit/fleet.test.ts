// The whole audit, through a fleet: on a labelled repository, and on repositories of other people.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFleet, type Fleet } from "../../src/index.ts";
import config from "../../templates/repo-audit/flotilla.config.ts";
import { repoAudit } from "../../templates/repo-audit/workflow.ts";
import { readFindings } from "../../templates/repo-audit/report/json.ts";
import { buildFixture, type Fixture, type Label } from "./fixture.ts";

let fleet: Fleet<typeof config.config.definitions>;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flotilla-audit-"));
  fleet = await createFleet({ definitions: config.config.definitions, workers: { slots: 12 } });
});
afterAll(async () => {
  await fleet.close();
  rmSync(folder, { recursive: true, force: true });
});

const isAbout = (label: Label, f: { dimension: string; rule: string; path: string; evidence: string }) =>
  f.dimension === label.dimension &&
  f.rule === label.rule &&
  f.path === label.path &&
  (label.about === undefined || f.evidence.includes(label.about));

describe("the labelled repository", () => {
  let repo: Fixture;
  beforeAll(() => void (repo = buildFixture()));
  afterAll(() => repo[Symbol.dispose]());

  test("every planted defect is found, no decoy is confirmed, and no secret is told", async () => {
    const out = join(folder, "labelled");
    const { report } = await fleet.run(repoAudit, { repo: repo.root, out });
    const text = readFileSync(join(out, "findings.json"), "utf8");
    const { findings, gaps } = readFindings(text);
    expect(gaps).toEqual([]);
    const holds = findings.filter(
      (f) =>
        f.verdict.status === "confirmed" ||
        f.verdict.status === "likely" ||
        (f.verdict.status === "unverified" && (f.severity === "low" || f.severity === "info")),
    );
    expect(repo.labels.planted.filter((label) => !holds.some((f) => isAbout(label, f)))).toEqual([]);
    expect(
      repo.labels.decoys.filter((label) => findings.some((f) => isAbout(label, f) && f.verdict.status === "confirmed")),
    ).toEqual([]);
    for (const file of ["report.html", "report.md", "findings.json", "findings.sarif", "memory.json"]) {
      const content = readFileSync(join(out, file), "utf8");
      for (const secret of repo.labels.secrets) expect(content.includes(secret), `${file} tells a secret`).toBe(false);
    }
    expect(report?.gate.passed).toBe(false);
  });

  test("the second run looks only at what changed, and tells the difference", async () => {
    const out = join(folder, "again");
    await fleet.run(repoAudit, { repo: repo.root, out });
    const same = await fleet.run(repoAudit, { repo: repo.root, out });
    expect(same.shards).toEqual([]);
    expect(same.report).toMatchObject({ diff: { new: 0, fixed: 0 } });
    repo.write("src/new-debt.ts", "// TODO: say what for\nexport const later = 1;\n");
    const changed = await fleet.run(repoAudit, { repo: repo.root, out });
    expect(changed.shards.length).toBeGreaterThan(0);
    expect(changed.reusedShards).toBeGreaterThan(0);
    const fresh = await fleet.run(repoAudit, { repo: repo.root, out: join(folder, "fresh") });
    const ids = (where: string) =>
      readFindings(readFileSync(join(where, "findings.json"), "utf8"))
        .findings.map((f) => `${f.id} ${f.verdict.status}`)
        .toSorted();
    expect(ids(out)).toEqual(ids(join(folder, "fresh")));
    expect(fresh.reusedShards).toBe(0);
  });

  test("the plan alone: what would be done, and nothing is written", async () => {
    const out = join(folder, "plan-only");
    const { plan, shards, report } = await fleet.run(repoAudit, { repo: repo.root, out, planOnly: true });
    expect(plan.map((d) => d.dimension)).toHaveLength(10);
    expect(plan.every((d) => d.why.length > 0)).toBe(true);
    expect(shards.length).toBeGreaterThan(5);
    expect(report).toBeNull();
    expect(existsSync(out)).toBe(false);
  });
});

describe("bad input", () => {
  test("a folder that is not there is named", async () => {
    await expect(fleet.run(repoAudit, { repo: join(folder, "nowhere") })).rejects.toMatchObject({
      code: "FLOTILLA_DECLARED",
      name: "NotARepository",
      data: { why: expect.stringContaining("no such folder") as string },
    });
  });

  test("a report folder that cannot be written is named, and nothing is half written", async () => {
    const out = join(folder, "a-file");
    writeFileSync(out, "in the way");
    await expect(fleet.run(repoAudit, { repo: folder, out, only: ["files"] })).rejects.toMatchObject({
      code: "FLOTILLA_DECLARED",
      name: "CannotWriteReport",
      data: { folder: out },
    });
    expect(readFileSync(out, "utf8")).toBe("in the way");
  });
});

describe("repositories of other people", () => {
  const modules = new URL("../../node_modules/", import.meta.url).pathname;
  test.each(["zod", "ajv", "commander", "micromark"])("%s, as published, unpacked into a repository of its own", async (name) => {
    const repo = join(folder, name);
    cpSync(join(modules, name), repo, { recursive: true, filter: (from) => !from.includes(`${name}/node_modules`) });
    const git = (...args: string[]) =>
      execFileSync(
        "git",
        ["-c", "user.name=Ada", "-c", "user.email=ada@harbour.invalid", "-c", "commit.gpgsign=false", ...args],
        { cwd: repo, stdio: "pipe" },
      );
    git("init", "-q");
    git("add", "-A");
    git("commit", "-qm", "As published");
    const out = join(folder, `${name}-report`);
    const { plan, report } = await fleet.run(repoAudit, { repo, out });
    expect(plan.filter((d) => d.included).length).toBeGreaterThanOrEqual(5);
    expect(report?.gaps).toBe(0);
    const { findings } = readFindings(readFileSync(join(out, "findings.json"), "utf8"));
    // Published and used by millions: a wall of confirmed alarms would say more about us than about them.
    expect(findings.filter((f) => f.severity === "high" && f.verdict.status === "confirmed")).toEqual([]);
    expect(findings.filter((f) => f.severity === "medium" && f.verdict.status === "confirmed").length).toBeLessThan(10);
  });

  test("this repository", async () => {
    const out = join(folder, "self");
    const { report } = await fleet.run(repoAudit, { repo: new URL("../../", import.meta.url).pathname, out });
    expect(report?.gaps).toBe(0);
    expect(report?.gate.passed).toBe(true);
  });
});
