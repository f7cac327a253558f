// Connections that went dead without a word, as behind a firewall that forgot them: whoever waits for an answer there would
// wait for as long as the system tries, a quarter of an hour and more, and an orchestrator would stand still for it.
//
// A slow answer proves nothing: a statement may wait for locks, or read much. So the server is asked, on another
// connection, what it does for this one. If it waits for us while we wait for it, what was said in between is lost.
import type { Socket } from "node:net";
import pg from "pg";
import { clientConfig } from "./line.ts";
import type { Settings } from "./settings.ts";

/** Most answers come within milliseconds. */
const suspectMs = 2_000;
const againMs = 1_000;
const askMs = 5_000;
/** Behind a pooler nobody knows which session is ours: only the silence is left. Waiting for locks takes 10 s at most. */
const pooledMs = 30_000;

interface Watched {
  readonly client: pg.ClientBase;
  readonly waits: () => boolean;
  checking: boolean;
}

export class SilenceWatch {
  readonly #settings: Settings;
  readonly #all = new Set<Watched>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** @param client connected. @param waits somebody waits for an answer on it */
  watch(client: pg.ClientBase, waits: () => boolean): void {
    const watched: Watched = { client, waits, checking: false };
    const { stream } = inside(client);
    this.#all.add(watched);
    stream.once("close", () => this.#all.delete(watched));
    stream.setTimeout(this.#settings.pooled ? pooledMs : suspectMs);
    // Not as the callback of `setTimeout`, which is called once: after the first idle while nobody would listen any more.
    stream.on("timeout", () => void this.#suspect(watched));
  }

  async #suspect(watched: Watched): Promise<void> {
    const { stream, processID } = inside(watched.client);
    if (watched.checking || !watched.waits()) return;
    if (this.#settings.pooled) return void stream.destroy();
    watched.checking = true;
    const heard = stream.bytesRead;
    const silent = (): boolean => !stream.destroyed && watched.waits() && stream.bytesRead === heard;
    // Twice: an answer may have been on its way the first time.
    for (let idle = 0; silent() && idle < 2;) {
      const works = await this.#works(processID);
      if (works !== undefined) idle = works ? 0 : idle + 1;
      if (!silent()) break;
      if (idle === 2) this.#dead(watched);
      else await new Promise((resolve) => setTimeout(resolve, againMs).unref());
    }
    watched.checking = false;
  }

  /** Does the session at the server do something for us? undefined: nobody can say. */
  async #works(session: number): Promise<boolean | undefined> {
    const client = new pg.Client({
      ...clientConfig(this.#settings, "reads"),
      connectionTimeoutMillis: askMs,
      query_timeout: askMs,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      const text = `SELECT state, wait_event IS NOT DISTINCT FROM 'ClientWrite' AS stuck FROM pg_stat_activity WHERE pid = $1`;
      const { rows } = await client.query<{ state: string | null; stuck: boolean }>(text, [session]);
      const [row] = rows;
      if (row?.state === null) return undefined;
      return row !== undefined && !row.state.startsWith("idle") && !row.stuck;
    } catch {
      return undefined;
    } finally {
      inside(client).stream.destroy();
    }
  }

  /** Whoever waits on it hears that it is lost. Idle ones were made by the same way, and a new one costs little. */
  #dead(watched: Watched): void {
    inside(watched.client).stream.destroy();
    for (const other of this.#all) if (!other.waits()) inside(other.client).stream.destroy();
  }
}

interface Inside {
  readonly processID: number;
  readonly connection: { readonly stream: Socket };
}

function inside(client: pg.ClientBase): { readonly stream: Socket; readonly processID: number } {
  const { processID, connection } = client as unknown as Inside;
  return { stream: connection.stream, processID };
}
