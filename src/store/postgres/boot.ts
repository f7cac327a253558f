import { hostname } from "node:os";
import { FlotillaError } from "../../core/error.ts";
import { version } from "../../core/version.ts";
import type { Boot, DefinitionRow, LaneRow, Store } from "../contract.ts";
import { delayedLane, depthRows, parkedLane, type RawDepth } from "./depth.ts";
import { migrations } from "./migrate.ts";
import type { Database, Sql } from "./sql.ts";

/** Worker numbers of one life: 2^31 lives fit below 2^53. */
const workersOfLife = 2 ** 22;

/**
 * A new life begins, beside those that go on. It takes nothing over: whatever an earlier life of this machine was running
 * is swept when that one's time is over.
 */
export async function bootStore(
  db: Database,
  o: { readonly leaseMs: number; readonly path: string },
  p: Parameters<Store["boot"]>[0],
): Promise<Boot> {
  return await db.transaction(async (tx) => {
    const next = async (name: string, by: number) =>
      (
        (await tx.row<{ value: number }>("UPDATE upkeep SET value = value + $2 WHERE name = $1 RETURNING value", [name, by])) as {
          value: number;
        }
      ).value;
    const boot = await next("boot", 1 + (p.skip ?? 0));
    const ordinal = await next("lives", 1);
    await tx.run(
      `INSERT INTO orchestrator (id, nonce, pid, host, version, started_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7 * interval '1 ms')`,
      [boot, p.nonce, p.pid, hostname(), version, p.now, o.leaseMs],
    );
    // Who migrates holds lives off, and this one may have waited for that since it opened the store.
    const known = migrations().length;
    const newer = await tx.row<{ id: number }>("SELECT id FROM migration WHERE id > $1 AND breaking LIMIT 1", [known]);
    if (newer) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path: o.path, schema: newer.id, known });
    return await readBoot(tx, { boot, nextWorker: ordinal * workersOfLife + 1 });
  });
}

export async function readCatalogue(sql: Sql): Promise<{ definitions: DefinitionRow[]; lanes: LaneRow[] }> {
  // Lanes first: the definition of each is there already.
  const lanes = await sql.rows<{ id: number; definition: number; needs: string; build: string }>(
    "SELECT id, definition, needs, build FROM lane ORDER BY id",
  );
  return {
    definitions: await sql.rows<DefinitionRow>("SELECT id, namespace, name, card FROM definition ORDER BY id"),
    lanes: lanes.map((l) => ({ ...l, needs: JSON.parse(l.needs) as string[] })),
  };
}

/** What will have to be done next, by whoever comes to it: one row. */
export const agenda = `(SELECT min(at) FROM (SELECT (SELECT due_at FROM delayed ORDER BY due_at LIMIT 1) AS at
     UNION ALL SELECT (SELECT due_at FROM wait WHERE ended_at IS NULL AND due_at IS NOT NULL ORDER BY due_at, task, act LIMIT 1)
     UNION ALL SELECT (SELECT at FROM expiry ORDER BY at LIMIT 1)) due) AS "nextDueAt",
  (SELECT next_at FROM schedule WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1) AS "nextTickAt",
  EXISTS (SELECT 1 FROM cancel_job) AS "cancelsLeft"`;

export interface Agenda {
  readonly nextDueAt: number | null;
  readonly nextTickAt: number | null;
  readonly cancelsLeft: boolean;
}

/** What an orchestrator knows when it opens its eyes. */
export async function readBoot(sql: Sql, life: { readonly boot: number; readonly nextWorker: number }): Promise<Boot> {
  const rows = await sql.rows<RawDepth>(depthRows);
  const tasksOf = (lane: number) => rows.find((r) => r.lane === lane)?.tasks ?? 0;
  const next = (await sql.row<Agenda>(`SELECT ${agenda}`)) as Agenda;
  return {
    ...life,
    ...(await readCatalogue(sql)),
    depth: new Map(rows.filter((r) => r.lane > 0).map((r) => [r.lane, { ready: r.tasks, lastPass: r.last ?? 0 }])),
    delayed: tasksOf(delayedLane),
    parked: tasksOf(parkedLane),
    ...next,
    recovered: 0,
  };
}
