// `npm run chaos [-- --quick] [-- --seed=N] [-- --record]`: breaks a fleet and a store, and holds what happened against the
// promises. Its last line is one JSON object. `--record` writes the figures of a long run into docs/reference/promises.md.
import { shortPlan, longPlan, runNemesis } from "./nemesis/nemesis.ts";
import { shortfalls, toFigures } from "./promised.ts";
import { recordFigures } from "./record.ts";
import { runStoreKills } from "./store-kills/store-kills.ts";

const args = process.argv.slice(2);
const stray = args.find((a) => !/^--(quick|record|seed=\d+)$/.test(a));
if (stray !== undefined) {
  console.error(`there is no flag ${stray}; flags: --quick --seed=N --record`);
  process.exit(2);
}
const quick = args.includes("--quick");
const record = args.includes("--record");
if (quick && record) {
  console.error("the docs show a long run: leave out --quick or --record");
  process.exit(2);
}
const seed = Number(args.find((a) => a.startsWith("--seed="))?.slice("--seed=".length) ?? 1);

const started = performance.now();
const say = (text: string): void => {
  console.error(`${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
};
// One after the other: how fast a task is given out again is measured.
const nemesis = await runNemesis({ seed, plan: quick ? shortPlan : longPlan, say });
const store = await runStoreKills({ seed, kills: quick ? 60 : 1_000, say });

const figures = toFigures({ seed, quick, seconds: (performance.now() - started) / 1_000, nemesis, store });
const problems = [
  ...nemesis.findings.lines,
  ...store.findings.lines,
  // The short form is too short for these.
  ...(quick ? [] : shortfalls(figures)),
];
for (const problem of problems) console.log(problem);
if (record && problems.length === 0) console.log(`wrote ${recordFigures(figures)}`);
console.log(JSON.stringify(figures));
process.exitCode = problems.length === 0 ? 0 : 1;
