// `npm run simulate [-- --seconds 300] [--processes 2] [--from <seed>]`: as many seeds as fit in the time, and
// `npm run simulate -- --seed <n>`: one seed, with its story. With --fleet worlds of several orchestrators. Ends with 1 when a promise was broken, or when a crash point
// struck fewer than 100 times in a run of five minutes or more.
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { crashPoints } from "./crash-points.ts";
import { fleetPoints } from "./fleet/points.ts";
import { tryFleet } from "./fleet/try-fleet.ts";
import { firstSeed } from "./seeds.ts";
import { addTo, failure, noSum, trySeed, type Sum, type Tried } from "./try-seed.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seconds: { type: "string", default: "300" },
    processes: { type: "string", default: "2" },
    from: { type: "string" },
    fleet: { type: "boolean", default: false },
    // Set for the processes that this one starts.
    lane: { type: "string" },
  },
});
const hitsMin = 100;
const flags = values.fleet ? "--fleet " : "";
const points: readonly string[] = values.fleet ? fleetPoints : crashPoints;
const tryOne: (seed: number) => Promise<Tried> = values.fleet ? tryFleet : trySeed;

function whole(name: string, text: string): number {
  const n = Number(text);
  if (Number.isSafeInteger(n) && n >= 0) return n;
  console.error(`--${name} ${text} is not a whole number`);
  process.exit(2);
}

if (values.seed !== undefined) process.exitCode = await one(whole("seed", values.seed));
else if (values.lane !== undefined) await lane();
else process.exitCode = await many();

async function one(seed: number): Promise<number> {
  const tried = await tryOne(seed);
  console.log(`seed ${seed}: ${tried.tasks} tasks, ${tried.lives} lives of an orchestrator, ${tried.events} events`);
  console.log(`history ${tried.hash}`);
  for (const point of points) if ((tried.hits[point] ?? 0) > 0) console.log(`${String(tried.hits[point]).padStart(5)}  ${point}`);
  console.log(tried.violations.length === 0 ? "every promise held" : failure(tried, flags));
  return tried.violations.length === 0 ? 0 : 1;
}

/** Every n-th seed, told to the process that started this one. */
async function lane(): Promise<void> {
  const step = whole("processes", values.processes);
  const untilMs = performance.now() + whole("seconds", values.seconds) * 1_000;
  for (
    let seed = whole("from", values.from ?? "1") + whole("lane", values.lane ?? "0");
    performance.now() < untilMs;
    seed += step
  )
    process.send?.(await tryOne(seed));
  process.disconnect();
}

async function many(): Promise<number> {
  const processes = Math.max(1, whole("processes", values.processes));
  const from = values.from === undefined ? firstSeed() : whole("from", values.from);
  const sum = noSum(points);
  const failed: Tried[] = [];
  console.log(`seeds from ${from}, ${values.seconds} s on ${processes} processes`);
  const lanes = Array.from({ length: processes }, (_, i) => {
    const args = ["--lane", String(i), "--processes", String(processes), "--from", String(from), "--seconds", values.seconds];
    if (values.fleet) args.push("--fleet");
    const child = fork(new URL(import.meta.url), args, { serialization: "json" });
    child.on("message", (m) => {
      const tried = m as Tried;
      addTo(sum, tried);
      if (tried.violations.length === 0) return;
      failed.push(tried);
      console.log(failure(tried, flags));
    });
    return new Promise<number | null>((resolve) => child.once("exit", resolve));
  });
  const codes = await Promise.all(lanes);
  return tell(sum, failed, codes);
}

function tell(sum: Sum, failed: readonly Tried[], codes: readonly (number | null)[]): number {
  console.log("\nfaults by crash point");
  for (const point of points) console.log(`${String(sum.hits[point]).padStart(8)}  ${point}`);
  const rare = whole("seconds", values.seconds) >= 300 ? points.filter((p) => (sum.hits[p] ?? 0) < hitsMin) : [];
  if (rare.length > 0) console.log(`\nfewer than ${hitsMin} times: ${rare.join("; ")}`);
  if (codes.some((code) => code !== 0)) console.log(`\na process ended with ${codes.join(" and ")}`);
  console.log(
    `\n${sum.seeds} seeds, ${failed.length} failed: ${sum.tasks} tasks, ${sum.faults} faults, ${sum.lives} lives, ${sum.events} events`,
  );
  return failed.length + rare.length === 0 && codes.every((code) => code === 0) ? 0 : 1;
}
