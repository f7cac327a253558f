import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inventory } from "../../templates/repo-audit/inventory.ts";
import { openRepository } from "../../templates/repo-audit/repository.ts";
import { emptyRepository, type EmptyRepository } from "./fixture.ts";
import { runRules } from "./run-rules.ts";

let repository: EmptyRepository;
beforeEach(() => {
  repository = emptyRepository();
});
afterEach(() => repository[Symbol.dispose]());

const pathsOf = async (root: string): Promise<string[]> => (await inventory(root)).files.map((file) => file.path);

describe("a repository", () => {
  it("may have no commits yet", async () => {
    repository.write("src/a.ts", "export const a = 1;\n");
    const found = await inventory(repository.root);
    expect(found.git).toMatchObject({ commits: 0, head: null, oldest: null });
    expect(found.files).toMatchObject([{ path: "src/a.ts", untracked: true, kind: "source", language: "typescript" }]);
    const run = await runRules(repository.root);
    expect(run.failures).toEqual([]);
    expect(run.plan.decisions.find((decision) => decision.dimension === "hotspots")).toMatchObject({
      included: false,
      why: "no git history",
    });
  });

  it("may be a folder without git, whose .gitignore files count, nested ones too", async () => {
    rmSync(join(repository.root, ".git"), { recursive: true });
    repository.write(".gitignore", "*.log\nout/\n!keep.log\n");
    repository.write("keep.log", "");
    repository.write("other.log", "");
    repository.write("out/made.js", "");
    repository.write("pack/.gitignore", "/local.ts\n");
    repository.write("pack/local.ts", "");
    repository.write("pack/deep/local.ts", "");
    repository.write("node_modules/x/index.js", "");
    expect(await pathsOf(repository.root)).toEqual([".gitignore", "keep.log", "pack/.gitignore", "pack/deep/local.ts"]);
    const run = await runRules(repository.root);
    expect(run.failures).toEqual([]);
    expect(run.inventory.git.head).toBeNull();
  });

  it("may be shallow: the boundary commit is nobody's change", async () => {
    for (let at = 0; at < 30; at += 1) {
      repository.write("src/a.ts", `export const a = ${at};\n`);
      repository.write("src/b.ts", "export const b = 1;\n");
      repository.git(["add", "-A"]);
      repository.git(["commit", "-q", "-m", String(at)], `2025-12-${String((at % 28) + 1).padStart(2, "0")}T12:00:00Z`);
    }
    const clone = mkdtempSync(join(tmpdir(), "repo-audit-shallow-"));
    try {
      repository.git(["clone", "-q", "--depth", "5", `file://${repository.root}`, clone]);
      const found = await inventory(clone);
      expect(found.git).toMatchObject({ shallow: true, commits: 5 });
      expect(found.files.find((file) => file.path === "src/a.ts")?.touched?.commits).toBe(4);
      expect(found.files.find((file) => file.path === "src/b.ts")?.touched).toBeUndefined();
    } finally {
      rmSync(clone, { recursive: true });
    }
  });

  it("may be a folder of a larger repository", async () => {
    repository.write("packages/one/src/a.ts", "export const a = 1;\n");
    repository.write("packages/two/src/b.ts", "export const b = 1;\n");
    repository.git(["add", "-A"]);
    repository.git(["commit", "-q", "-m", "both"]);
    const found = await inventory(join(repository.root, "packages/one"));
    expect(found.files).toMatchObject([{ path: "src/a.ts", touched: { commits: 1 } }]);
  });

  it("has files with odd names", async () => {
    for (const path of ["app/[id]/page.ts", "a b.ts", "übung.ts", "-n.ts", 'q"uote.ts'])
      repository.write(path, "// FIXME: odd\nexport const odd = 1;\n");
    repository.git(["add", "-A"]);
    repository.git(["commit", "-q", "-m", "odd"], "2022-01-01T00:00:00Z");
    repository.write("app/i/page.ts", "export const other = 1;\n");
    repository.git(["add", "-A"]);
    repository.git(["commit", "-q", "-m", "later"]);
    const run = await runRules(repository.root);
    expect(run.failures).toEqual([]);
    expect(
      run.findings.filter((finding) => finding.rule === "old-marker").map((finding) => [finding.path, finding.verdict.status]),
    ).toEqual(["-n.ts", "a b.ts", "app/[id]/page.ts", 'q"uote.ts', "übung.ts"].map((path) => [path, "confirmed"]));
  });

  it("is never left through a symlink", async () => {
    const outside = mkdtempSync(join(tmpdir(), "repo-audit-outside-"));
    try {
      writeFileSync(join(outside, "secret.txt"), "outside\n");
      symlinkSync(join(outside, "secret.txt"), join(repository.root, "link.txt"));
      symlinkSync(outside, join(repository.root, "folder"));
      const repo = await openRepository(repository.root);
      expect(await pathsOf(repository.root)).toEqual([]);
      await expect(repo.text("link.txt")).rejects.toThrow("leads out of the repository");
      await expect(repo.text("folder/secret.txt")).rejects.toThrow("leads out of the repository");
      await expect(repo.text("../outside.txt")).rejects.toThrow("cannot be read");
      expect(await repo.exists("folder/secret.txt")).toBe(false);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it("runs none of what its config names", async () => {
    const mark = join(repository.root, "..", `ran-${process.pid}`);
    const script = join(repository.root, "evil.sh");
    writeFileSync(script, `#!/bin/sh\necho ran >> ${mark}\ncat\n`);
    chmodSync(script, 0o755);
    repository.write("src/a.ts", "// FIXME: old\nexport const a = 1;\n");
    repository.write("a.dat", "data\n");
    repository.write("README.md", "[gone](gone.md)\n");
    repository.write(".gitattributes", "*.ts diff=evil filter=evil\n*.dat diff=evil filter=evil\n");
    repository.git(["add", "-A"]);
    repository.git(["commit", "-q", "-m", "one"], "2021-01-01T00:00:00Z");
    repository.git(["commit", "-q", "--allow-empty", "-m", "two"]);
    for (const [key, value] of [
      ["core.fsmonitor", script],
      ["core.hooksPath", repository.root],
      ["diff.external", script],
      ["diff.evil.textconv", script],
      ["diff.evil.command", script],
      ["filter.evil.clean", script],
      ["filter.evil.smudge", script],
      ["filter.evil.process", script],
      ["core.pager", script],
      ["gpg.program", script],
      ["log.showSignature", "true"],
      ["core.sshCommand", script],
      ["credential.helper", `!${script}`],
    ] as const)
      repository.git(["config", key, value]);
    repository.write("a.dat", "changed\n");
    const run = await runRules(repository.root);
    expect(run.failures).toEqual([]);
    expect(run.findings.some((finding) => finding.rule === "old-marker")).toBe(true);
    expect(() => readFileSync(mark)).toThrow("ENOENT");
  });

  it.runIf(process.getuid?.() === 0)("may belong to another user", async () => {
    repository.write("a.ts", "export const a = 1;\n");
    repository.git(["add", "-A"]);
    repository.git(["commit", "-q", "-m", "one"]);
    for (const path of ["", ".git"]) chownSync(join(repository.root, path), 65_534, 65_534);
    expect((await inventory(repository.root)).git.commits).toBe(1);
  });

  it("is capped, and says what was left out", async () => {
    for (const name of ["a", "b", "c"]) repository.write(`${name}.txt`, name.repeat(100));
    const few = await inventory(repository.root, { filesMax: 2 });
    expect(few.files.length).toBe(2);
    expect(few.skipped).toEqual([{ path: "c.txt", why: "more than 2 files" }]);
    const small = await inventory(repository.root, { fileBytesMax: 50 });
    expect(small.skipped.map((skipped) => skipped.path)).toEqual(["a.txt", "b.txt", "c.txt"]);
    expect(small.files.map((file) => file.kind)).toEqual(["binary", "binary", "binary"]);
  });

  it("throws a clear error on a folder that is not there", async () => {
    await expect(openRepository(join(repository.root, "nowhere"))).rejects.toThrow("there is no such folder");
  });
});
