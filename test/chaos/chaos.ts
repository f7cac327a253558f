// `npm run chaos [-- --quick] [-- --seed N] [-- --record]`: breaks a fleet and a store, and holds what happened against the
// promises. Its last line is one JSON object. `--record` writes the figures of a long run into docs/reference/promises.md.
import { parseArgs } from "node:util";
import { shortPlan, longPlan, runNemesis } from "./nemesis/nemesis.ts";
import { shortfalls, toFigures } from "./promised.ts";
import { recordFigures } from "./record.ts";
import { runStoreKills } from "./store-kills/store-kills.ts";

const { quick, record, seed: seedText } = flags();
const seed = Number(seedText);
if (!Number.isSafeInteger(seed) || seed < 0) refuse(`${seedText} is no seed: a whole number`);
if (quick && record) refuse("the docs show a long run: leave out --quick or --record");

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

function flags() {
  const boolean = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { quick: boolean, record: boolean, seed: { type: "string", default: "1" } } }).values;
  } catch (e) {
    return refuse((e as Error).message);
  }
}

function refuse(problem: string): never {
  console.error(`${problem}\nflags: --quick --seed N --record`);
  process.exit(2);
}
