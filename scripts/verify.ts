// Every check of this repository: `npm test`, or `node scripts/verify.ts [--long] [stage...]`.
import { runStage, unlisted, type Result } from "./verify/run.ts";
import { stages } from "./verify/stages.ts";

const args = process.argv.slice(2);
const long = args.includes("--long");
const wanted = args.filter((a) => !a.startsWith("--"));

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const chosen = stages.filter((s) => wanted.length === 0 || wanted.some((w) => s.name.includes(w)));
if (chosen.length === 0) {
  console.error(`no stage is called ${wanted.join(", ")}; there are: ${stages.map((s) => s.name).join(", ")}`);
  process.exit(2);
}

const strays = unlisted(stages);
if (strays.length > 0) {
  console.error(`no stage runs these tests: ${strays.join(", ")}\n  fix: name their folder in scripts/verify/stages.ts`);
  process.exit(2);
}

const started = performance.now();
const results: Result[] = [];
for (const stage of chosen) results.push(await runStage(stage, { long }));

const failures = results.flatMap((r) => r.failures.map((f) => `${r.stage}: ${f}`));
const sum = (of: (r: Result) => number): number => results.reduce((n, r) => n + of(r), 0);
console.log(`\n${table(results)}\n`);
if (failures.length > 0) console.log(`Failed:\n${failures.map((f) => `  ${f}`).join("\n")}\n`);
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(`${sum((r) => r.passed)} passed, ${sum((r) => r.failed)} failed`);
process.exitCode = failures.length === 0 && sum((r) => r.failed) === 0 ? 0 : 1;

function table(rows: readonly Result[]): string {
  const cells = [
    ["", "stage", "passed", "failed", "skipped", "seconds", "share"],
    ...rows.map((r) => [
      r.failed === 0 ? "✔" : "✖",
      r.stage,
      String(r.passed),
      String(r.failed),
      String(r.skipped),
      r.seconds.toFixed(1),
      String(r.shareS),
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => (row[column] as string).length))) ?? [];
  return cells
    .map((row) =>
      row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join("  "),
    )
    .join("\n");
}
