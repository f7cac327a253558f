// What `npm test` runs, in this order. Each stage has a share of the time and fails when it needs more.

export interface Stage {
  readonly name: string;
  /** Seconds on two cores; past it the stage is stopped and has failed. Its long form (`--long`) has five times as much. */
  readonly shareS: number;
  /** Commands, one after the other. Each counts as one check. */
  readonly checks?: readonly Check[];
  /** Folders and files whose tests vitest runs. Each test counts. */
  readonly tests?: readonly string[];
  /** Set for the long form, beside FLOTILLA_LONG=1: more of the same. */
  readonly longEnv?: Readonly<Record<string, string>>;
}
export interface Check {
  readonly name: string;
  readonly run: readonly [command: string, ...args: string[]];
}

const script = (name: string, ...args: string[]): Check["run"] => ["node", `scripts/${name}.ts`, ...args];

export const stages: readonly Stage[] = [
  {
    name: "static checks",
    shareS: 60,
    checks: [
      { name: "types", run: ["tsc", "-p", "tsconfig.json"] },
      { name: "lint", run: ["oxlint", "--type-aware"] },
      { name: "format", run: ["oxfmt", "--check", "."] },
      { name: "rooms", run: script("check-rooms") },
      { name: "nothing unused", run: ["knip", "--no-progress"] },
      { name: "generated docs", run: script("docs", "--check") },
    ],
  },
  { name: "package", shareS: 60, checks: [{ name: "build, publint, types of the tarball", run: script("check-package") }] },
  { name: "docs", shareS: 60, checks: [{ name: "examples compile, commands exist", run: script("check-docs") }] },
  { name: "first run", shareS: 90, checks: [{ name: "npm start, as the README shows it", run: script("check-start") }] },
  {
    name: "unit and conformance",
    shareS: 150,
    tests: ["src", "scripts", "test/store", "test/orchestrator", "test/upkeep", "test/webhooks"],
    longEnv: { FLOTILLA_STORE_SEQUENCES: "20000" },
  },
  {
    name: "postgres",
    shareS: 120,
    tests: ["test/postgres", "test/fleet"],
    longEnv: { FLOTILLA_POSTGRES_SEQUENCES: "4000", FLOTILLA_POSTGRES_PAIRS: "1000" },
  },
  {
    name: "replay and simulation",
    shareS: 120,
    tests: ["test/replay", "test/simulation"],
    longEnv: {
      FLOTILLA_REPLAY_SEEDS: "3000",
      FLOTILLA_REPLAY_REAL_SEEDS: "100",
      FLOTILLA_SIMULATION_SEEDS: "400",
      FLOTILLA_FLEET_SEEDS: "120",
    },
  },
  { name: "kills and chaos", shareS: 120, tests: ["test/chaos"] },
  { name: "fleet chaos", shareS: 120, tests: ["test/fleet-chaos"] },
  { name: "programs and command line", shareS: 90, tests: ["test/programs", "test/cli", "test/remote"] },
  { name: "server", shareS: 120, tests: ["test/server"], longEnv: { FLOTILLA_FUZZ_RUNS: "20000" } },
  { name: "remote workers", shareS: 120, tests: ["test/workers", "test/protocol"], longEnv: { FLOTILLA_WIRE_RUNS: "2000" } },
  { name: "deployment", shareS: 60, tests: ["test/deploy"] },
  { name: "templates", shareS: 120, tests: ["test/repo-audit", "templates"] },
  { name: "bench", shareS: 60, tests: ["bench"] },
];
