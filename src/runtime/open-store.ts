import type { ArtifactStore } from "../store/artifact-store.ts";
import type { Store } from "../store/contract.ts";
import { fileArtifacts } from "../store/artifacts/files.ts";
import { memoryArtifacts } from "../store/artifacts/memory.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import type { FleetSettings } from "./config.ts";
import type { Deps } from "./deps.ts";

export interface OpenedStore {
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  /** The database file, where there is one. */
  readonly path: string | null;
}

/** @throws FLOTILLA_STORE_LOCKED, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER */
export async function openStore(
  { store, durability }: Pick<FleetSettings, "store" | "durability">,
  deps: Deps,
): Promise<OpenedStore> {
  switch (store.kind) {
    case "memory":
      return { store: openSqliteStore({ path: ":memory:", durability }), artifacts: memoryArtifacts(), path: null };
    case "sqlite": {
      const { path } = store;
      return { store: openSqliteStore({ path, durability }), artifacts: fileArtifacts(`${path}.artifacts`), path };
    }
    case "postgres": {
      // Its driver is loaded for those who use it: 14 packages.
      const { openPostgresStore } = await import("../store/postgres/open.ts");
      const opened = await openPostgresStore({
        url: store.url,
        ...(store.directUrl && { directUrl: store.directUrl }),
        durability,
        clock: deps.clock,
        random: deps.random,
        log: deps.log,
      });
      return { ...opened, path: null };
    }
  }
}
