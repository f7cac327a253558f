// The connection that batches are written on, one after the other.
//
// Whether a batch was stored is known also when the answer to its COMMIT is lost. Each life numbers its batches. A batch
// begins only after the one before it (`enter`), under a lock on the row of its life, and writes its number there. After a
// lost connection that row is read under a lock that waits for whatever the old connection still does: the number is there,
// and all of the batch is; or it is not, and is taken by nobody (`resolve_batch`), so that what lies unread in the old
// connection can never begin.
import pg from "pg";
import type { Clock } from "../../core/clock.ts";
import { FlotillaError } from "../../core/error.ts";
import { givenUp, isConflict, isLost, lifeOver, storeFailure } from "./failure.ts";
import { beginText, clientConfig } from "./line.ts";
import type { Settings } from "./settings.ts";
import type { SilenceWatch } from "./silence.ts";
import { Restart, Transaction } from "./transaction.ts";

/** A batch that takes longer is given up with its connection: nobody answers any more. Waiting for others takes 10 s at most. */
const batchMsMax = 60_000;
const backoffMsMin = 50;
const backoffMsMax = 2_000;

export interface Entered {
  readonly tx: Transaction;
  /** Of this batch, in its life. */
  readonly number: number;
}

export class Writer {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #silence: SilenceWatch;
  readonly #warn: (what: string, e: unknown) => void;
  #client: pg.Client | undefined;
  /** The last batch of each life that this store has had. */
  readonly #numbers = new Map<number, number>();
  #last: Promise<unknown> = Promise.resolve();
  /** Under way, or waiting for the one that is. */
  #batches = 0;
  #closed = false;
  /** Ends the pause before the next try. */
  #hurry: (() => void) | undefined;

  constructor(o: {
    readonly settings: Settings;
    readonly clock: Clock;
    readonly silence: SilenceWatch;
    readonly warn: (what: string, e: unknown) => void;
  }) {
    this.#settings = o.settings;
    this.#clock = o.clock;
    this.#silence = o.silence;
    this.#warn = o.warn;
  }

  /**
   * Runs `work` in a transaction that is stored whole or not at all. It calls `enter` first and `leave` last.
   * @throws FLOTILLA_LIFE_OVER, FLOTILLA_STORE_UNREACHABLE, FLOTILLA_STORE_FULL: nothing was stored.
   */
  batch<T>(boot: number, work: (entered: Entered) => Promise<T>): Promise<T> {
    this.#batches += 1;
    const mine = this.#last.then(() => this.#batch(boot, work)).finally(() => (this.#batches -= 1));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** A life has begun: its batches are numbered from 1. */
  begun(boot: number): void {
    this.#numbers.clear();
    this.#numbers.set(boot, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#hurry?.();
    await this.#last;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #batch<T>(boot: number, work: (entered: Entered) => Promise<T>): Promise<T> {
    try {
      return await this.#again(boot, work).catch((e: unknown) => {
        if (!isConflict(e)) throw e;
        this.#warn("two transactions waited for each other, which the order of locks should rule out; tried again", e);
        return this.#again(boot, work);
      });
    } catch (e) {
      throw storeFailure(e, this.#settings.shown);
    }
  }

  async #again<T>(boot: number, work: (entered: Entered) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#once(boot, work);
      } catch (e) {
        if (!(e instanceof Restart)) throw e;
      }
    }
  }

  async #once<T>(boot: number, work: (entered: Entered) => Promise<T>): Promise<T> {
    const client = await this.#connected();
    const number = (this.#numbers.get(boot) ?? (await this.#lastBatch(client, boot))) + 1;
    const tx = new Transaction(client, this.#settings.prepare);
    const limit = this.#clock.after(batchMsMax, () => destroy(client));
    let result: T;
    let committed: string | undefined;
    let asked = false;
    try {
      tx.later(beginText(this.#settings, "batches"));
      result = await work({ tx, number });
      asked = true;
      tx.later("COMMIT", [], (_rows, answer) => (committed = answer.command));
      await tx.flush();
    } catch (e) {
      if (isLost(e)) {
        this.#drop(client);
        if (!asked || !(await this.#resolve(boot, number))) throw e;
        return result!;
      }
      // A COMMIT after a failure is a rollback already.
      if (!asked) await client.query("ROLLBACK").catch(() => this.#drop(client));
      throw forgotten(e, boot) ?? e;
    } finally {
      limit.cancel();
    }
    if (committed !== "COMMIT") throw new Error(`COMMIT was answered with ${committed}`);
    this.#numbers.set(boot, number);
    return result;
  }

  /** What has become of a batch whose COMMIT was sent: true, it is stored. Tries as long as it takes. */
  async #resolve(boot: number, number: number): Promise<boolean> {
    let backoffMs = backoffMsMin;
    while (!this.#closed) {
      try {
        const client = await this.#connected();
        const tx = new Transaction(client, this.#settings.prepare);
        tx.later(beginText(this.#settings, "batches"));
        let stored = false;
        tx.later<{ stored: boolean }>("SELECT resolve_batch($1, $2) AS stored", [boot, number], (rows) => {
          stored = rows[0]?.stored === true;
        });
        tx.later("COMMIT");
        await tx.flush();
        this.#numbers.set(boot, number);
        return stored;
      } catch (e) {
        if (this.#client && isLost(e)) this.#drop(this.#client);
        const failure = storeFailure(e, this.#settings.shown);
        // Swept, or a database that will not let us in again.
        if (failure instanceof FlotillaError && failure.code !== "FLOTILLA_STORE_UNREACHABLE") throw failure;
        await this.#pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, backoffMsMax);
      }
    }
    throw new Error("Connection terminated: the store was closed before it was known whether the last batch was stored");
  }

  async #lastBatch(client: pg.Client, boot: number): Promise<number> {
    const tx = new Transaction(client, this.#settings.prepare);
    tx.later(beginText(this.#settings, "batches"));
    let last = 0;
    tx.later<{ last: number }>("SELECT coalesce(max(last_batch), 0) AS last FROM orchestrator WHERE id = $1", [boot], ([row]) => {
      last = row?.last ?? 0;
    });
    tx.later("COMMIT");
    await tx.flush();
    return last;
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    if (this.#closed) throw new FlotillaError("FLOTILLA_CLOSED", { what: "the store" });
    const client = new pg.Client({ ...clientConfig(this.#settings, "batches"), pipeline: true });
    // Whoever waits for an answer hears of it too.
    client.on("error", () => this.#drop(client));
    await client.connect();
    this.#silence.watch(client, () => this.#batches > 0);
    this.#client = client;
    return client;
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
    destroy(client);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/**
 * On a connection that works, the number of a batch is refused only when the database does not have the batches before it:
 * it crashed and had acknowledged them too early (`durability: "process"`), or another server took over that never had them.
 * What this life has in memory is not what is stored, and never will be: it is over.
 */
function forgotten(e: unknown, boot: number): Error | undefined {
  if ((e as { code?: string }).code !== givenUp) return undefined;
  return Object.assign(new Error("the database has lost batches that it had acknowledged", { cause: e }), {
    code: lifeOver,
    detail: String(boot),
  });
}

/** pg has no other way to leave at once: `end` waits for answers. */
function destroy(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
