// A store that keeps its rows in Maps: the contract written out to be read, not to be fast. What a driver does beside it is
// compared with it.
import type { Store } from "../../../src/store/contract.ts";
import { bootStore } from "./boot.ts";
import { openBuilds } from "./builds.ts";
import { openCatalogue } from "./catalogue.ts";
import { commitBatch } from "./commit.ts";
import { emptyDisk, type Disk } from "./disk.ts";
import { openPlanReads } from "./plan-reads.ts";
import { openEventReads, openRunReads } from "./run-reads.ts";
import { openAccess } from "./access.ts";
import { openSchedules } from "./schedules.ts";
import { openQueue, openTaskReads } from "./task-reads.ts";

/** Upkeep deletes what is old, and copies; webhooks are told by a pump: the model keeps everything, and has neither. Opens what is on the disk; an empty one when none is given. Whoever had it open before is fenced by the next boot. */
export function openModelStore(disk: Disk = emptyDisk()): Store {
  let given = 0;
  return {
    upkeep: without<Store["upkeep"]>("the model deletes nothing: ask a driver"),
    webhooks: without<Store["webhooks"]>("the model tells nobody: ask a driver"),
    boot(p) {
      given = 0;
      return bootStore(disk, p);
    },
    taskIds(count) {
      const first = Math.max(given, ...disk.rows.tasks.keys()) + 1;
      given = first + count - 1;
      return { first, count };
    },
    shared: null,
    commit: (batch) => commitBatch(disk, batch),
    catalogue: openCatalogue(disk),
    builds: openBuilds(disk),
    access: openAccess(disk),
    schedules: openSchedules(disk),
    queue: openQueue(disk),
    tasks: openTaskReads(disk),
    runs: openRunReads(disk),
    events: openEventReads(disk),
    plans: openPlanReads(disk),
    facts: { url: "model", schema: 0, durability: "process" },
    close() {},
  };
}

function without<T extends object>(why: string): T {
  return new Proxy({} as T, {
    get: () => {
      throw new Error(why);
    },
  });
}
