// Hears what other lives say. On a connection of its own, for as long as the life goes on.
import type { Client } from "pg";
import type { Clock, Timer } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import type { Signals } from "../shared.ts";
import { channelOf, decodeHints } from "./hints.ts";

/** A connection that was dropped silently is found within this and the answer's time, in ms. */
const probeEveryMs = 10_000;
const answerMs = 5_000;
const backoffMsMin = 100;
const backoffMsMax = 5_000;

export interface ListenerParts {
  /** Not connected yet. It must reach the server itself: a pooler in transaction mode swallows LISTEN. */
  readonly client: () => Client;
  readonly schema: string;
  /** What this life's own notifier says is not for it. */
  readonly from: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Listens until it is closed. @returns when it hears, or when the first try has failed: then it goes on trying. */
export async function listen(
  parts: ListenerParts,
  p: { readonly boot: number; readonly to: Signals },
): Promise<{ close(): Promise<void> }> {
  const listener = new Listener(parts, p.boot, p.to);
  await listener.connect();
  return { close: () => listener.close() };
}

class Listener {
  readonly #parts: ListenerParts;
  readonly #boot: number;
  readonly #to: Signals;
  #client: Client | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  /** Something may have been said while nobody heard it. */
  #away = false;
  #closed = false;

  constructor(parts: ListenerParts, boot: number, to: Signals) {
    this.#parts = parts;
    this.#boot = boot;
    this.#to = to;
  }

  async connect(): Promise<void> {
    if (this.#closed) return;
    const client = this.#parts.client();
    this.#client = client;
    // Whatever ends it ends it once: an `error` is followed by an `end`, or by nothing.
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", (m) => this.#heard(m.payload ?? ""));
    try {
      await this.#answered(client.connect());
      await this.#answered(client.query(`LISTEN ${client.escapeIdentifier(channelOf(this.#parts.schema))}`));
    } catch {
      this.#lost(client);
      return;
    }
    if (this.#client !== client) return;
    this.#failures = 0;
    this.#probeLater(client);
    if (this.#away) {
      this.#away = false;
      this.#to.missed();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    if (client) await this.#answered(client.end()).catch(() => hangUp(client));
  }

  #heard(payload: string): void {
    const said = decodeHints(payload);
    if (this.#closed || said === null || said.from === this.#parts.from) return;
    const { lanes, boots, runs, catalogue, missed } = said.hints;
    if (missed) return this.#to.missed();
    // What has come into the catalogue first: the lanes may be new.
    if (catalogue) this.#to.catalogue();
    if (boots.includes(this.#boot)) this.#to.notices();
    if (lanes.length > 0) this.#to.lanes(lanes);
    if (runs.length > 0) this.#to.runs(runs);
  }

  /** TCP finds a peer that is gone without a word only after minutes, and a listener itself never writes. */
  #probeLater(client: Client): void {
    this.#timer = this.#parts.clock.after(probeEveryMs, () => {
      this.#answered(client.query("SELECT 1")).then(
        () => this.#client === client && this.#probeLater(client),
        () => this.#lost(client),
      );
    });
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#away = true;
    hangUp(client);
    this.#timer?.cancel();
    // Half of it at random: after a restart of the server not everybody comes at once.
    const backoffMs = Math.min(backoffMsMin * 2 ** this.#failures, backoffMsMax) * (0.5 + this.#parts.random() / 2);
    this.#failures += 1;
    this.#timer = this.#parts.clock.after(backoffMs, () => void this.connect());
  }

  #answered<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#parts.clock.after(answerMs, () => reject(new Error("no answer")));
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** Without a goodbye, which might wait for a peer that is gone. */
function hangUp(client: Client): void {
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}
