// What is asked of the owner of a store, when it has none.
import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import type { BackupReply } from "../../protocol/backup.ts";
import type { PurgeReply, PurgeRequest } from "../../protocol/views.ts";
import { createOrchestrator } from "../../orchestrator/orchestrator.ts";
import { backupStore } from "../../orchestrator/upkeep/backup.ts";
import { fileArtifacts } from "../../store/artifacts/files.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import { openSqliteReader } from "../../store/sqlite/reader.ts";
import { systemDeps } from "../deps.ts";

/** @throws FLOTILLA_STORE_LOCKED when somebody owns it after all; what `backup` of an orchestrator throws. */
export async function backupUnowned(path: string, folder: string, clock: Clock): Promise<BackupReply> {
  const store = openSqliteReader(path);
  try {
    return await backupStore({ store, artifacts: fileArtifacts(`${path}.artifacts`), now: clock.now() }, folder);
  } finally {
    await store.close();
  }
}

/** Owns it for as long as it takes. @throws FLOTILLA_STORE_LOCKED; what `purge` of an orchestrator throws. */
export async function purgeUnowned(
  path: string,
  what: PurgeRequest,
  deps: { readonly clock: Clock; readonly random?: Random },
): Promise<PurgeReply> {
  const store = openSqliteStore({ path });
  try {
    const artifacts = fileArtifacts(`${path}.artifacts`);
    const orchestrator = await createOrchestrator({ store, artifacts, random: systemDeps.random, ...deps });
    try {
      return await orchestrator.purge(what);
    } finally {
      await orchestrator.close();
    }
  } finally {
    await store.close();
  }
}
