// A fleet of processes under fire: a PostgreSQL, orchestrators on it, workers that come over the network, clients behind
// one address, and between all of them ways that can be cut.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { Random } from "../../src/core/random.ts";
import { startPostgres, type Server } from "../postgres/start.ts";
import { faults } from "../chaos/life.ts";
import { checkAtRest, openCopy, readOutcomes, type Outcomes } from "../chaos/nemesis/at-rest.ts";
import { checkAcknowledged, checkEnd } from "../chaos/nemesis/check.ts";
import { Findings } from "../chaos/nemesis/findings.ts";
import { note, Tail, type Line } from "../chaos/nemesis/history.ts";
import type { FleetFaultKind } from "./faults.ts";
import { Load } from "./load.ts";
import { begin, type Process } from "./processes.ts";
import { copyTables } from "./snapshot.ts";
import { Way } from "./way.ts";

const orchestratorScript = new URL("./orchestrator.ts", import.meta.url);
const workerScript = new URL("./worker.ts", import.meta.url);
const schema = "nemesis";
/** Until something that was hit shows that it goes on; past it that is a finding. Far above what it takes. */
const patienceMs = 60_000;
const calmMs = 800;
const healthMs = 500;
const healthTimeoutMs = 1_000;
const slotsOfWorker = 6;

export interface BattleOptions {
  readonly folder: string;
  readonly seed: number;
  readonly random: Random;
  readonly say: (text: string) => void;
  readonly orchestrators: number;
  readonly workers: number;
  readonly waves: number;
  readonly vigils: number;
  readonly longMs: number;
}

export interface Orchestrator {
  process: Process;
  port: number;
  healthy: boolean;
  /** From it to PostgreSQL. */
  readonly toStore: Way;
}
export interface Worker {
  process: Process;
  /** From it to the orchestrators. */
  readonly ways: readonly Way[];
}
interface Lease {
  readonly task: number;
  readonly leaseNo: number;
  readonly token: string;
}

export class FleetBattle {
  readonly o: BattleOptions;
  readonly random: Random;
  readonly findings = new Findings();
  readonly tail: Tail;
  readonly orchestrators: Orchestrator[] = [];
  readonly workers: Worker[] = [];
  /** Processes that are stopped: to be continued, or ended at the end. */
  readonly frozen = new Set<number>();
  /** From a fault, or from its end, to the end of a run that was started then, ms. */
  readonly recoveredMs: { readonly kind: FleetFaultKind; readonly ms: number }[] = [];
  looks = 0;
  readonly #log: string;
  /** Attempts whose code runs, by token, by worker process. */
  readonly #running = new Map<number, Map<string, Lease>>();
  readonly #ended = new Set<string>();
  /** The newest lease that reached a worker, by task. */
  readonly #newest = new Map<number, number>();
  #postgres: Server | undefined;
  #clients: Way | undefined;
  #load: Load | undefined;
  #tokens = { worker: "", client: "" };
  #health: NodeJS.Timeout | undefined;
  #outcomes: Outcomes = new Map();
  #faultAt = 0;

  constructor(o: BattleOptions) {
    this.o = o;
    this.random = o.random;
    this.#log = join(o.folder, "history.jsonl");
    this.tail = new Tail(this.#log, (line) => this.#learn(line));
  }

  get postgres(): Server {
    return this.#postgres as Server;
  }
  get clients(): Way {
    return this.#clients as Way;
  }
  get load(): Load {
    return this.#load as Load;
  }

  #learn(line: Line): void {
    if (line.e === "hello") this.#running.set(line.pid, new Map());
    else if (line.e === "assigned") this.#newest.set(line.task, line.leaseNo);
    else if (line.e === "begun") this.#running.get(line.pid)?.set(line.token, line);
    else if (line.e === "ended") {
      this.#running.get(line.pid)?.delete(line.token);
      this.#ended.add(line.token);
    }
  }

  async begin(): Promise<void> {
    mkdirSync(join(this.o.folder, "compiled"), { recursive: true });
    // A commit is in the log when it is acknowledged, so that a crash of the server loses none; the machine does not crash.
    this.#postgres = await startPostgres({ durable: true, flags: ["fsync=off", "full_page_writes=off"] });
    const setup = begin(orchestratorScript, [this.#log, this.#storeUrl(new URL(this.postgres.url).port), "setup"], this.#cache);
    this.#tokens = JSON.parse(await setup.firstLine) as { worker: string; client: string };
    await setup.ended;
    for (let i = 0; i < this.o.orchestrators; i++) {
      const toStore = await Way.open(() => [Number(new URL(this.postgres.url).port)]);
      const process = this.#spawnOrchestrator(toStore);
      this.orchestrators.push({ process, port: 0, healthy: false, toStore });
    }
    await Promise.all(this.orchestrators.map((o) => this.#serving(o)));
    this.#health = setInterval(() => void this.#checkHealth(), healthMs);
    this.#clients = await Way.open(() => this.#ports());
    for (let i = 0; i < this.o.workers; i++) {
      // Half of them know one address that leads to whoever is up, the others each orchestrator's own.
      const targets = i % 2 === 0 ? [() => this.#ports()] : this.orchestrators.map((o) => () => [o.port]);
      if (i % 4 === 3) targets.reverse();
      const ways = await Promise.all(targets.map((t) => Way.open(t)));
      this.workers.push({ process: this.#spawnWorker(ways), ways });
    }
    const up = (w: Worker) => this.tail.lines.some((l) => l.e === "life" && l.pid === w.process.pid);
    if (!(await this.tail.until(() => this.workers.every(up), patienceMs)))
      throw new Error(`workers did not come up: ${this.workers.map((w) => w.process.said()).join("\n")}`);
    const { waves, vigils, longMs, seed } = this.o;
    this.#load = new Load({
      url: `http://127.0.0.1:${this.clients.port}`,
      token: this.#tokens.client,
      log: this.#log,
      seed,
      waves,
      vigils,
      longMs,
    });
    this.load.begin();
    await this.busyWorker();
  }

  get #cache(): string {
    return join(this.o.folder, "compiled");
  }
  #storeUrl(port: string): string {
    const url = new URL(this.postgres.url);
    url.port = port;
    url.searchParams.set("schema", schema);
    return url.href;
  }
  #spawnOrchestrator(toStore: Way): Process {
    return begin(orchestratorScript, [this.#log, this.#storeUrl(String(toStore.port))], this.#cache);
  }
  #spawnWorker(ways: readonly Way[]): Process {
    const urls = ways.map((w) => `ws://127.0.0.1:${w.port}`);
    return begin(workerScript, [this.#log, this.#tokens.worker, String(slotsOfWorker), ...urls], this.#cache);
  }
  async #serving(o: Orchestrator): Promise<void> {
    const { url } = JSON.parse(await o.process.firstLine) as { url: string };
    o.port = Number(new URL(url).port);
    o.healthy = true;
  }
  async respawnOrchestrator(o: Orchestrator): Promise<void> {
    o.process = this.#spawnOrchestrator(o.toStore);
    await this.#serving(o);
  }
  respawnWorker(w: Worker): void {
    w.process = this.#spawnWorker(w.ways);
  }

  /** As a load balancer sees it: those that say they are ready, or all when none does. */
  #ports(): number[] {
    const up = this.orchestrators.filter((o) => o.port > 0);
    const healthy = up.filter((o) => o.healthy);
    return (healthy.length > 0 ? healthy : up).map((o) => o.port);
  }
  async #checkHealth(): Promise<void> {
    await Promise.all(
      this.orchestrators.map(async (o) => {
        const { port } = o;
        const healthy = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(healthTimeoutMs) }).then(
          (r) => r.ok,
          () => false,
        );
        if (o.port === port) o.healthy = healthy;
      }),
    );
  }

  note(kind: FleetFaultKind, pid: number, text: string | null = null): void {
    note(this.#log, { e: "fault", kind, pid, note: text });
    this.#faultAt = performance.now();
    this.o.say(`${kind}${text === null ? "" : ` (${text})`}: process ${pid}`);
  }

  any<T>(of: readonly T[]): T {
    return of[Math.floor(this.random() * of.length)] as T;
  }

  /** A worker that is executing a task, by chance. */
  async busyWorker(): Promise<Worker> {
    const busy = () => this.workers.filter((w) => (this.#running.get(w.process.pid)?.size ?? 0) > 0 && w.process.isAlive());
    if (!(await this.tail.until(() => busy().length > 0, patienceMs)))
      throw new Error(`no worker has begun a task in ${patienceMs / 1_000} s`);
    return this.any(busy());
  }

  /** What a worker executes under a lease that is the newest of its task. */
  runningOn(pid: number): Lease[] {
    this.tail.read();
    return [...(this.#running.get(pid)?.values() ?? [])].filter((l) => this.#newest.get(l.task) === l.leaseNo);
  }

  /** What a kill hit is given out again. */
  async moved(hit: readonly Lease[], kind: FleetFaultKind): Promise<void> {
    // What has ended in spite of it needs no other lease.
    const waiting = () =>
      hit.filter(({ task, leaseNo, token }) => (this.#newest.get(task) as number) <= leaseNo && !this.#ended.has(token));
    if (await this.tail.until(() => waiting().length === 0, patienceMs)) return;
    for (const { task } of waiting())
      this.findings.add("unfinished", `task ${task} was not given out again in ${patienceMs / 1_000} s after ${kind}`);
  }

  /** A run that is started now ends: everything on the way works again. Measured from the fault, or from `since`. */
  async recovered(kind: FleetFaultKind, since = this.#faultAt): Promise<void> {
    const late = Symbol("late");
    const timer = Promise.withResolvers<typeof late>();
    const timeout = setTimeout(() => timer.resolve(late), patienceMs);
    const probe = this.load.probe();
    probe.catch(() => {});
    if ((await Promise.race([probe, timer.promise])) === late)
      this.findings.add("unfinished", `a run that was started after ${kind} did not end in ${patienceMs / 1_000} s`);
    else this.recoveredMs.push({ kind, ms: performance.now() - since });
    clearTimeout(timeout);
  }

  /** Each of them has a link that carries something. */
  async linked(...workers: readonly Worker[]): Promise<void> {
    const up = () => workers.every((w) => !w.process.isAlive() || w.ways.some((way) => way.connections > 0));
    if (!(await this.tail.until(up, patienceMs))) this.findings.add("unfinished", "a worker did not come back");
  }

  /** What one fault left is done with before the next one begins. */
  async calm(): Promise<void> {
    await this.linked(...this.workers);
    const since = performance.now();
    while ((await this.load.probe().then(() => performance.now())) - since < calmMs) await this.pass(calmMs / 4);
  }

  pass(ms: number): Promise<boolean> {
    return this.tail.until(() => false, ms);
  }

  /** A connection of a superuser, past all ways. */
  async asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.postgres.url });
    client.on("error", () => {});
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Checks all tables, as they are at one instant of the work. */
  async look(where: string, o: { readonly end: boolean } = { end: false }): Promise<void> {
    // What is acknowledged up to here must be in what is read after it.
    this.tail.read();
    const lines = [...this.tail.lines];
    const file = join(this.o.folder, `look-${++this.looks}.db`);
    await copyTables(this.postgres.url, schema, file);
    const found = new Findings();
    using copy = openCopy(file);
    checkAtRest(copy.file, this.#outcomes, found);
    checkAcknowledged(lines, copy.file, found, { leasesMove: true });
    this.#outcomes = readOutcomes(copy.file);
    if (o.end) {
      checkEnd(lines, copy.file, found);
      for (const fault of faults(file)) found.add("damaged", fault);
    }
    this.findings.addAll(found, `${where}, look ${this.looks}`);
  }

  /** The file of the last look. */
  get lastLook(): string {
    return join(this.o.folder, `look-${this.looks}.db`);
  }

  /** Nothing new is asked for; all that was accepted has to end. */
  async finish(): Promise<void> {
    const done = this.load.finish().then(() => true);
    const ended = await Promise.race([done, this.pass(2 * patienceMs + this.o.longMs)]);
    if (!ended) this.findings.add("unfinished", `${this.load.open} runs did not end`);
    await this.look("at the end", { end: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#health);
    await this.#load?.close();
    const processes = [...this.workers, ...this.orchestrators].map((p) => p.process);
    for (const p of processes) p.child.kill("SIGKILL");
    await Promise.all(processes.map((p) => p.ended));
    const ways = [...this.workers.flatMap((w) => w.ways), ...this.orchestrators.map((o) => o.toStore)];
    await Promise.all([...ways, ...(this.#clients ? [this.#clients] : [])].map((w) => w[Symbol.asyncDispose]()));
    await this.#postgres?.stop();
    this.tail.close();
  }
}
