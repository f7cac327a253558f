import type { Store } from "../../src/store/contract.ts";
import { exerciseSchedules } from "./exercise-schedules.ts";
import { exerciseShared, type SharedWorld } from "./exercise-shared.ts";
import { exerciseStore, type Exercise } from "./exercise-store.ts";
import { emptyDisk } from "./model/disk.ts";
import { openSharedModel, type Sharing } from "./model/shared.ts";
import { SignalHub } from "./model/signals.ts";

function sharing(): Sharing {
  const hub = new SignalHub((_, say) => queueMicrotask(say));
  return { disk: emptyDisk(), leaseMs: 20_000, now: () => 5_000_000, hub };
}

exerciseShared("shared model", {
  open(): SharedWorld {
    const s = sharing();
    return {
      handle: () => openSharedModel(s),
      silence(boot) {
        const life = s.disk.rows.alive.get(boot);
        if (life) s.disk.rows.alive.set(boot, { ...life, expiresAt: s.now() - 1 });
      },
      close() {},
    };
  },
});

/** As the only life, it is like any other store. */
const alone: Exercise = { open: (): Store => openSharedModel(sharing()), reopen: null };
exerciseStore("shared model", alone);
exerciseSchedules("shared model", alone);
