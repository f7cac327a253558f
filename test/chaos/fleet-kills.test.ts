// Workers and whole processes that die, by kill -9 and by their own agents.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../../src/core/random.ts";
import { begin, childrenOf, faults, isAlive, outcomes, shoot } from "./life.ts";

const script = new URL("./fleet-process.ts", import.meta.url);
const seed = Number(process.env["FLOTILLA_SEED"] ?? 1);
let folder: string;
beforeAll(() => {
  if (!existsSync(new URL("../../dist/index.js", import.meta.url))) throw new Error("dist is missing: npm run build");
  folder = mkdtempSync(join(tmpdir(), "flotilla-kills-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const outcomeOf = (lines: readonly string[]) =>
  JSON.parse(lines.at(-1)?.slice("outcome ".length) ?? "null") as { status: string; value: never };
const linesOf = (log: string) => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);

describe("a task that kills its worker", () => {
  test("one poison task among 11 innocents: only it is quarantined", async () => {
    const db = join(folder, "poison.db");
    const log = join(folder, "poison.log");
    const life = begin(script, [db, "mixed", JSON.stringify({ log, innocents: 11, with: "poison" }), "child-process", "1", "12"]);
    expect(await life.ended()).toBe(0);
    expect(outcomeOf(life.lines)).toEqual({
      status: "succeeded",
      value: { innocents: Array.from({ length: 11 }, () => "succeeded"), bad: "quarantined", code: "FLOTILLA_QUARANTINED" },
    });
    // Once with all the others on the worker, which proves nothing, then three times alone.
    expect(linesOf(log).filter((l) => l === "poison 99").length).toBeGreaterThanOrEqual(3);
    expect(linesOf(log).filter((l) => l === "poison 99").length).toBeLessThanOrEqual(4);
    expect(faults(db)).toEqual([]);
  }, 60_000);

  test("a blocked main loop harms only itself: it is ended at its timeout, and the others finish", async () => {
    const db = join(folder, "block.db");
    const log = join(folder, "block.log");
    const life = begin(script, [db, "mixed", JSON.stringify({ log, innocents: 11, with: "blocker" }), "child-process", "2", "1"]);
    expect(await life.ended()).toBe(0);
    expect(outcomeOf(life.lines).value).toMatchObject({
      innocents: Array.from({ length: 11 }, () => "succeeded"),
      bad: "failed",
      code: "FLOTILLA_TIMEOUT",
    });
    expect(linesOf(log).filter((l) => l === "block 99")).toHaveLength(1);
    expect(faults(db)).toEqual([]);
  }, 60_000);
});

describe("a task that talks too much", () => {
  test("on the channel of its worker, and without a line end: nobody minds", async () => {
    const db = join(folder, "chatty.db");
    const log = join(folder, "chatty.log");
    const life = begin(script, [db, "mixed", JSON.stringify({ log, innocents: 3, with: "chatty" }), "child-process", "1", "4"]);
    expect(await life.ended()).toBe(0);
    expect(outcomeOf(life.lines).value).toMatchObject({ innocents: ["succeeded", "succeeded", "succeeded"], bad: "succeeded" });
    expect(faults(db)).toEqual([]);
  }, 60_000);
});

describe("kill -9", () => {
  test("of any worker at any time: its tasks move, and the run finishes", async () => {
    const random = createRandom(seed);
    const db = join(folder, "workers.db");
    const log = join(folder, "workers.log");
    const life = begin(script, [db, "long", JSON.stringify({ log, waves: 8, width: 8 }), "child-process", "3", "3"]);
    let killed = 0;
    for (let at = 6; killed < 8; at += 6 + Math.floor(random() * 6)) {
      let left = at;
      if ((await life.line(() => --left <= 0)) === null) break;
      const children = childrenOf(life.child.pid as number);
      const victim = children[Math.floor(random() * children.length)];
      if (victim === undefined || !shoot(victim)) continue;
      killed += 1;
    }
    expect(await life.ended()).toBe(0);
    expect(killed).toBeGreaterThanOrEqual(5);
    expect(outcomeOf(life.lines)).toEqual({ status: "succeeded", value: { total: (64 * 63) / 2 } });
    expect(faults(db)).toEqual([]);
    expect(new Set(linesOf(log).filter((l) => l.startsWith("end "))).size).toBe(64);
  }, 60_000);

  test("of the process: its workers do not outlive it", async () => {
    const db = join(folder, "orphans.db");
    const log = join(folder, "orphans.log");
    const life = begin(script, [db, "mixed", JSON.stringify({ log, innocents: 3, with: "blocker" }), "child-process", "2", "2"]);
    await life.line((l) => l.startsWith("task.started"));
    const children = childrenOf(life.child.pid as number);
    expect(children).toHaveLength(2);
    await life.kill();
    const until = performance.now() + 10_000;
    while (children.some(isAlive) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(children.filter(isAlive)).toEqual([]);
  }, 60_000);

  test("of the process, 50 times in one run: it still finishes, and nothing done is done again", async () => {
    const random = createRandom(seed);
    const db = join(folder, "fifty.db");
    const log = join(folder, "fifty.log");
    const waves = 40;
    const width = 6;
    const args = [db, "long", JSON.stringify({ log, waves, width }), "in-process", "1", "6"];
    let kills = 0;
    let kept = new Map<number, { lease_no: number; finished_at: number }>();
    for (; kills < 50; kills++) {
      const life = begin(script, args);
      let left = 2 + Math.floor(random() * 10);
      if ((await life.line(() => --left <= 0)) === null) break;
      await life.kill();
      const now = outcomes(db);
      for (const [task, before] of kept)
        expect(now.get(task)).toMatchObject({ lease_no: before.lease_no, finished_at: before.finished_at });
      kept = now;
    }
    expect(kills).toBe(50);
    const last = begin(script, args);
    expect(await last.ended()).toBe(0);
    const n = waves * width;
    expect(outcomeOf(last.lines)).toEqual({ status: "succeeded", value: { total: (n * (n - 1)) / 2 } });
    expect(faults(db)).toEqual([]);
    const ends = linesOf(log).filter((l) => l.startsWith("end "));
    expect(new Set(ends).size).toBe(n);
    // A task may end in a process that dies before the commit: then it runs again. Never more often than there were kills.
    expect(ends.length - n).toBeLessThanOrEqual(50 * width);
  }, 90_000);
});
