// The database as one life of an orchestrator sees it: everything takes its time there and back, requests do not arrive,
// answers are lost, and the life may end before or after any of them. What really happened is recorded where it happened.
import { FlotillaError } from "../../../src/core/error.ts";
import type { Batch, BatchResult, Store, Whereabouts } from "../../../src/store/contract.ts";
import type { SharedStore } from "../../../src/store/shared.ts";
import type { Record as History } from "../record.ts";
import type { Process, Schedule } from "../schedule.ts";
import type { FleetPoint, FleetPoints } from "./points.ts";

export interface Database {
  /** A handle of the model. */
  readonly store: Store;
  readonly schedule: Schedule;
  readonly points: FleetPoints;
  readonly record: History;
  /** About so many ms there and back. */
  readonly tripMs: number;
}
/** The life that asks. */
export interface Asking {
  readonly process: Process;
  die(): void;
  /** Past its lease, from here on. */
  freeze(): void;
}

const never = (): Promise<never> => new Promise(() => {});
const unreachable = (): Error => new FlotillaError("FLOTILLA_STORE_LOCKED", { path: "simulated", pid: null });

export function databaseOf(db: Database, life: Asking): Store {
  const { store, schedule, points, record, tripMs } = db;
  const shared = store.shared as SharedStore;
  let boot = 0;
  const died = (): Promise<never> => {
    life.die();
    return never();
  };
  /** `work` happens at the database: it throws, or its value comes back. */
  const trip = <T>(work: () => T, o: { thereMs?: number; lost?: FleetPoint; found?: () => Error | undefined } = {}): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (points.reached("the database cannot be reached")) {
        schedule.after(tripMs + schedule.below(2_000), life.process, () => reject(unreachable()));
        return;
      }
      schedule.after((o.thereMs ?? 0) + tripMs * schedule.random(), undefined, () => {
        let answer: () => void;
        try {
          const value = work();
          answer = () => resolve(value);
        } catch (e) {
          const error = e instanceof Error ? e : new Error(String(e));
          answer = () => reject(error);
        }
        let backMs = tripMs * schedule.random();
        if (points.reached(o.lost ?? "an answer of the database is lost")) {
          backMs += 50 + schedule.below(3_000);
          const plain = answer;
          // Of a batch its driver finds out what became of it, unless its life has ended meanwhile.
          if (!o.found) answer = () => reject(unreachable());
          else
            answer = () => {
              const error = o.found?.();
              if (error) reject(error);
              else plain();
            };
        }
        schedule.after(backMs, life.process, answer);
      });
    });
  const places = () => new Map([...record.open].map((id) => [id, store.tasks.where(id) as Whereabouts | null]));
  /** What was running before and is not any more. */
  const takenBack = (before: ReturnType<typeof places>): void => {
    const ready: number[] = [];
    const parked: number[] = [];
    for (const [id, place] of before) {
      if (place?.in !== "running") continue;
      const now = store.tasks.where(id) as Whereabouts | null;
      if (now?.in === "ready") ready.push(id);
      else if (now?.in === "parked") parked.push(id);
    }
    if (ready.length + parked.length > 0) record.add({ t: "taken back", by: boot, ready, parked });
  };

  const commit = async (batch: Batch): Promise<BatchResult> => {
    if (points.reached("before commit")) return died();
    if (points.reached("an orchestrator freezes past its lease as it commits")) life.freeze();
    const thereMs = points.reached("a commit takes long") ? 2_000 + schedule.below(20_000) : 0;
    const stored = (): BatchResult => {
      try {
        const result = store.commit(batch) as BatchResult;
        record.add({ t: "commit", boot, batch, result });
        return result;
      } catch (e) {
        record.add({ t: "refused", boot, code: (e as { code?: string }).code ?? String(e) });
        if ((e as { code?: string }).code !== "FLOTILLA_LIFE_OVER") record.add({ t: "broken", what: String((e as Error).stack) });
        throw e;
      }
    };
    const found = () =>
      (shared.lives() as readonly { boot: number }[]).some((l) => l.boot === batch.boot)
        ? undefined
        : new FlotillaError("FLOTILLA_LIFE_OVER", { boot: batch.boot });
    const result = await trip(stored, { thereMs, lost: "the reply to a COMMIT is lost", found });
    if (points.reached("after commit, before it is acknowledged")) return died();
    return result;
  };

  /** Reads, and writes that nothing is recorded of. */
  const away = <T extends object>(verbs: T): T => {
    const far: Record<string, unknown> = {};
    for (const [name, verb] of Object.entries(verbs))
      far[name] = (...args: unknown[]) => trip(() => (verb as (...a: unknown[]) => unknown)(...args));
    return far as T;
  };

  return {
    facts: store.facts,
    async boot(p) {
      if (points.reached("before boot is stored")) return died();
      const found = await trip(() => {
        const begun = store.boot(p) as Awaited<ReturnType<Store["boot"]>>;
        record.add({ t: "life", boot: begun.boot, leaseMs: shared.leaseMs });
        return begun;
      });
      boot = found.boot;
      if (points.reached("after boot is stored")) return died();
      return found;
    },
    commit,
    taskIds: (count) => trip(() => store.taskIds(count) as { first: number; count: number }),
    queue: away(store.queue),
    tasks: away(store.tasks),
    runs: away(store.runs),
    events: away(store.events),
    plans: away(store.plans),
    schedules: away(store.schedules),
    builds: away(store.builds),
    webhooks: away(store.webhooks),
    access: away(store.access),
    catalogue: {
      ...away(store.catalogue),
      defineAll: (p) =>
        trip(() => {
          void store.catalogue.defineAll(p);
          record.add({ t: "defined", definitions: p.definitions.map(({ id, name }) => ({ id, name })) });
        }),
      release: (p) =>
        trip(() => {
          const rows = store.catalogue.release(p) as Awaited<ReturnType<Store["catalogue"]["release"]>>;
          record.add({ t: "released", boot: p.boot, rows });
          return rows;
        }),
    },
    // The model deletes nothing, and artifacts are kept for ever.
    upkeep: { ...store.upkeep, use: () => trip(() => {}) },
    shared: {
      ...away(shared),
      leaseMs: shared.leaseMs,
      beat: (p) =>
        trip(() => {
          const said = shared.beat(p) as Awaited<ReturnType<SharedStore["beat"]>>;
          if (said.alive) record.add({ t: "beat", boot: p.boot });
          return said;
        }),
      async look(p) {
        if (points.reached("before a look")) return died();
        const found = await trip(() => shared.look(p));
        if (points.reached("after a look")) return died();
        return found;
      },
      async adopt(p) {
        const adopt = (): Awaited<ReturnType<SharedStore["adopt"]>> => {
          const list = shared.adopt(p) as Awaited<ReturnType<SharedStore["adopt"]>>;
          record.add({ t: "adopted", boot: p.boot, attempts: list.map(({ held, leaseNo }) => ({ held, leaseNo })) });
          return list;
        };
        const adopted = await trip(adopt, { lost: "the reply to an adoption is lost" });
        if (adopted.length > 0 && points.reached("after an adoption is stored")) return died();
        return adopted;
      },
      async sweep(p) {
        const swept = await trip(() => {
          const before = places();
          const found = shared.sweep(p) as Awaited<ReturnType<SharedStore["sweep"]>>;
          if (found.lives.length > 0) record.add({ t: "over", by: p.boot, boots: found.lives });
          takenBack(before);
          return found;
        });
        if (swept.lives.length > 0 && points.reached("after a sweep is stored")) return died();
        return swept;
      },
      resign: (p) =>
        trip(() => {
          const before = places();
          const lived = (shared.lives() as readonly { boot: number }[]).some((l) => l.boot === p.boot);
          void shared.resign(p);
          if (lived) record.add({ t: "over", by: p.boot, boots: [p.boot] });
          takenBack(before);
        }),
      listen: (p) => shared.listen(p),
    },
    close() {},
  };
}
