// One fleet under fire: starts its process again and again, knows its workers from the history, and looks at the file
// whenever nobody has it open.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Random } from "../../../src/core/random.ts";
import { faults } from "../life.ts";
import { checkAtRest, openCopy, readOutcomes, type Outcomes } from "./at-rest.ts";
import { checkAcknowledged, checkEnd } from "./check.ts";
import type { FaultKind } from "./faults.ts";
import { Findings } from "./findings.ts";
import { note, Tail, type Line } from "./history.ts";

const script = new URL("./fleet.ts", import.meta.url).pathname;
/** Until a fleet that is started, or hit, shows that it goes on; past it that is a finding. Far above what it takes. */
const patienceMs = 30_000;

export interface BattleOptions {
  readonly folder: string;
  readonly seed: number;
  readonly random: Random;
  readonly say: (text: string) => void;
}

interface Lease {
  readonly task: number;
  readonly leaseNo: number;
}

export class Battle {
  readonly folder: string;
  readonly db: string;
  readonly random: Random;
  readonly say: (text: string) => void;
  readonly tail: Tail;
  readonly findings = new Findings();
  /** Processes that are stopped: to be continued, or ended at the end. */
  readonly frozen = new Set<number>();
  /** From a fault to the end of the worker that it hit, ms. */
  readonly detectedMs: { readonly kind: FaultKind; readonly ms: number }[] = [];
  /** Workers that the fleet ended as blocked, deaf or mute, and that were not made so: on a busy machine some are only slow. */
  endedInVain = 0;
  /** Looks at the file between two lives. */
  looks = 0;
  readonly #log: string;
  readonly #seed: number;
  /** Attempts whose code runs, by token, by worker process. */
  readonly #running = new Map<number, Map<string, Lease>>();
  /** The newest lease that reached a worker, by task. */
  readonly #newest = new Map<number, number>();
  /** Kills that a task has met while it ran. */
  readonly #hits = new Map<number, number>();
  readonly #parents = new Map<number, number>();
  #ended = 0;
  #fleet: ChildProcess | undefined;
  #stderr = "";
  /** How far the fleet's wall clock is off. */
  #clockMs = 0;
  #outcomes: Outcomes = new Map();

  constructor(o: BattleOptions) {
    this.folder = o.folder;
    this.db = join(o.folder, "load.db");
    this.random = o.random;
    this.say = o.say;
    this.#seed = o.seed;
    this.#log = join(o.folder, "history.jsonl");
    this.tail = new Tail(this.#log, (line) => this.#learn(line));
  }

  /** Of the fleet process. */
  get pid(): number {
    return this.#fleet?.pid as number;
  }

  #learn(line: Line): void {
    if (line.e === "hello") {
      this.#running.set(line.pid, new Map());
      this.#parents.set(line.pid, line.parent);
    } else if (line.e === "assigned") this.#newest.set(line.task, line.leaseNo);
    else if (line.e === "begun") this.#running.get(line.pid)?.set(line.token, { task: line.task, leaseNo: line.leaseNo });
    else if (line.e === "ended") {
      this.#running.get(line.pid)?.delete(line.token);
      this.#ended += 1;
    }
  }

  /** Starts the fleet process; resolves when its workers run tasks. */
  async begin(): Promise<void> {
    const child = spawn(process.execPath, [script, this.folder, "4", "3", "2", String(this.#seed), String(this.#clockMs)], {
      stdio: ["pipe", "ignore", "pipe"],
      env: {
        ...process.env,
        FLOTILLA_ENV: "",
        NEMESIS_DIR: this.folder,
        NODE_COMPILE_CACHE: join(this.folder, "compiled"),
      },
    });
    this.#fleet = child;
    this.#stderr = "";
    child.stdin.on("error", () => {});
    child.stderr.on("data", (d: Buffer) => (this.#stderr = (this.#stderr + String(d)).slice(-4_000)));
    const up = () => this.tail.lines.some((l) => l.e === "life" && l.pid === child.pid);
    if (!(await this.tail.until(() => child.exitCode !== null || up(), patienceMs)) || child.exitCode !== null)
      throw new Error(`the fleet process did not come up (exit code ${child.exitCode}):\n${this.#stderr}`);
    await this.busyWorker();
  }

  /** A line for the fleet process. */
  tell(line: string): void {
    this.#fleet?.stdin?.write(`${line}\n`);
  }

  /** Sets the fleet's wall clock, in this life and the next ones. */
  setClock(byMs: number): void {
    this.#clockMs += byMs;
    this.tell(`clock ${this.#clockMs}`);
  }

  note(kind: FaultKind, pid: number, text: string | null = null): void {
    note(this.#log, { e: "fault", kind, pid, note: text });
    this.say(`${kind}${text === null ? "" : ` (${text})`}: process ${pid}`);
  }

  /** A worker of this life that is executing a task, by chance. */
  async busyWorker(): Promise<number> {
    const busy = () =>
      [...this.#running].filter(([pid, running]) => running.size > 0 && this.#parents.get(pid) === this.pid && exists(pid));
    if (!(await this.tail.until(() => busy().length > 0, patienceMs))) {
      throw new Error(`no worker has begun a task in ${patienceMs / 1_000} s:\n${this.#stderr}`);
    }
    const all = busy();
    return (all[Math.floor(this.random() * all.length)] as (typeof all)[number])[0];
  }

  /** A few more tasks end. */
  async progress(): Promise<void> {
    const target = this.#ended + 2 + Math.floor(this.random() * 8);
    if (!(await this.tail.until(() => this.#ended >= target, patienceMs)))
      this.findings.add("unfinished", `nothing ended in ${patienceMs / 1_000} s after ${this.#lastFault()}`);
  }

  /** What a worker, or all workers of a fleet process, execute under a lease that is the newest of its task. */
  runningOn(pid: number): Lease[] {
    this.tail.read();
    const workers = [...this.#running].filter(([worker]) => worker === pid || this.#parents.get(worker) === pid);
    const leases = workers.flatMap(([, running]) => [...running.values()]);
    return leases.filter((l) => this.#newest.get(l.task) === l.leaseNo);
  }

  /** What a kill hit is given out again; but a task that three workers died of may be quarantined instead. */
  async moved(hit: readonly Lease[]): Promise<void> {
    for (const { task } of hit) this.#hits.set(task, (this.#hits.get(task) ?? 0) + 1);
    const must = hit.filter(({ task }) => (this.#hits.get(task) as number) < 3);
    const waiting = () => must.filter(({ task, leaseNo }) => (this.#newest.get(task) as number) <= leaseNo);
    if (await this.tail.until(() => waiting().length === 0, patienceMs)) return;
    for (const { task } of waiting())
      this.findings.add(
        "unfinished",
        `task ${task} was not given out again in ${patienceMs / 1_000} s after ${this.#lastFault()}`,
      );
  }

  /** The fleet ends a worker that does not do its part. */
  async death(pid: number, kind: FaultKind): Promise<void> {
    const started = performance.now();
    if (await this.tail.until(() => !exists(pid), patienceMs)) this.detectedMs.push({ kind, ms: performance.now() - started });
    else this.findings.add("unfinished", `${kind}: nobody noticed it in ${patienceMs / 1_000} s`);
  }

  /** A fault that had no effect is none: the run must not count it. */
  miss(what: string): void {
    this.findings.add("unfinished", what);
  }

  async pass(ms: number): Promise<void> {
    await this.tail.until(() => false, ms);
  }

  /** kill -9, and a look at what it leaves. @returns what ran there */
  async killFleet(kind: FaultKind, text: string | null): Promise<Lease[]> {
    const child = this.#fleet as ChildProcess;
    child.kill("SIGKILL");
    this.note(kind, child.pid as number, text);
    const hit = this.runningOn(child.pid as number);
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    this.look(`after ${kind}`);
    return hit;
  }

  /** Checks the file as it lies there. */
  look(where: string): void {
    this.tail.read();
    const found = new Findings();
    using copy = openCopy(this.db);
    checkAtRest(copy.file, this.#outcomes, found);
    checkAcknowledged(this.tail.lines, copy.file, found);
    this.#outcomes = readOutcomes(copy.file);
    this.findings.addAll(found, `${where}, look ${++this.looks}`);
  }

  /** Nothing new is asked for; all that was accepted has to end, and so does the process. */
  async finish(): Promise<void> {
    const child = this.#fleet as ChildProcess;
    this.tell("enough");
    const done = () => child.exitCode !== null || child.signalCode !== null;
    await this.tail.until(done, 2 * patienceMs);
    if (!done()) this.findings.add("unfinished", `the load did not end in ${(2 * patienceMs) / 1_000} s`);
    else if (child.exitCode !== 0)
      this.findings.add("unfinished", `the fleet process ended with ${child.exitCode}: ${this.#stderr}`);
    this.look("at the end");
    const found = new Findings();
    using copy = openCopy(this.db);
    checkEnd(this.tail.lines, copy.file, found);
    this.endedInVain = this.#endedInVain(copy.file);
    for (const fault of faults(this.db)) found.add("damaged", fault);
    this.findings.addAll(found, "at the end");
  }

  /** Ends whatever this battle has started. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#fleet;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    this.tail.read();
    for (const pid of this.#running.keys()) if (exists(pid) && isWorker(pid)) process.kill(pid, "SIGKILL");
    this.tail.close();
  }

  #endedInVain(file: DatabaseSync): number {
    const made = new Set(this.tail.lines.flatMap((l) => (l.e === "fault" ? [l.pid] : [])));
    const ended = file.prepare(
      "SELECT pid FROM worker WHERE left_how LIKE '%has been blocked%' OR left_how LIKE '%knows nothing of%'",
    );
    return (ended.all() as { pid: number }[]).filter(({ pid }) => !made.has(pid)).length;
  }

  #lastFault(): string {
    const fault = this.tail.lines.findLast((l) => l.e === "fault");
    return fault?.e === "fault" ? `${fault.kind} (${fault.pid})` : "the start";
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** By now the number may be somebody else's. */
function isWorker(pid: number): boolean {
  try {
    return execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).includes("child-entry");
  } catch {
    return false;
  }
}
