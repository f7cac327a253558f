import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditPlan, Dimension, Inventory } from "../../templates/repo-audit/finding.ts";
import { inventory } from "../../templates/repo-audit/inventory.ts";
import { planAudit } from "../../templates/repo-audit/plan.ts";
import { emptyRepository, type EmptyRepository } from "./fixture.ts";

const source = (value: number): string => `// ${"The harbour. ".repeat(20)}\nexport const a = ${value};\n`;

let repository: EmptyRepository;
beforeEach(() => {
  repository = emptyRepository();
  repository.write("package.json", '{ "name": "harbour", "exports": "./src/index.ts" }\n');
  repository.write("README.md", "[a](docs/a.md)\n");
  repository.write("docs/a.md", "# A\n");
  repository.write("src/index.ts", source(1));
  repository.write("src/index.test.ts", 'import "./index.ts";\n');
  repository.git(["add", "-A"]);
  repository.git(["commit", "-q", "-m", "one"], "2026-01-10T00:00:00Z");
});
afterEach(() => repository[Symbol.dispose]());

const plan = async (): Promise<AuditPlan> => planAudit(await inventory(repository.root));
const why = (of: AuditPlan, dimension: Dimension) => of.decisions.find((decision) => decision.dimension === dimension);

async function staleAfter(change: () => void): Promise<Dimension[]> {
  const before = await plan();
  change();
  const known = new Set(before.shards.map((shard) => shard.contentHash));
  const after = await plan();
  return [...new Set(after.shards.filter((shard) => !known.has(shard.contentHash)).map((shard) => shard.dimension))];
}

describe("planAudit", () => {
  it("leaves out what does not apply, and says why", async () => {
    const of = await plan();
    expect(why(of, "hotspots")).toMatchObject({ included: false, why: "1 commit: too little history" });
    expect(why(of, "ci")).toMatchObject({ included: false, why: "no GitHub workflows and no Dockerfiles" });
    expect(why(of, "links")).toMatchObject({ included: true, why: "2 Markdown files", shards: 1 });
  });

  it("does what it is asked", async () => {
    const of = planAudit(await inventory(repository.root), { only: ["links", "debt"], skip: ["debt"] });
    expect([...new Set(of.shards.map((shard) => shard.dimension))]).toEqual(["links"]);
    expect(why(of, "debt")?.why).toBe("left out by request");
  });

  it("is a pure function of the inventory", async () => {
    const found = await inventory(repository.root);
    expect(planAudit(structuredClone(found))).toEqual(planAudit(found));
  });

  it("reuses everything when nothing changed", async () => {
    expect(await staleAfter(() => {})).toEqual([]);
  });

  it("looks again at links when a path comes or goes, anywhere", async () => {
    expect(await staleAfter(() => repository.write("other/note.bin", "x"))).toContain("links");
    expect(await staleAfter(() => repository.git(["rm", "-q", "-f", "docs/a.md"]))).toContain("links");
  });

  it("looks again at tests and docs when any module changes, since both follow imports", async () => {
    const stale = await staleAfter(() => repository.write("src/index.ts", source(2)));
    expect(stale).toEqual(expect.arrayContaining(["tests", "docs", "dependencies", "secrets", "debt"]));
    expect(stale).not.toContain("licences");
    expect(stale).not.toContain("links");
  });

  it("looks again at ages when a commit touches the file or the month changes, and not otherwise", async () => {
    expect(
      await staleAfter(() => repository.git(["commit", "-q", "--allow-empty", "-m", "two"], "2026-01-20T00:00:00Z")),
    ).not.toContain("debt");
    expect(
      await staleAfter(() => repository.git(["commit", "-q", "--allow-empty", "-m", "three"], "2026-02-20T00:00:00Z")),
    ).toContain("debt");
  });

  it("keeps other shards when a file is added to a large repository", () => {
    const file = (at: number) =>
      ({
        path: `src/${String(at).padStart(4, "0")}.txt`,
        bytes: 8_000,
        hash: String(at),
        kind: "other",
        language: "",
        vendored: false,
      }) as const;
    const of = (files: Inventory["files"]): Inventory => ({
      root: "/",
      name: "large",
      files,
      git: { commits: 0, head: null, oldest: null },
      docsSites: [],
      manifests: [],
      skipped: [],
    });
    const many = Array.from({ length: 2_000 }, (_, at) => file(at * 2));
    const before = planAudit(of(many), { only: ["secrets"] });
    const after = planAudit(of([...many, file(1_001)].sort((a, b) => (a.path < b.path ? -1 : 1))), { only: ["secrets"] });
    const known = new Set(before.shards.map((shard) => shard.contentHash));
    expect(before.shards.length).toBeGreaterThan(15);
    expect(after.shards.filter((shard) => !known.has(shard.contentHash)).length).toBeLessThanOrEqual(3);
    expect(after.shards.flatMap((shard) => shard.files).length).toBe(2_001);
  });
});
