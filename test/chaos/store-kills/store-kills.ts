// Kills the owner of a store again and again, at named points from within and at any moment from outside, and looks at
// the file after each.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, type Random } from "../../../src/core/random.ts";
import { checkAtRest, openCopy, readOutcomes, type Outcomes } from "../nemesis/at-rest.ts";
import { Findings } from "../nemesis/findings.ts";
import { checkStored, readAcknowledged } from "./acknowledged.ts";
import type { PlantedDefect } from "./planted.ts";
import { points, type Point } from "./points.ts";

const script = new URL("./life.ts", import.meta.url).pathname;
/** Lives of one file: recovery upon recovery, and a look that stays quick. */
const livesOfFile = 25;
/** How long a life may last that is killed from outside, and how often a point is passed before it kills. */
const outsideMs = 40;
const nthMost = 60;

export interface StoreKillsReport {
  readonly kills: number;
  readonly atPoints: Readonly<Record<Point, number>>;
  readonly outside: number;
  /** Tasks and outcomes that were acknowledged, in all files. */
  readonly tasks: number;
  readonly outcomes: number;
  /** Results under a lease that was no longer held: each was refused, or is a finding. */
  readonly stale: number;
  readonly findings: Findings;
}

export async function runStoreKills(o: {
  readonly seed: number;
  readonly kills: number;
  readonly say: (text: string) => void;
  /** A defect to be found. @default none */
  readonly planted?: PlantedDefect;
}): Promise<StoreKillsReport> {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-store-kills-"));
  const findings = new Findings();
  const tally = {
    kills: 0,
    outside: 0,
    tasks: 0,
    outcomes: 0,
    stale: 0,
    atPoints: Object.fromEntries(points.map((p) => [p, 0])),
  };
  const files = Math.ceil(o.kills / livesOfFile);
  let file = 0;
  /** Two at a time: one file is looked at while the other's next life begins. */
  const lane = async (): Promise<void> => {
    for (let n = file++; n < files; n = file++) {
      const lives = Math.min(livesOfFile, o.kills - n * livesOfFile);
      await liveAndDie({ db: join(folder, `${n}.db`), seed: o.seed * 10_000 + n, lives, planted: o.planted, findings, tally });
      o.say(`${tally.kills} of ${o.kills} kills of a store`);
    }
  };
  try {
    // Both have ended before anything is taken away.
    for (const ended of await Promise.allSettled([lane(), lane()])) if (ended.status === "rejected") throw ended.reason;
    return { ...tally, atPoints: tally.atPoints as Record<Point, number>, findings };
  } finally {
    if (findings.lines.length === 0 || o.planted !== undefined) rmSync(folder, { recursive: true, force: true });
    else o.say(`kept for a look: ${folder}`);
  }
}

interface File {
  readonly db: string;
  readonly seed: number;
  readonly lives: number;
  readonly planted: PlantedDefect | undefined;
  readonly findings: Findings;
  readonly tally: {
    kills: number;
    outside: number;
    tasks: number;
    outcomes: number;
    stale: number;
    atPoints: Record<string, number>;
  };
}

async function liveAndDie(f: File): Promise<void> {
  const random = createRandom(f.seed);
  const log = `${f.db}.acknowledged`;
  let before: Outcomes = new Map();
  for (let life = 0; life < f.lives; life++) {
    const durability = random() < 0.5 ? "power" : "process";
    const point = life % 2 === 0 ? (points[(life / 2) % points.length] as Point) : undefined;
    await oneLife([f.db, log, String(f.seed * 1_000 + life), durability, f.planted ?? "none"], point, random);
    f.tally.kills += 1;
    if (point === undefined) f.tally.outside += 1;
    else f.tally.atPoints[point] = (f.tally.atPoints[point] ?? 0) + 1;
    const found = new Findings();
    const said = readAcknowledged(log);
    // Killed in its very first start: there may be no table yet, and then nothing may have been acknowledged.
    if (said.length === 0 && before.size === 0 && !hasTables(f.db)) continue;
    using copy = openCopy(f.db);
    checkAtRest(copy.file, before, found);
    checkStored(said, copy.file, found);
    before = readOutcomes(copy.file);
    f.findings.addAll(found, `${f.db}, life ${life}, ${point ?? "from outside"}`);
  }
  for (const line of readAcknowledged(log)) {
    if ("boot" in line) continue;
    f.tally.tasks += line.tasks.length;
    f.tally.outcomes += line.outcomes.length;
    f.tally.stale += line.stale.length;
  }
}

function hasTables(db: string): boolean {
  if (!existsSync(db)) return false;
  using copy = openCopy(db);
  return copy.file.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'task'").get() !== undefined;
}

/** Past it a life that kills itself has missed its point. */
const lifeMsMax = 30_000;

/** Resolves when it has died of SIGKILL. @throws when it ended in another way */
async function oneLife(args: readonly string[], point: Point | undefined, random: Random): Promise<void> {
  // It opens with two statements at least and comes to a checkpoint every eighth batch: what is rarer is not waited for as long.
  const nth = 1 + Math.floor(random() * (point === "while it opens" ? 2 : point === "after a checkpoint" ? 6 : nthMost));
  const self = point === undefined ? [] : [point, String(nth)];
  const child = spawn(process.execPath, [script, ...args, ...self], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(args[0] as string, "..", "compiled") },
  });
  let stderr = "";
  child.stderr.on("data", (d: Buffer) => (stderr += String(d)));
  const late = setTimeout(() => child.kill("SIGTERM"), lifeMsMax);
  if (point === undefined) {
    // One in eight dies before it says that it is open: somewhere in its start.
    if (random() < 0.125) setTimeout(() => child.kill("SIGKILL"), random() * 200);
    else child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), random() * outsideMs));
  }
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearTimeout(late);
  if (signal !== "SIGKILL") throw new Error(`a store's owner ended with ${signal ?? code}, not by a kill:\n${stderr}`);
}
