import type { Clock } from "../core/clock.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { createReader } from "../orchestrator/reader.ts";
import { fileArtifacts } from "../store/artifacts/files.ts";
import { openSqliteReader } from "../store/sqlite/reader.ts";

export interface StoreReader extends AsyncDisposable {
  readonly api: OrchestratorApi;
}

/**
 * Looks at a store that no fleet has open, and leaves it as it is.
 * @throws FLOTILLA_STORE_LOCKED, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER
 */
export async function readStore(path: string, clock: Clock): Promise<StoreReader> {
  const store = openSqliteReader(path);
  try {
    const api = await createReader({ store, artifacts: fileArtifacts(`${path}.artifacts`), clock });
    return { api, [Symbol.asyncDispose]: async () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}
