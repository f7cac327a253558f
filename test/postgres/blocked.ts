import { asAdmin } from "./server.ts";

/**
 * Resolves when session `pid` (pg_backend_pid) keeps so many others waiting for a lock: the barrier of tests that step
 * through an interleaving.
 */
export async function blockedBy(pid: number, sessions = 1): Promise<void> {
  await asAdmin(async (client) => {
    for (;;) {
      const { rows } = await client.query("SELECT 1 FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))", [pid]);
      if (rows.length >= sessions) return;
      // The server tells nobody when somebody begins to wait.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  });
}
