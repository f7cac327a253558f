// What the nemesis can do to a fleet of machines, each as it is done. A fault ends with a sign of recovery, not a pause.
import type { FleetBattle } from "./battle.ts";

export const fleetFaultKinds = [
  "worker killed",
  "worker left",
  "worker frozen briefly",
  "worker link blip",
  "worker link half-open",
  "orchestrator killed",
  "orchestrator left",
  "orchestrator frozen briefly",
  "orchestrator frozen past its lease",
  "backends terminated",
  "store link cut",
  "store link half-open",
  "store link dead",
  "store link slow",
  "clients cut",
  "PostgreSQL restarted",
  "PostgreSQL crashed",
  "PostgreSQL down",
] as const;
export type FleetFaultKind = (typeof fleetFaultKinds)[number];

const blipMs = 1_000;
const briefMs = 2_000;
/** The lease of an orchestrator, the pause of whoever sweeps, and more. */
const pastLeaseMs = 20_000;
const deadLinkMs = 5_000;
const slowMs = { each: 150, for: 4_000 };
const downMs = 25_000;
const respawnMsMax = 2_000;

export const inflict: Readonly<Record<FleetFaultKind, (b: FleetBattle) => Promise<void>>> = {
  async "worker killed"(b) {
    const worker = await b.busyWorker();
    const { pid } = worker.process;
    process.kill(pid, "SIGKILL");
    b.note("worker killed", pid);
    const hit = b.runningOn(pid);
    await worker.process.ended;
    b.respawnWorker(worker);
    await b.moved(hit, "worker killed");
  },
  async "worker left"(b) {
    const worker = await b.busyWorker();
    const { pid } = worker.process;
    const hit = b.runningOn(pid);
    process.kill(pid, "SIGTERM");
    b.note("worker left", pid);
    await worker.process.ended;
    b.respawnWorker(worker);
    await b.moved(hit, "worker left");
  },
  async "worker frozen briefly"(b) {
    const worker = await b.busyWorker();
    await freeze(b, "worker frozen briefly", worker.process.pid, briefMs);
    await b.recovered("worker frozen briefly");
  },
  async "worker link blip"(b) {
    const worker = await b.busyWorker();
    b.note("worker link blip", worker.process.pid);
    for (const way of worker.ways) {
      way.admit("refused");
      way.cut();
    }
    await b.pass(blipMs);
    for (const way of worker.ways) way.admit("yes");
    await b.linked(worker);
  },
  async "worker link half-open"(b) {
    const worker = await b.busyWorker();
    b.note("worker link half-open", worker.process.pid);
    for (const way of worker.ways) way.freeze();
    await b.linked(worker);
  },

  async "orchestrator killed"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    process.kill(o.process.pid, "SIGKILL");
    b.note("orchestrator killed", o.process.pid);
    await Promise.all([
      b.recovered("orchestrator killed"),
      b.pass(b.random() * respawnMsMax).then(() => b.respawnOrchestrator(o)),
    ]);
    await b.linked(...b.workers);
  },
  async "orchestrator left"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    process.kill(o.process.pid, "SIGTERM");
    b.note("orchestrator left", o.process.pid);
    await Promise.all([b.recovered("orchestrator left"), o.process.ended.then(() => b.respawnOrchestrator(o))]);
    await b.linked(...b.workers);
  },
  async "orchestrator frozen briefly"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    await freeze(b, "orchestrator frozen briefly", o.process.pid, briefMs);
    await b.recovered("orchestrator frozen briefly");
  },
  async "orchestrator frozen past its lease"(b) {
    const o = b.any(b.orchestrators);
    const { pid } = o.process;
    await b.busyWorker();
    const kind = "orchestrator frozen past its lease";
    await Promise.all([freeze(b, kind, pid, pastLeaseMs), b.pass(100).then(() => b.recovered(kind))]);
    const anew = () => b.tail.lines.some((l) => l.e === "said" && l.pid === pid && l.message.includes("begins anew"));
    if (!(await b.tail.until(anew, 30_000))) b.findings.add("unfinished", "an orchestrator that was swept did not begin anew");
    await b.linked(...b.workers);
  },

  async "backends terminated"(b) {
    await b.busyWorker();
    for (let i = 0; i < 3; i++) {
      const { rowCount } = await b.asAdmin((admin) =>
        admin.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND random() < 0.5",
        ),
      );
      if (i === 0) b.note("backends terminated", b.postgres.pid, `${rowCount ?? 0}`);
      await b.pass(b.random() * 400);
    }
    await b.recovered("backends terminated");
  },
  async "store link cut"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    b.note("store link cut", o.process.pid);
    o.toStore.cut();
    await b.recovered("store link cut");
  },
  async "store link half-open"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    b.note("store link half-open", o.process.pid);
    o.toStore.freeze();
    await b.recovered("store link half-open");
  },
  async "store link dead"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    b.note("store link dead", o.process.pid);
    o.toStore.admit("swallowed");
    o.toStore.freeze();
    await b.pass(deadLinkMs);
    o.toStore.admit("yes");
    await b.recovered("store link dead", performance.now());
  },
  async "store link slow"(b) {
    const o = b.any(b.orchestrators);
    await b.busyWorker();
    b.note("store link slow", o.process.pid);
    o.toStore.slow(slowMs.each);
    await b.pass(slowMs.for);
    o.toStore.slow(0);
    await b.recovered("store link slow", performance.now());
  },
  async "clients cut"(b) {
    b.note("clients cut", process.pid);
    b.clients.cut();
    await b.recovered("clients cut");
  },

  async "PostgreSQL restarted"(b) {
    await b.busyWorker();
    b.note("PostgreSQL restarted", b.postgres.pid);
    await b.postgres.restart({ how: "fast", downMs: 0 });
    await b.recovered("PostgreSQL restarted");
  },
  async "PostgreSQL crashed"(b) {
    await b.busyWorker();
    b.note("PostgreSQL crashed", b.postgres.pid);
    await b.postgres.restart({ how: "immediate", downMs: 0 });
    await b.recovered("PostgreSQL crashed");
  },
  async "PostgreSQL down"(b) {
    await b.busyWorker();
    b.note("PostgreSQL down", b.postgres.pid);
    await b.postgres.restart({ how: b.random() < 0.5 ? "fast" : "immediate", downMs });
    await b.recovered("PostgreSQL down", performance.now());
  },
};

async function freeze(b: FleetBattle, kind: FleetFaultKind, pid: number, ms: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  b.frozen.add(pid);
  b.note(kind, pid);
  await b.pass(ms);
  b.frozen.delete(pid);
  process.kill(pid, "SIGCONT");
}
