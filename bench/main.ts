// `npm run bench -- [name...] [--quick] [--json]`: each bench beside what the machine itself allows, measured in the same run.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { coldstart } from "./benches/coldstart.ts";
import { fanout } from "./benches/fanout.ts";
import { idle } from "./benches/idle.ts";
import { postgresFanout, postgresIdle, postgresThroughput } from "./benches/postgres.ts";
import { memory } from "./benches/memory.ts";
import { scale } from "./benches/scale.ts";
import { steps } from "./benches/steps.ts";
import { throughput } from "./benches/throughput.ts";
import { line, type Bench, type Settings } from "./harness/bench.ts";
import { machine } from "./harness/machine.ts";
import { header, row } from "./harness/table.ts";

const benches: readonly Bench[] = [
  throughput,
  idle,
  fanout,
  steps,
  memory,
  coldstart,
  scale,
  postgresThroughput,
  postgresIdle,
  postgresFanout,
];

const args = process.argv.slice(2);
const json = args.includes("--json");
const wanted = args.filter((a) => !a.startsWith("--"));
const unknown = [
  ...wanted.filter((w) => !benches.some((b) => b.name === w)),
  ...args.filter((a) => a.startsWith("--") && !["--json", "--quick"].includes(a)),
];
if (unknown.length > 0) {
  console.error(
    `no bench or flag is called ${unknown.join(", ")}; benches: ${benches.map((b) => b.name).join(", ")}; flags: --quick --json`,
  );
  process.exit(2);
}

const root = fileURLToPath(new URL("..", import.meta.url));
// The built package is what is measured. stdout belongs to the figures.
const built = spawnSync(process.execPath, [join(root, "scripts/build.ts")], { stdio: ["ignore", 2, 2] });
if (built.status !== 0) process.exit(1);

// On the repository's own disk: /tmp may be memory, where durability costs nothing.
const folder = join(root, "reports", `bench-${process.pid}`);
mkdirSync(folder, { recursive: true });
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

let scratches = 0;
const settings = (name: string): Settings => ({
  quick: args.includes("--quick"),
  scratch: () => join(folder, `${++scratches}.db`),
  progress: (text) => void (process.stderr.isTTY && process.stderr.write(`\r\u001b[2K${name}: ${text}`)),
});

const here = machine();
if (!json)
  console.log(
    `${Object.entries(here)
      .map(([k, v]) => `${k} ${String(v)}`)
      .join(", ")}\n${header()}`,
  );
for (const bench of benches.filter((b) => wanted.length === 0 || wanted.includes(b.name))) {
  for await (const c of bench.run(settings(bench.name))) {
    const told = line(bench.name, { ...c, settings: { ...c.settings, ...here } });
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
    console.log(json ? JSON.stringify(told) : row(told));
  }
}
