// Bugs planted between the orchestrators and their database: each one that the checker must find.
import type { Store } from "../../../src/store/contract.ts";
import type { Adopted, Look, Notice, SharedStore } from "../../../src/store/shared.ts";
import { need, type Disk } from "../../store/model/disk.ts";
import type { Invariant } from "../books.ts";
import type { FleetBend } from "./world.ts";

export interface FleetDefect {
  readonly title: string;
  /** One of these promises is seen to be broken. */
  readonly breaks: readonly Invariant[];
  plant(): FleetBend;
}

/** What the model is asked, it answers at once. */
type Shared = { readonly [K in keyof SharedStore]: SharedStore[K] };
type Delivery = Extract<Notice, { kind: "delivery" }>;

function bend(change: (shared: Shared, disk: Disk) => Partial<SharedStore>): () => FleetBend {
  return () => {
    let disk: Disk;
    return {
      worker: (worker) => worker,
      sharing(s) {
        ({ disk } = s);
        return s;
      },
      store(store: Store): Store {
        const shared = store.shared as Shared;
        return { ...store, shared: { ...shared, ...change(shared, disk) } };
      },
    };
  };
}
const looking = (shared: Shared, change: (found: Look) => Look): Partial<SharedStore> => ({
  look: (p) => change(shared.look(p) as Look),
});

const lostNotice: FleetDefect = {
  title: "a notice that is lost",
  breaks: ["I5", "I6"],
  plant: bend((shared) => {
    let n = 0;
    return looking(shared, (found) => ({
      ...found,
      notices: found.notices.filter(({ kind }) => kind !== "delivery" || ++n % 8 !== 0),
    }));
  }),
};

/** Two ends of a parent's acts change places. */
const outOfTurn: FleetDefect = {
  title: "a delivery out of its turn",
  breaks: ["I5"],
  plant: bend((shared) =>
    looking(shared, (found) => {
      const notices = [...found.notices];
      for (const [i, first] of notices.entries()) {
        const second = notices[i + 1];
        if (first.kind !== "delivery" || second?.kind !== "delivery" || first.delivery.parent !== second.delivery.parent)
          continue;
        const swapped = (of: Delivery, seq: number): Delivery => ({ ...of, delivery: { ...of.delivery, seq } });
        notices[i] = swapped(second, first.delivery.seq);
        notices[i + 1] = swapped(first, second.delivery.seq);
        break;
      }
      return { ...found, notices };
    }),
  ),
};

const sameLease: FleetDefect = {
  title: "an adoption without a new lease",
  breaks: ["I3"],
  plant: bend((_, disk) => ({
    adopt: ({ boot, worker, held }) =>
      held.flatMap((fence): Adopted[] => {
        const { rows } = disk;
        const place = rows.places.get(fence.task);
        if (place?.in !== "running" || place.leaseNo !== fence.leaseNo || place.boot !== fence.boot) return [];
        rows.places.set(fence.task, { ...place, boot, worker });
        const { leaseNo, attempt, crashes, alone, claimedAt } = place;
        return [{ held: fence, leaseNo, task: need(rows.tasks, fence.task).row, attempt, crashes, alone, claimedAt }];
      }),
  })),
};

const liveSwept: FleetDefect = {
  title: "a sweep of a life that goes on",
  breaks: ["I3"],
  plant: bend((shared, disk) => {
    let n = 0;
    return {
      sweep(p) {
        const other = [...disk.rows.alive.values()].find((l) => l.boot !== p.boot);
        if (other && ++n % 3 === 0) disk.rows.alive.set(other.boot, { ...other, expiresAt: 0 });
        return shared.sweep(p);
      },
    };
  }),
};

/** Its tasks are ready for ever. */
const forgottenLane: FleetDefect = {
  title: "a look that forgets a lane",
  breaks: ["I6"],
  plant: bend((shared) =>
    looking(shared, (found) => ({ ...found, depth: new Map([...found.depth].filter(([lane]) => lane % 3 !== 0)) })),
  ),
};

/** What was running for it stays with it for ever. */
const halfSwept: FleetDefect = {
  title: "a dead life of which a task is not taken back",
  breaks: ["I6"],
  plant: bend((shared, disk) => ({
    sweep(p) {
      const { alive } = disk.rows;
      const before = new Set(alive.keys());
      const swept = shared.sweep(p) as Awaited<ReturnType<SharedStore["sweep"]>>;
      const [first] = swept.ready;
      const dead = [...before].find((boot) => !alive.has(boot));
      if (!first || dead === undefined) return swept;
      const place = need(disk.rows.places, first.task);
      if (place.in === "ready")
        disk.rows.places.set(first.task, { ...place, in: "running", boot: p.boot, worker: 0, claimedAt: p.now });
      return { ...swept, ready: swept.ready.slice(1) };
    },
  })),
};

export const fleetDefects: readonly FleetDefect[] = [lostNotice, outOfTurn, sameLease, liveSwept, forgottenLane, halfSwept];
