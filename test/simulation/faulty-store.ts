// The store as one life of an orchestrator sees it: commits take virtual time, fail, and the life may end before or after
// any of them. What really happened is recorded where it happened: at the store.
import { FlotillaError } from "../../src/core/error.ts";
import type { ArtifactStore } from "../../src/store/artifact-store.ts";
import type { Awaitable, Batch, BatchResult, Store, Whereabouts } from "../../src/store/contract.ts";
import type { Points } from "./crash-points.ts";
import type { Record as History } from "./record.ts";
import type { Process, Schedule } from "./schedule.ts";

export interface StoreDeps {
  readonly store: Store;
  readonly schedule: Schedule;
  readonly points: Points;
  readonly record: History;
  /** 0: as SQLite does, within the turn. Else across a network: about so many ms there and back. */
  readonly commitMs: number;
}
/** The life that asks. */
export interface Asking {
  readonly process: Process;
  die(): void;
  /** Frozen from here on, and another life begins. */
  overtaken(): void;
}

/** One each time: a shared one would keep every world that ever waited for it. */
const never = (): Promise<never> => new Promise(() => {});
const codeOf = (e: unknown): string => (e as { code?: string }).code ?? String(e);

export function storeOf(deps: StoreDeps, life: Asking): Store {
  const { store, schedule, points, record, commitMs } = deps;
  let boot = 0;

  const stored = (batch: Batch): BatchResult => {
    try {
      const result = store.commit(batch) as BatchResult;
      record.add({ t: "commit", boot, batch, result });
      return result;
    } catch (e) {
      record.add({ t: "refused", boot, code: codeOf(e) });
      throw e;
    }
  };
  /** Ends the life: nothing after it happens. */
  const died = (): Promise<never> => {
    life.die();
    return never();
  };
  const refusal = (): Error | undefined => {
    if (points.reached("the store is full")) return new FlotillaError("FLOTILLA_STORE_FULL", { path: "simulated" });
    if (points.reached("the store is busy")) return new FlotillaError("FLOTILLA_STORE_LOCKED", { path: "simulated", pid: null });
    if (points.reached("the store breaks for no known reason")) return new Error("a rule of the store was broken (simulated)");
    return undefined;
  };
  const later = <T>(ms: number, work: () => T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      // The store works on when the life that asked is gone; the answer needs that life.
      schedule.after(ms * schedule.random(), undefined, () => {
        let answer: () => void;
        try {
          const value = work();
          answer = () => resolve(value);
        } catch (e) {
          const error = e instanceof Error ? e : new Error(String(e));
          answer = () => reject(error);
        }
        schedule.after(ms * schedule.random(), life.process, answer);
      });
    });

  const commit = (batch: Batch): BatchResult | Promise<BatchResult> => {
    if (points.reached("before commit")) return died();
    if (batch.dueSlice > 0 && points.reached("before due tasks are stored")) return died();
    const refused = refusal();
    if (refused) {
      record.add({ t: "refused", boot, code: codeOf(refused) });
      if (commitMs === 0) throw refused;
      return later(commitMs, () => {
        throw refused;
      });
    }
    if (points.reached("an orchestrator frozen as it commits, another takes over")) {
      life.overtaken();
      // Its transaction comes to the store when the next life has begun, or just before.
      return later(commitMs + schedule.random() * 60, () => stored(batch));
    }
    const afterwards = (result: BatchResult): BatchResult | Promise<never> => {
      if (points.reached("after commit, before it is acknowledged")) return died();
      if (batch.dueSlice > 0 && result.due.length > 0 && points.reached("after due tasks are stored")) return died();
      if (batch.cancelSlice > 0 && result.closed.length > 0 && points.reached("during a slice of cancels")) return died();
      return result;
    };
    const slowMs = points.reached("a commit takes long") ? 2_000 + schedule.below(20_000) : 0;
    if (commitMs + slowMs === 0) return afterwards(stored(batch));
    return later(commitMs + slowMs, () => stored(batch)).then(afterwards);
  };

  /** Across a network a read takes its time too, and what it says is as old as its way back. */
  const reading = <A extends unknown[], R>(read: (...args: A) => R): ((...args: A) => Awaitable<Awaited<R>>) =>
    (commitMs === 0 ? read : (...args: A) => later(commitMs / 2, () => read(...args))) as (...args: A) => Awaitable<Awaited<R>>;
  const readings = <T extends object>(reads: T): T => {
    const slow: Record<string, unknown> = {};
    for (const [name, read] of Object.entries(reads)) slow[name] = reading(read as (...args: unknown[]) => unknown);
    return slow as T;
  };

  const catalogueWrite = <T>(work: () => T): T | Promise<T> =>
    commitMs === 0 ? writing(work) : later(commitMs, () => writing(work));
  const writing = <T>(work: () => T): T => {
    if (points.reached("a catalogue write fails")) throw new FlotillaError("FLOTILLA_STORE_FULL", { path: "simulated" });
    return work();
  };
  return {
    ...store,
    boot(p) {
      if (points.reached("before boot is stored")) return died();
      const found = store.boot(p) as Awaited<ReturnType<Store["boot"]>>;
      boot = found.boot;
      const parked = [...record.open].filter((id) => (store.tasks.where(id) as Whereabouts | null)?.in === "parked");
      record.add({ t: "boot", boot, recovered: found.recovered, parked });
      if (points.reached("after boot is stored")) return died();
      return found;
    },
    commit,
    queue: readings(store.queue),
    tasks: readings(store.tasks),
    runs: readings(store.runs),
    events: readings(store.events),
    catalogue: {
      ...store.catalogue,
      defineAll: (p) =>
        catalogueWrite(() => {
          void store.catalogue.defineAll(p);
          record.add({ t: "defined", definitions: p.definitions.map(({ id, name }) => ({ id, name })) });
        }),
      joined: (p) => catalogueWrite(() => void store.catalogue.joined(p)),
      left: (p) => catalogueWrite(() => void store.catalogue.left(p)),
      release: (p) =>
        catalogueWrite(() => {
          const rows = store.catalogue.release(p) as Awaited<ReturnType<Store["catalogue"]["release"]>>;
          record.add({ t: "released", boot, rows });
          return rows;
        }),
    },
    // The world closes it: other lives go on with it.
    close() {},
  };
}

/** Files that now and then cannot be written or read. */
export function artifactsOf(
  inner: ArtifactStore,
  points: { reached(point: "an artifact cannot be put" | "an artifact cannot be read"): boolean },
  process: Process,
  schedule: Schedule,
): ArtifactStore {
  return {
    async put(text) {
      await process.sleep(schedule.random() * 20);
      if (points.reached("an artifact cannot be put")) throw new FlotillaError("FLOTILLA_STORE_FULL", { path: "simulated" });
      return inner.put(text);
    },
    async get(hash) {
      await process.sleep(schedule.random() * 20);
      if (points.reached("an artifact cannot be read")) throw new Error("the disk does not answer");
      return inner.get(hash);
    },
    remove: (hash) => inner.remove(hash),
    copy: (hash, folder) => inner.copy(hash, folder),
  };
}
