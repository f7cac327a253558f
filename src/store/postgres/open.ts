import { notSupported } from "../../core/not-supported.ts";
import type { LogSink } from "../../core/log.ts";
import type { ArtifactStore } from "../artifact-store.ts";
import type { Store } from "../contract.ts";

export interface PostgresStoreOptions {
  readonly url: string;
  readonly directUrl?: string;
  readonly durability?: "power" | "process";
  readonly log?: LogSink;
}

export async function openPostgresStore(_o: PostgresStoreOptions): Promise<{ store: Store; artifacts: ArtifactStore }> {
  throw notSupported("a PostgreSQL store", "use SQLite");
}
