// What the nemesis can do, each as it is done. A fault ends with a sign of recovery, not with a pause.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tears, tearTail, type Tear } from "./wal.ts";
import type { Order } from "./tap.ts";
import type { Battle } from "./battle.ts";

export const faultKinds = [
  "worker killed",
  "fleet process killed",
  "log torn",
  "worker frozen",
  "worker frozen briefly",
  "fleet process frozen",
  "loop blocked",
  "worker deaf",
  "worker mute",
  "disk full",
  "clock jumped",
] as const;
export type FaultKind = (typeof faultKinds)[number];
/** Those that are a kill -9. */
export const kills: ReadonlySet<string> = new Set<FaultKind>(["worker killed", "fleet process killed", "log torn"]);

/** Twice the load's `blockedAfter` and a ping more. */
const frozenFleetMs = 3_000;
/** A third of the load's `blockedAfter`. */
const briefMs = 500;
const hourMs = 3_600_000;

export const inflict: Readonly<Record<FaultKind, (b: Battle) => Promise<void>>> = {
  async "worker killed"(b) {
    const pid = await b.busyWorker();
    process.kill(pid, "SIGKILL");
    b.note("worker killed", pid);
    await b.moved(b.runningOn(pid));
  },

  async "fleet process killed"(b) {
    await b.busyWorker();
    const hit = await b.killFleet("fleet process killed", null);
    await b.begin();
    await b.moved(hit);
  },

  async "log torn"(b) {
    await b.busyWorker();
    const tear = tears[Math.floor(b.random() * tears.length)] as Tear;
    const hit = await b.killFleet("log torn", tear);
    // What is torn was never acknowledged: with `power` a commit is synced before anybody hears of it.
    if (!tearTail(b.db, tear, b.random)) b.say("there was no log to tear");
    b.look(`after a torn log (${tear})`);
    await b.begin();
    await b.moved(hit);
  },

  async "worker frozen"(b) {
    const pid = await b.busyWorker();
    process.kill(pid, "SIGSTOP");
    b.frozen.add(pid);
    b.note("worker frozen", pid);
    await b.death(pid, "worker frozen");
    thaw(b, pid);
    await b.progress();
  },

  async "worker frozen briefly"(b) {
    const pid = await b.busyWorker();
    process.kill(pid, "SIGSTOP");
    b.frozen.add(pid);
    b.note("worker frozen briefly", pid);
    await b.pass(briefMs);
    thaw(b, pid);
    await b.progress();
  },

  async "fleet process frozen"(b) {
    await b.busyWorker();
    const { pid } = b;
    process.kill(pid, "SIGSTOP");
    b.frozen.add(pid);
    b.note("fleet process frozen", pid);
    await b.pass(frozenFleetMs);
    thaw(b, pid);
    await b.progress();
  },

  async "loop blocked"(b) {
    await order(b, "loop blocked", "block");
  },
  async "worker deaf"(b) {
    await order(b, "worker deaf", "deaf");
  },
  async "worker mute"(b) {
    await order(b, "worker mute", "mute");
  },

  async "disk full"(b) {
    await b.busyWorker();
    b.tell("full");
    b.note("disk full", b.pid);
    const refusals = () => b.tail.lines.filter((l) => l.e === "said" && l.error?.includes("The disk is full")).length;
    const before = refusals();
    if (!(await b.tail.until(() => refusals() > before, 10_000))) b.miss("no write was refused by a full disk");
    await b.pass(b.random() * 500);
    b.tell("room");
    await b.progress();
  },

  // Forward for good, or back and forth again: what began to wait by a clock that is then set back waits for hours.
  async "clock jumped"(b) {
    const jumps = b.random() < 0.5 ? [hourMs] : [-hourMs, hourMs];
    for (const ms of jumps) {
      await b.busyWorker();
      b.setClock(ms);
      b.note("clock jumped", b.pid, `${ms > 0 ? "+" : "-"}1 h`);
      if (ms > 0) await b.progress();
      else await b.pass(1_000);
    }
  },
};

async function order(b: Battle, kind: FaultKind, what: Order): Promise<void> {
  const pid = await b.busyWorker();
  writeFileSync(join(b.folder, `order-${pid}`), what);
  process.kill(pid, "SIGUSR2");
  b.note(kind, pid);
  await b.death(pid, kind);
  await b.progress();
}

function thaw(b: Battle, pid: number): void {
  b.frozen.delete(pid);
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // The fleet has ended it meanwhile.
  }
}
