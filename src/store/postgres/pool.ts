// Connections for reads and small changes: everything but batches.
import pg from "pg";
import { isConflict, isLost, storeFailure } from "./failure.ts";
import { beginText, clientConfig, sqlOn } from "./line.ts";
import type { Settings } from "./settings.ts";
import { SilenceWatch } from "./silence.ts";
import type { Database, Sql } from "./sql.ts";

export interface Pool extends Database {
  close(): Promise<void>;
}

/** Opens no connection yet. */
export function openPool(s: Settings, silence = new SilenceWatch(s)): Pool {
  const pool = new pg.Pool({
    ...clientConfig(s, "reads"),
    max: s.connectionsMax,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
  });
  // An idle connection that goes is replaced when the next one is asked for.
  pool.on("error", () => {});
  const lent = new WeakSet<pg.ClientBase>();
  pool.on("connect", (client) => silence.watch(client, () => lent.has(client)));
  pool.on("acquire", (client) => void lent.add(client));
  pool.on("release", (_error, client) => void lent.delete(client));

  const inTransaction = async <T>(work: (tx: Sql) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    // While it is lent, its errors are ours to hear; the statement under way fails with them.
    client.on("error", ignore);
    let broken = false;
    try {
      await client.query(beginText(s, "reads"));
      const result = await work(sqlOn(client, s.prepare));
      await client.query("COMMIT");
      return result;
    } catch (e) {
      broken = isLost(e);
      if (!broken) await client.query("ROLLBACK").catch(() => (broken = true));
      throw e;
    } finally {
      client.off("error", ignore);
      client.release(broken);
    }
  };
  const inOurWords = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work().catch((e: unknown) => {
        if (isConflict(e)) return work();
        throw e;
      });
    } catch (e) {
      throw storeFailure(e, s.shown);
    }
  };
  const direct = sqlOn(pool, s.prepare);
  // Behind a pooler only a transaction has our settings, so that a statement of its own is one too.
  const alone = <T>(work: (sql: Sql) => Promise<T>) => inOurWords(() => (s.pooled ? inTransaction(work) : work(direct)));
  return {
    rows: (text, params) => alone((sql) => sql.rows(text, params)),
    row: (text, params) => alone((sql) => sql.row(text, params)),
    run: (text, params) => alone((sql) => sql.run(text, params)),
    transaction: (work) => inOurWords(() => inTransaction(work)),
    close: () => pool.end(),
  };
}

function ignore(): void {}
