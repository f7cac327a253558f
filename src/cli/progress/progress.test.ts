import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { approvalView, healthView, runView, secret } from "../../../test/cli/fake-api.ts";
import type { RunView, StageView } from "../../protocol/views.ts";
import { asciiTheme, plainTheme } from "../text/theme.ts";
import { widthOf } from "../text/width.ts";
import { approvalLine, isDue, progressLine } from "./log-line.ts";
import { atTime, etaMsOf, rateOf, startModel, withEvent, withViews } from "./model.ts";
import type { ProgressModel } from "./model.ts";
import { drawBar, renderProgress } from "./render.ts";

const start = Date.parse("2026-11-22T10:00:00.000Z");
const stage = (name: string, o: Partial<StageView> = {}): StageView => ({
  stage: name,
  total: 1,
  running: 0,
  succeeded: 0,
  failed: 0,
  canceled: 0,
  quarantined: 0,
  retried: 0,
  ...o,
});

const run: RunView = runView({
  name: "repo-audit",
  tasks: { total: 468, done: 340, failed: 2 },
  stages: [
    stage("repo-audit", { running: 1 }),
    stage("inventory", { succeeded: 1 }),
    stage("audit", { total: 412, succeeded: 316, failed: 2, running: 12, retried: 1 }),
    stage("verify", { total: 52, succeeded: 21 }),
    stage("reduce", { total: 2 }),
  ],
});
const health = healthView({
  workers: { live: 12, slots: 12, busy: 12 },
  queue: { ready: 82, delayed: 0, running: 12, parked: 0, oldestReadyMs: 800 },
});

function model(): ProgressModel {
  const first = startModel({ ...run, tasks: { ...run.tasks, done: 278 } }, start + 8_000);
  return withViews(first, run, health, start + 10_000);
}

describe("progress", () => {
  it("draws a run", () => {
    expect(renderProgress(model(), 80, plainTheme).join("\n")).toBe(`● repo-audit r_7k2m9q4x  72%  340/468 tasks  10.0s
  inventory  ██████████████████████████████      1/1
  audit      ███████████████████████▏······  318/412  12 running  1 retried
  verify     ████████████··················    21/52
  reduce     ······························      0/2
  31 tasks/s · 12/12 slots busy · 82 queued · oldest wait 800ms · ETA 4.1s`);
  });

  it("shows what waits for a person, with the command that answers it, until it is answered", () => {
    const asked = [1, 2].map((n) =>
      approvalView({ id: `a_${secret}1.${n}`, title: `Send mail ${n} to everybody who ever wrote to us?` }),
    );
    const told = asked.reduce(
      (m, { id, title, runId }) =>
        withEvent(m, { type: "approval.asked", cursor: "1", at: "", runId, data: { approval: id, title } }),
      model(),
    );
    expect(told.asked).toEqual(asked.map((a) => a.id));
    // An event tells that it was asked, perhaps long ago; only a look tells that it is open.
    expect(renderProgress(told, 80, plainTheme).join("\n")).not.toContain("approvals");
    const seen = withViews(told, run, health, start + 11_000, { open: asked.slice(0, 1), closed: [] });
    expect(renderProgress(seen, 80, plainTheme).slice(-2)).toEqual([
      "  ! Send mail 1 to everybody who ever …  flotilla approvals approve a_7k2m9q4x.1",
      "    and more: flotilla approvals ls",
    ]);
    expect(renderProgress(seen, 50, plainTheme).at(-2)).toBe("  ! flotilla approvals approve a_7k2m9q4x.1");
    const first = asked[0] as (typeof asked)[0];
    expect(approvalLine(seen, first)).toBe(
      `2026-11-22T10:00:11Z run=r_7k2m9q4x approval=a_7k2m9q4x.1 title="${first.title}" answer="flotilla approvals approve a_7k2m9q4x.1"`,
    );
    const answered = withViews(seen, run, health, start + 12_000, { open: [], closed: asked.map((a) => a.id) });
    expect(renderProgress(answered, 80, plainTheme).join("\n")).not.toContain("approvals");
    expect(answered.asked).toEqual([]);
  });

  it("draws it narrow, and without Unicode", () => {
    expect(renderProgress(model(), 40, asciiTheme).join("\n")).toBe(`* repo-audit r_7k2m9q4x  72%
  inventory  ##################      1/1
  audit      #############.....  318/412
  verify     #######...........    21/52
  reduce     ..................      0/2
  31 tasks/s - 12/12 slots busy`);
  });

  it("is never wider than the terminal, and never throws", () => {
    const n = fc.nat(2_000_000);
    const stages = fc.array(
      fc.record({
        stage: fc.string({ unit: "grapheme", maxLength: 60 }),
        total: n,
        running: n,
        succeeded: n,
        failed: n,
        canceled: n,
        quarantined: n,
        retried: n,
      }),
      { maxLength: 20 },
    );
    const models = fc.record({
      name: fc.string({ unit: "grapheme" }),
      stages,
      total: n,
      done: n,
      uncovered: fc.array(fc.string({ unit: "grapheme" })),
      reason: fc.string({ unit: "grapheme" }),
    });
    fc.assert(
      fc.property(models, fc.integer({ min: 20, max: 200 }), ({ name, stages, total, done, uncovered, reason }, columns) => {
        const view = runView({ name, stages, tasks: { total, done, failed: 0 } });
        const event = { type: "task.waiting", cursor: "", at: "", runId: "r", data: { task: "t", reason, fix: "" } };
        const m = withEvent(withViews(startModel(view, start), view, { ...health, uncovered }, start + 5_000), event);
        for (const line of renderProgress(m, columns, plainTheme)) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it("shows moving stages first when there are many", () => {
    const many = Array.from({ length: 20 }, (_, i) => stage(`stage-${i}`, { total: 2, succeeded: i < 15 ? 2 : 1 }));
    const lines = renderProgress(startModel({ ...run, stages: many }, start), 80, plainTheme);
    expect(lines[1]).toContain("stage-15");
    expect(lines).toContain("  and 8 more stages");
  });

  it("warns when nothing can run what waits", () => {
    const uncovered = withViews(model(), run, { ...health, uncovered: ["lint"] }, start + 11_000);
    expect(renderProgress(uncovered, 80, plainTheme).at(-1)).toBe("  ! no live worker has lint");
    const waiting = withEvent(model(), {
      type: "task.waiting",
      cursor: "1",
      at: "",
      runId: run.id,
      data: { task: "t", reason: "WORKERS_BUSY", fix: "add slots" },
    });
    expect(renderProgress(waiting, 80, plainTheme).at(-1)).toBe("  ! WORKERS_BUSY: every capable worker is busy; add slots");
    const moved = withViews(waiting, { ...run, tasks: { ...run.tasks, done: 341 } }, health, start + 12_000);
    expect(renderProgress(moved, 80, plainTheme).at(-1)).not.toContain("WORKERS_BUSY");
  });
});

describe("the bar", () => {
  const cells = plainTheme.glyphs.bar;
  it.each([
    [0, 10, "····"],
    [1, 1_000_000, "▏···"],
    [5, 10, "██··"],
    [999_999, 1_000_000, "███▉"],
    [10, 10, "████"],
    [0, 0, "████"],
  ])("of %i/%i", (done, total, bar) => {
    // Nothing to do is done.
    expect(drawBar(done, total, 4, cells)).toBe(total === 0 ? "····" : bar);
  });
});

describe("the rate", () => {
  it("is of the last ten seconds, and says nothing at first", () => {
    const at = (s: number, done: number, before: ProgressModel): ProgressModel =>
      withViews(before, { ...run, tasks: { total: 100, done, failed: 0 } }, undefined, start + s * 1_000);
    const first = startModel({ ...run, tasks: { total: 100, done: 0, failed: 0 } }, start);
    expect(rateOf(first)).toBeUndefined();
    expect(rateOf(at(0.5, 10, first))).toBeUndefined();
    const later = at(5, 50, first);
    expect([rateOf(later), etaMsOf(later)]).toEqual([10, 5_000]);
    const stalled = at(25, 50, at(15, 50, later));
    expect([rateOf(stalled), etaMsOf(stalled)]).toEqual([0, undefined]);
  });
});

describe("the log", () => {
  it("has a line of key=value", () => {
    expect(progressLine(model())).toBe(
      "2026-11-22T10:00:10Z run=r_7k2m9q4x done=340 total=468 failed=2 busy=12 oldest=800ms eta=4.1s",
    );
  });

  it("is written after 5 s, after 10 % and at the end", () => {
    const m = model();
    expect(isDue(undefined, m)).toBe(true);
    expect(isDue(m, atTime(m, m.nowMs + 4_999))).toBe(false);
    expect(isDue(m, atTime(m, m.nowMs + 5_000))).toBe(true);
    expect(isDue(m, withViews(m, { ...run, tasks: { ...run.tasks, done: 390 } }, health, m.nowMs + 1))).toBe(true);
    expect(isDue(m, withViews(m, { ...run, status: "succeeded" }, health, m.nowMs + 1))).toBe(true);
  });
});
