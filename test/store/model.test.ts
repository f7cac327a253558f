import type { Store } from "../../src/store/contract.ts";
import { exerciseAccess } from "./exercise-access.ts";
import { exerciseBuilds } from "./exercise-builds.ts";
import { exerciseSchedules } from "./exercise-schedules.ts";
import { exerciseStore, type Exercise } from "./exercise-store.ts";
import { emptyDisk, type Disk } from "./model/disk.ts";
import { openModelStore } from "./model/open.ts";

const disks = new WeakMap<Store, Disk>();
function open(disk: Disk): Store {
  const store = openModelStore(disk);
  disks.set(store, disk);
  return store;
}

const model: Exercise = { open: () => open(emptyDisk()), reopen: (store) => open(disks.get(store) as Disk) };
exerciseStore("model", model);
exerciseSchedules("model", model);
exerciseBuilds("model", model);
exerciseAccess("model", { ...model, upkeep: false });
