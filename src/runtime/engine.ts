import { CallableCatalogue, type Catalogue } from "../client/catalogue.ts";
import { scheduleRequests } from "../client/schedules.ts";
import type { AnyCallable } from "../core/definition.ts";
import { createOrchestrator, type Orchestrator } from "../orchestrator/orchestrator.ts";
import type { CommitTimes } from "../server/metrics.ts";
import { cardsOf } from "./cards.ts";
import type { FleetSettings } from "./config.ts";
import { checkDefinitions, unimplemented } from "./definitions.ts";
import type { Deps } from "./deps.ts";
import { createKeepAlive, type KeepAlive } from "./keep-alive.ts";
import { openStore } from "./open-store.ts";
import { openControl, type Control } from "./control.ts";
import { measuredStore } from "./measured-store.ts";
import { startWorkers, type WorkerGroup } from "./worker-group.ts";

/** An open store with its orchestrator and the workers of this process: what a fleet is a handle to. */
export interface Engine {
  readonly orchestrator: Orchestrator;
  /** How long they took. */
  readonly commits: () => CommitTimes;
  /** Resolves when commands of other terminals reach it, or cannot for good. */
  readonly reachable: Promise<void>;
  readonly catalogue: Catalogue;
  readonly alive: KeepAlive;
  /**
   * Adds what the settings define, and workers for what is new; false when nothing is.
   * @throws FLOTILLA_DUPLICATE_NAME when a name means something else already.
   */
  admit(settings: FleetSettings): Promise<boolean>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Builds the rooms, innermost first; what was opened is closed again when a later one fails. */
export async function openEngine(settings: FleetSettings, deps: Deps): Promise<Engine> {
  const opened = await openStore(settings, deps);
  const { artifacts, path } = opened;
  const { store, commits } = measuredStore(opened.store, deps.clock);
  try {
    const { queuedMax, abortGraceMs, blockedMs, retention, webhooks } = settings;
    const orchestrator = await createOrchestrator({
      ...deps,
      store,
      artifacts,
      queuedMax,
      abortGraceMs,
      blockedMs,
      retention,
      webhooks,
      holdTicks: true,
    });
    const control = path === null ? undefined : openControl(orchestrator, path, deps);
    const engine = assemble(orchestrator, commits, deps, control);
    await engine.admit(settings).catch(async (error: unknown) => {
      await engine.close();
      throw error;
    });
    return engine;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function assemble(orchestrator: Orchestrator, commits: Engine["commits"], deps: Deps, control: Control | undefined): Engine {
  const catalogue = new CallableCatalogue();
  const alive = createKeepAlive();
  const groups: WorkerGroup[] = [];
  let definitions: readonly AnyCallable[] = [];
  let workers = 0;
  let adopted = false;
  let last: Promise<unknown> = Promise.resolve();

  async function admit(settings: FleetSettings): Promise<boolean> {
    const merged = checkDefinitions([...new Set([...definitions, ...settings.definitions])]);
    const added = merged.filter((callable) => !definitions.includes(callable));
    if (added.length === 0) return adopt(settings, false);
    orchestrator.register(cardsOf(added));
    await orchestrator.published();
    const runnable = added.filter((callable) => callable.kind !== "contract");
    if (runnable.length > 0 && settings.workers.count > 0)
      groups.push(await startWorkers(settings, runnable, { ...deps, orchestrator, alive, nextNumber: () => ++workers }));
    definitions = merged;
    catalogue.add(added);
    for (const name of unimplemented(definitions)) {
      deps.log("warn", `contract ${name} has no implementation here: its tasks wait until a worker with one joins`, {
        contract: name,
      });
    }
    return adopt(settings, true);
  }

  /** After the definitions that the schedules name, before any tick. The handle that opened the store has the whole list. */
  async function adopt({ schedules }: FleetSettings, added: boolean): Promise<boolean> {
    const whole = !adopted && schedules !== null;
    await orchestrator.adopt(await scheduleRequests(schedules ?? [], catalogue), { whole });
    adopted = true;
    return added;
  }

  return {
    orchestrator,
    commits,
    reachable: control?.ready ?? Promise.resolve(),
    catalogue,
    alive,
    admit(settings) {
      // One after the other: two handles that bring the same definition must not both start workers for it.
      const admitted = last.then(() => admit(settings));
      last = admitted.catch(() => undefined);
      return admitted;
    },
    async drain() {
      alive.hold();
      await orchestrator.drain().finally(alive.release);
    },
    async close() {
      alive.hold();
      await control?.close();
      await Promise.all(groups.map((group) => group.stop()));
      // It lets go of the store last.
      await orchestrator.close();
      alive.close();
    },
  };
}
