import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPrevious, reportFiles, writeReport } from "../../templates/repo-audit/report/write.ts";
import { earlier, sample } from "./report-fixtures/sample.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "report-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe("writing a report", () => {
  it("leaves exactly four files, makes the folder, and returns what a terminal wants to say", async () => {
    const at = join(dir, "reports", "harbour");
    const summary = await writeReport(at, sample, earlier);
    expect((await readdir(at)).toSorted()).toEqual(Object.values(reportFiles).toSorted());
    expect(summary).toMatchObject({
      grade: "C",
      gaps: 2,
      severities: { high: 6, medium: 42 },
      verdicts: { rejected: 27 },
      diff: { new: 11, fixed: 18, unchanged: 230, score: -4 },
      gate: { passed: false },
    });
    expect(summary.paths.html).toBe(join(at, "report.html"));
    expect(summary.scores.links).toBeGreaterThan(80);
  });

  it("gives the next run what it compares itself with", async () => {
    expect(await readPrevious(dir)).toBeUndefined();
    await writeReport(dir, earlier);
    const summary = await writeReport(dir, sample, await readPrevious(dir));
    expect(summary.diff).toMatchObject({ new: 11, fixed: 18 });
  });

  it("replaces what was there, whole, and through a link only the link", async () => {
    await writeFile(join(dir, "kept.html"), "kept");
    await symlink(join(dir, "kept.html"), join(dir, "report.html"));
    await writeReport(dir, sample);
    expect(await readFile(join(dir, "kept.html"), "utf8")).toBe("kept");
    const first = await readFile(join(dir, "report.html"), "utf8");
    await writeReport(dir, sample);
    expect(await readFile(join(dir, "report.html"), "utf8")).toBe(first);
  });

  it("takes its policy and the cost of models", async () => {
    const summary = await writeReport(dir, sample, undefined, { policy: { failOn: "never" }, costUsd: 0.42 });
    expect(summary.gate.passed).toBe(true);
    expect(await readFile(summary.paths.markdown, "utf8")).toContain("$0.42");
  });
});

describe("a folder that takes no report", () => {
  it("is refused with what, where, why and how to go on", async () => {
    await writeFile(join(dir, "taken"), "");
    for (const at of [join(dir, "taken"), join(dir, "taken", "below")]) {
      const error = await writeReport(at, sample).then(
        () => null,
        (e: unknown) => e as Error,
      );
      expect(error).toBeInstanceOf(Error);
      expect(error!.message).toMatch(
        /^The report cannot be written\.\n +where +.*taken.*\n +why +.*(a file|ENOTDIR|EEXIST).*\n +fix +give a report folder/,
      );
    }
    expect(await readdir(dir)).toEqual(["taken"]);
  });

  it("is refused before anything is written, also when only one of the files cannot be", async () => {
    await mkdir(join(dir, "findings.json"));
    await expect(writeReport(dir, sample)).rejects.toThrow(/findings\.json[\s\S]*a folder stands where the file belongs/);
    expect(await readdir(dir)).toEqual(["findings.json"]);
  });

  it("holds bad findings of a previous run: they are refused, not guessed at", async () => {
    await writeFile(join(dir, "findings.json"), "{}");
    await expect(readPrevious(dir)).rejects.toThrow(/where +.*findings\.json/);
  });
});
