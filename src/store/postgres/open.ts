import { randomUUID } from "node:crypto";
import { systemClock, type Clock } from "../../core/clock.ts";
import type { LogSink } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import type { ArtifactStore } from "../artifact-store.ts";
import type { Store } from "../contract.ts";
import { openAccess } from "./access.ts";
import { postgresArtifacts } from "./artifacts.ts";
import { bootStore } from "./boot.ts";
import { openBuilds } from "./builds.ts";
import { openCatalogue } from "./catalogue.ts";
import { commitBatch } from "./commit.ts";
import { listenClient, openNotifyLine } from "./hint-lines.ts";
import { migrate } from "./migrate.ts";
import { Notifier } from "./notifier.ts";
import { openOutbox } from "./outbox.ts";
import { openPlanReads } from "./plan-reads.ts";
import { openPool, type Pool } from "./pool.ts";
import { openEventReads, openRunReads } from "./run-reads.ts";
import { openSchedules } from "./schedules.ts";
import { resolveSettings, type PostgresOptions } from "./settings.ts";
import { openShared } from "./shared/open.ts";
import { openQueue, openTaskReads } from "./task-reads.ts";
import { openUpkeep } from "./upkeep/open.ts";
import { openWebhooks } from "./webhooks.ts";
import { SilenceWatch } from "./silence.ts";
import { Writer } from "./writer.ts";

export interface PostgresDeps {
  readonly clock?: Clock;
  /** Spreads what several orchestrators would do at once. */
  readonly random?: Random;
  /** Gets what should not happen and was dealt with. @default a process warning */
  readonly log?: LogSink;
}

export interface PostgresStore {
  readonly store: Store;
  /** In tables of the same schema. They end with the store. */
  readonly artifacts: ArtifactStore;
}

/**
 * Opens a store that several orchestrators share. Its schema is created and brought up to date.
 * @throws FLOTILLA_CONFIG_INVALID, FLOTILLA_STORE_NEWER, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_UNREACHABLE
 */
export async function openPostgresStore(o: PostgresOptions & PostgresDeps): Promise<PostgresStore> {
  const settings = resolveSettings(o);
  const { clock = systemClock, random = Math.random, log } = o;
  const warn = (what: string, cause: unknown) => (log ? log("warn", what, { cause: String(cause) }) : warnProcess(what, cause));
  const schema = await migrate(settings);
  const path = settings.shown;
  const silence = new SilenceWatch(settings);
  const db = openPool(settings, silence);
  const writer = new Writer({ settings, clock, silence, warn });
  // Names this store among those that hear its hints; no secret.
  const from = randomUUID();
  const notifier = new Notifier({ open: () => openNotifyLine(settings), from, clock });
  const listener = { client: () => listenClient(settings), schema: settings.schema, from, clock, random };
  let closing: Promise<void> | undefined;
  const store: Store = {
    async boot(p) {
      const boot = await bootStore(db, { leaseMs: settings.leaseMs, path }, p);
      writer.begun(boot.boot);
      return boot;
    },
    commit: (batch) => commitBatch(writer, batch, (notes) => notifier.note(notes)),
    // A block at a time, whatever is asked for: whoever needs more asks again.
    async taskIds() {
      const row = await db.row<{ block: number }>("SELECT nextval('task_block') AS block");
      return { first: (row as { block: number }).block * blockSize, count: blockSize };
    },
    shared: openShared({ db, notifier, listener, leaseMs: settings.leaseMs, outbox: openOutbox(db, settings) }),
    catalogue: openCatalogue(db, notifier),
    builds: openBuilds(db, notifier),
    schedules: openSchedules(db),
    access: openAccess(db),
    queue: openQueue(db),
    tasks: openTaskReads(db),
    runs: openRunReads(db),
    events: openEventReads(db),
    plans: openPlanReads(db),
    webhooks: openWebhooks(db),
    upkeep: openUpkeep(db),
    facts: { url: path, schema, durability: settings.durability },
    close: () => (closing ??= closeAll(writer, notifier, db)),
  };
  return { store, artifacts: postgresArtifacts(db) };
}

/** As the migrations say of `task_block`. */
const blockSize = 1_024;

async function closeAll(writer: Writer, notifier: Notifier, db: Pool): Promise<void> {
  await writer.close();
  await notifier.close();
  await db.close();
}

function warnProcess(what: string, cause: unknown): void {
  process.emitWarning(`${what} (${String(cause)})`, "FlotillaWarning");
}
