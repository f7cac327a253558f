import { createOrchestrator } from "../orchestrator/orchestrator.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import type { Deps } from "./deps.ts";
import { openStore } from "./open-store.ts";
import type { StoreSettings } from "./store-url.ts";

/**
 * One more orchestrator on a store that several share, without workers: for as long as a command takes. It ticks no
 * schedule, since it does not know what the fleet's are.
 * @throws FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER
 */
export async function joinStore(
  settings: Extract<StoreSettings, { kind: "postgres" }>,
  deps: Deps,
): Promise<{ readonly api: OrchestratorApi } & AsyncDisposable> {
  const { store, artifacts } = await openStore({ store: settings, durability: "power" }, deps);
  try {
    const orchestrator = await createOrchestrator({ ...deps, store, artifacts, holdTicks: true });
    return { api: orchestrator, [Symbol.asyncDispose]: () => orchestrator.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}
