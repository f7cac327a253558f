// Writes the figures of a run into the page that shows them.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fleetFaultKinds } from "../fleet-chaos/faults.ts";
import { faultKinds } from "./nemesis/faults.ts";
import { promises, type Promised } from "./nemesis/findings.ts";
import type { ChaosFigures, FleetChaosFigures } from "./promised.ts";

const page = "docs/reference/promises.md";
const end = "<!-- end of figures -->";

/** @returns the path of the page, from the repository's root */
export function recordFigures(figures: ChaosFigures): string {
  return write("<!-- figures: written by `npm run chaos -- --record` -->", figuresBlock(figures));
}
export function recordFleetFigures(figures: FleetChaosFigures): string {
  return write("<!-- figures: written by `npm run chaos -- --postgres --record` -->", fleetBlock(figures));
}

function write(begin: string, block: string): string {
  const file = fileURLToPath(new URL(`../../${page}`, import.meta.url));
  const text = readFileSync(file, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < from) throw new Error(`${page} has no place for figures`);
  writeFileSync(file, `${text.slice(0, from)}${begin}\n\n${block}\n${text.slice(to)}`);
  return page;
}

export function figuresBlock(f: ChaosFigures): string {
  const lines = [
    "```sh",
    `npm run chaos -- --seed ${f.seed} --record`,
    "```",
    "",
    `Seed ${f.seed}, Node ${f.node}, ${f.cores} cores, load average ${f.load5m}, ${f.seconds} s: ${n(f.runs)} runs, ${n(f.attempts)} attempts of agents, ${n(f.outlived)} of which reported after their task had been given to another.`,
    "",
    ...table(
      ["broken promise", "times"],
      (Object.keys(promises) as Promised[]).map((p) => [promises[p], n(f.broken[p])]),
    ),
    "",
    ...table(
      ["fault", "times", "noticed after, median / worst"],
      faultKinds.map((kind) => {
        const after = f.detectedMs[kind];
        return [kind, n(f.faults[kind]), after ? `${seconds(after.p50)} / ${seconds(after.max)}` : ""];
      }),
    ),
    "",
    ...table(
      ["from a kill to the next lease of a task that it hit", "tasks", "median", "p95", "worst"],
      (["worker", "fleet"] as const).map((of) => {
        const r = f.reLeaseMs[of];
        return [
          of === "worker" ? "of a worker" : "of the fleet process, its restart included",
          n(r.n),
          seconds(r.p50),
          seconds(r.p95),
          seconds(r.max),
        ];
      }),
    ),
    "",
    `${f.kills} kills in all, ${f.killsOnRunning} of them on an executing task; ${n(f.endedInVain)} workers were ended as blocked, deaf or mute that were only slow. The file was checked ${f.looks} times between two lives.`,
    "",
    ...table(
      ["kill -9 of a store's owner", "times"],
      [
        ...Object.entries(f.store.atPoints).map(([point, times]) => [point, n(times)]),
        ["from outside, at any moment", n(f.store.outside)],
      ],
    ),
    "",
    `${n(f.store.tasks)} tasks and ${n(f.store.outcomes)} outcomes had been acknowledged before one of these ${n(f.store.kills)} kills, and ${n(f.store.stale)} results under a lease that had passed on were refused.`,
    "",
  ];
  return lines.join("\n");
}

export function fleetBlock(f: FleetChaosFigures): string {
  const longHit = Object.values(f.longRepeated).reduce((a, b) => a + b, 0);
  const lines = [
    "```sh",
    `npm run chaos -- --postgres --seed ${f.seed} --record`,
    "```",
    "",
    `Seed ${f.seed}, Node ${f.node}, ${f.cores} cores, load average ${f.load5m}, ${f.seconds} s: ${n(f.runs)} runs, ${n(f.tasks)} tasks, ${n(f.executions)} executions of agents, ${n(f.adopted)} of which went on under another orchestrator.`,
    "",
    ...table(
      ["broken promise", "times"],
      (Object.keys(promises) as Promised[]).map((p) => [promises[p], n(f.broken[p])]),
    ),
    "",
    ...table(
      ["fault", "times", "until a run that was started then has ended: median", "p95", "worst"],
      fleetFaultKinds.map((kind) => {
        const after = f.recoveredMs[kind];
        return [
          kind,
          n(f.faults[kind]),
          ...(after ? [seconds(after.p50), seconds(after.p95), seconds(after.max)] : ["", "", ""]),
        ];
      }),
    ),
    "",
    ...table(
      ["from the end of a worker to the next lease of a task that it was executing", "tasks", "median", "p95", "worst"],
      (["killed", "left"] as const).map((how) => {
        const r = f.reLeaseMs[how];
        return [
          how === "killed" ? "killed: its socket closed without a word" : "left, with a goodbye",
          n(r.n),
          seconds(r.p50),
          seconds(r.p95),
          seconds(r.max),
        ];
      }),
    ),
    "",
    ...table(
      ["a task was executed again, because its attempt", "times"],
      Object.entries(f.repeated).map(([why, times]) => [why, n(times)]),
    ),
    "",
    `${n(f.long)} tasks of a minute each; ${n(longHit)} of them were executed again: ${of(f.longRepeated)}. The tables were checked ${f.looks} times, at moments of the work. Calls that a client's own patience did not cover: ${of(f.refused)}.`,
    "",
  ];
  return lines.join("\n");
}

function of(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).map(([what, times]) => `${what} ${n(times)}`);
  return all.length === 0 ? "none" : all.join(", ");
}

function n(value: number): string {
  return value.toLocaleString("en");
}
function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

/** With columns as wide as their longest cell, as the formatter writes them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((h, i) => Math.max(3, h.length, ...rows.map((r) => (r[i] ?? "").length)));
  const row = (cells: readonly string[]) => `| ${cells.map((c, i) => c.padEnd(widths[i] as number)).join(" | ")} |`;
  return [row(head), row(widths.map((w) => "-".repeat(w))), ...rows.map(row)];
}
