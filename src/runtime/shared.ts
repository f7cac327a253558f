// One process, one store, one fleet: whoever opens a file that is open here already joins the fleet on it, because the
// file's lock would refuse a second owner, and because two would fight over the same tasks.
import { configInvalid } from "../client/check.ts";
import type { FleetSettings } from "./config.ts";
import type { Deps } from "./deps.ts";
import { openEngine, type Engine } from "./engine.ts";
import { realStorePath } from "./store-url.ts";

interface Entry {
  readonly engine: Promise<Engine>;
  readonly durability: FleetSettings["durability"];
  users: number;
  closing: Promise<void> | null;
}

/** A share in an engine. `release` closes the engine with the last share. */
export interface Share {
  readonly engine: Engine;
  readonly release: () => Promise<void>;
}

const open = new Map<string, Entry>();

export async function shareEngine(settings: FleetSettings, deps: Deps): Promise<Share> {
  if (settings.store.kind === "memory") {
    const engine = await openEngine(settings, deps);
    return { engine, release: () => engine.close() };
  }
  const path = realStorePath(settings.store.path);
  const there = open.get(path);
  // Its last user is leaving: wait for the file, then open it anew.
  if (there?.closing) {
    await there.closing.catch(() => undefined);
    return shareEngine(settings, deps);
  }
  return there ? join(path, there, settings) : begin(path, settings, deps);
}

async function begin(path: string, settings: FleetSettings, deps: Deps): Promise<Share> {
  const entry: Entry = {
    engine: openEngine({ ...settings, store: { kind: "sqlite", path } }, deps),
    durability: settings.durability,
    users: 1,
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

async function join(path: string, entry: Entry, settings: FleetSettings): Promise<Share> {
  if (entry.durability !== settings.durability) {
    throw configInvalid(
      "fleet.durability",
      `${path} is open in this process with durability ${JSON.stringify(entry.durability)}`,
      "open it with the same durability",
    );
  }
  entry.users += 1;
  const share = shareOf(path, entry, await entry.engine);
  try {
    await share.engine.admit(settings);
  } catch (error) {
    await share.release();
    throw error;
  }
  return share;
}

function shareOf(path: string, entry: Entry, engine: Engine): Share {
  return {
    engine,
    async release() {
      entry.users -= 1;
      if (entry.users > 0) return;
      entry.closing = engine.close().finally(() => open.delete(path));
      await entry.closing;
    },
  };
}
