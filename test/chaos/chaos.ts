// `npm run chaos [-- --postgres] [-- --quick] [-- --seed N] [-- --record]`: breaks a fleet and a store, and holds what happened
// against the promises. `--postgres`: a fleet of processes on a PostgreSQL of its own. Its last line is one JSON object.
// `--record` writes the figures of a long run into docs/reference/promises.md.
import { parseArgs } from "node:util";
import { longFleetPlan, runFleetNemesis, shortFleetPlan } from "../fleet-chaos/nemesis.ts";
import { shortPlan, longPlan, runNemesis } from "./nemesis/nemesis.ts";
import { fleetShortfalls, shortfalls, toFigures, toFleetFigures } from "./promised.ts";
import { recordFigures, recordFleetFigures } from "./record.ts";
import { runStoreKills } from "./store-kills/store-kills.ts";

const { quick, record, postgres, seed: seedText } = flags();
const seed = Number(seedText);
if (!Number.isSafeInteger(seed) || seed < 0) refuse(`${seedText} is no seed: a whole number`);
if (quick && record) refuse("the docs show a long run: leave out --quick or --record");

const started = performance.now();
const say = (text: string): void => {
  console.error(`${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
};
await (postgres ? breakFleet() : breakOne());

async function breakOne(): Promise<void> {
  // One after the other: how fast a task is given out again is measured.
  const nemesis = await runNemesis({ seed, plan: quick ? shortPlan : longPlan, say });
  const store = await runStoreKills({ seed, kills: quick ? 60 : 1_000, say });
  const figures = toFigures({ seed, quick, seconds: seconds(), nemesis, store });
  // The short form is too short for these.
  const short = quick ? [] : shortfalls(figures);
  report(figures, [...nemesis.findings.lines, ...store.findings.lines, ...short], () => recordFigures(figures));
}

async function breakFleet(): Promise<void> {
  const nemesis = await runFleetNemesis({ seed, plan: quick ? shortFleetPlan : longFleetPlan, say });
  const figures = toFleetFigures({ seed, quick, seconds: seconds(), nemesis });
  const short = quick ? [] : fleetShortfalls(figures);
  report(figures, [...nemesis.findings.lines, ...short], () => recordFleetFigures(figures));
}

function seconds(): number {
  return (performance.now() - started) / 1_000;
}

function report(figures: object, problems: readonly string[], write: () => string): void {
  for (const problem of problems) console.log(problem);
  if (record && problems.length === 0) console.log(`wrote ${write()}`);
  console.log(JSON.stringify(figures));
  process.exitCode = problems.length === 0 ? 0 : 1;
}

function flags() {
  const boolean = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { quick: boolean, record: boolean, postgres: boolean, seed: { type: "string", default: "1" } } })
      .values;
  } catch (e) {
    return refuse((e as Error).message);
  }
}

function refuse(problem: string): never {
  console.error(`${problem}\nflags: --postgres --quick --seed N --record`);
  process.exit(2);
}
