// kill -9 in the middle of an audit: started again, the same run finishes, with the findings of an undisturbed one.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../../src/core/random.ts";
import { buildFixture, type Fixture } from "../repo-audit/fixture.ts";
import { begin, childrenOf, faults, outcomes, shoot } from "./life.ts";

const script = new URL("./audit-process.ts", import.meta.url);
const seed = Number(process.env["FLOTILLA_SEED"] ?? 1);
const runs = 10;
const killsPerRun = 5;

let repo: Fixture;
let folder: string;
let expected: Map<string, string>;
let kills = 0;

function findings(out: string): Map<string, string> {
  const { findings } = JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as {
    findings: { id: string; verdict: { status: string } }[];
  };
  const map = new Map(findings.map((f) => [f.id, f.verdict.status]));
  expect(map.size, "no finding is doubled").toBe(findings.length);
  return map;
}

beforeAll(async () => {
  if (!existsSync(new URL("../../dist/index.js", import.meta.url))) throw new Error("dist is missing: npm run build");
  repo = buildFixture();
  folder = mkdtempSync(join(tmpdir(), "flotilla-chaos-"));
  const life = begin(script, [join(folder, "calm.db"), repo.root, join(folder, "calm"), "in-process"]);
  if ((await life.ended()) !== 0) throw new Error("an undisturbed audit failed");
  expected = findings(join(folder, "calm"));
}, 60_000);
afterAll(() => {
  repo[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe(`the whole process is killed, ${runs * killsPerRun} times at random moments (seed ${seed})`, () => {
  for (let n = 0; n < runs; n++) {
    test(`run ${n + 1}: killed ${killsPerRun} times, one outcome for each task, no finding lost or doubled`, async () => {
      const random = createRandom(seed * 1_000 + n);
      const db = join(folder, `k${n}.db`);
      const out = join(folder, `k${n}`);
      const args = [db, repo.root, out, "in-process"];
      let id = "";
      let kept = new Map<number, { lease_no: number; finished_at: number }>();
      const check = () => {
        const now = outcomes(db);
        for (const [task, before] of kept)
          expect(now.get(task), "an outcome is immutable, and what is done is not done again").toMatchObject({
            lease_no: before.lease_no,
            finished_at: before.finished_at,
          });
        kept = now;
      };
      for (let kill = 0; kill < killsPerRun; kill++) {
        const life = begin(script, args);
        // A random number of lines into its life: each is a task that started or settled, or the run itself.
        let left = 1 + Math.floor(random() * 24);
        const line = await life.line(() => --left <= 0);
        if (line === null) break;
        await life.kill();
        kills += 1;
        id ||= life.lines[0] ?? "";
        expect(life.lines[0]).toBe(id);
        check();
      }
      const last = begin(script, args);
      expect(await last.ended()).toBe(0);
      check();
      expect(last.lines[0]).toBe(id);
      expect(last.lines.at(-1)).toBe('outcome "succeeded"');
      expect(faults(db)).toEqual([]);
      expect(findings(out)).toEqual(expected);
      // A report that is written twice compares with the run before, of which there is none; never with itself.
      expect(readFileSync(join(out, "report.md"), "utf8")).not.toContain("Compared with run");
    });
  }

  test("the undisturbed one found something to compare with", () => expect(expected.size).toBeGreaterThan(10));
  test("and the kills did fall into the middle", () => expect(kills).toBe(runs * killsPerRun));
});

describe("the fleet as it ships: workers in processes of their own", () => {
  test.each([1, 2, 3])("run %i: workers and the whole process are killed, and it ends as if nothing had happened", async (n) => {
    const random = createRandom(seed * 2_000 + n);
    const db = join(folder, `c${n}.db`);
    const out = join(folder, `c${n}`);
    const args = [db, repo.root, out, "child-process"];
    let shot = 0;
    for (let life = 0; life < 3; life++) {
      const process_ = begin(script, args);
      for (
        let at = 2 + Math.floor(random() * 6);
        (await process_.line(countdown(at))) !== null;
        at += 2 + Math.floor(random() * 6)
      ) {
        const victims = childrenOf(process_.child.pid as number);
        const victim = victims[Math.floor(random() * victims.length)];
        if (victim === undefined || !shoot(victim)) continue;
        shot += 1;
        if (shot % 3 === 0) break;
      }
      await process_.kill();
    }
    const last = begin(script, args);
    expect(await last.ended()).toBe(0);
    expect(last.lines.at(-1)).toBe('outcome "succeeded"');
    expect(shot).toBeGreaterThan(2);
    expect(faults(db)).toEqual([]);
    expect(findings(out)).toEqual(expected);
  });
});

/** True at the n-th line. */
function countdown(n: number): () => boolean {
  return () => --n <= 0;
}
