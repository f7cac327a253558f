// One process, one store, one fleet: whoever opens a file that is open here already joins the fleet on it, because the
// file's lock would refuse a second owner, and because two would fight over the same tasks.
import { configInvalid } from "../client/check.ts";
import { FlotillaError } from "../core/error.ts";
import type { FleetSettings } from "./config.ts";
import type { Deps } from "./deps.ts";
import { openEngine, type Engine } from "./engine.ts";
import { realDatabasePath, storeName } from "./store-url.ts";

interface Entry {
  readonly engine: Promise<Engine>;
  /** Of the handle that opened it. */
  readonly settings: FleetSettings;
  /** Handles that are not closed. */
  users: number;
  /** Those among them that have drained. */
  drained: number;
  /** The engine drains: it starts nothing more for anybody. */
  draining: boolean;
  closing: Promise<void> | null;
}

/** A share in an engine. */
export interface Share {
  readonly engine: Engine;
  /**
   * With the last share that has not drained the engine drains. Before it, `own` is all that is waited for: the fleet
   * stays up for the others.
   */
  readonly drain: (own: () => Promise<void>) => Promise<void>;
  /** The last share closes the engine. */
  readonly release: () => Promise<void>;
}

const open = new Map<string, Entry>();

export async function shareEngine(settings: FleetSettings, deps: Deps): Promise<Share> {
  if (settings.store.kind === "memory") {
    const engine = await openEngine(settings, deps);
    return { engine, drain: () => engine.drain(), release: () => engine.close() };
  }
  const path = settings.store.kind === "sqlite" ? realDatabasePath(settings.store.path) : settings.store.url;
  const there = open.get(path);
  // Its last user is leaving: wait for the file, then open it anew.
  if (there?.closing) {
    await there.closing.catch(() => undefined);
    return shareEngine(settings, deps);
  }
  return there ? join(path, there, settings, deps) : begin(path, settings, deps);
}

async function begin(path: string, settings: FleetSettings, deps: Deps): Promise<Share> {
  const entry: Entry = {
    engine: openEngine(settings.store.kind === "sqlite" ? { ...settings, store: { kind: "sqlite", path } } : settings, deps),
    settings,
    users: 1,
    drained: 0,
    draining: false,
    closing: null,
  };
  open.set(path, entry);
  try {
    return shareOf(path, entry, await entry.engine);
  } catch (error) {
    open.delete(path);
    throw error;
  }
}

async function join(path: string, entry: Entry, settings: FleetSettings, deps: Deps): Promise<Share> {
  const { durability } = entry.settings;
  if (durability !== settings.durability) {
    throw configInvalid(
      "fleet.durability",
      `${storeName(settings.store)} is open in this process with durability ${JSON.stringify(durability)}`,
      "open it with the same durability",
    );
  }
  if (entry.draining)
    throw new FlotillaError("FLOTILLA_CLOSED", { what: `the fleet on ${storeName(settings.store)} drains and` });
  entry.users += 1;
  const share = shareOf(path, entry, await entry.engine);
  try {
    const added = await share.engine.admit(settings);
    warnOfIgnored(storeName(settings.store), entry.settings, settings, { added, deps });
  } catch (error) {
    await share.release();
    throw error;
  }
  return share;
}

/** What belongs to the handle that opened the store, and was asked for otherwise by a later one. */
function warnOfIgnored(
  name: string,
  first: FleetSettings,
  later: FleetSettings,
  { added, deps }: { readonly added: boolean; readonly deps: Deps },
): void {
  const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  const ignored = [
    // Workers are started for definitions that are new.
    ...(!added && differs(first.workers, later.workers) ? ["workers"] : []),
    ...(first.queuedMax === later.queuedMax ? [] : ["quotas"]),
    ...(first.abortGraceMs === later.abortGraceMs ? [] : ["abortGrace"]),
    ...(first.blockedMs === later.blockedMs ? [] : ["blockedAfter"]),
    ...(differs(first.retention, later.retention) ? ["retention, idempotencyFor"] : []),
    // Without a look into them: they hold secrets.
    ...(later.webhooks.length > 0 ? ["webhooks"] : []),
  ];
  if (ignored.length === 0) return;
  deps.log("warn", `${name} is open in this process already: ${ignored.join(", ")} of the later handle have no effect`, {
    ignored,
  });
}

function shareOf(path: string, entry: Entry, engine: Engine): Share {
  let drained = false;
  return {
    engine,
    async drain(own) {
      if (!drained) entry.drained += 1;
      drained = true;
      if (entry.drained < entry.users) return own();
      entry.draining = true;
      await engine.drain();
    },
    async release() {
      entry.users -= 1;
      if (drained) entry.drained -= 1;
      if (entry.users > 0) return;
      entry.closing = engine.close().finally(() => open.delete(path));
      await entry.closing;
    },
  };
}
