import { outcomeCode, type OutcomeStatus } from "../../core/task.ts";
import type { AttemptRow, Store, Whereabouts } from "../contract.ts";
import { readAsked, readJournal, readSettled } from "./journal-reads.ts";
import { Params } from "./params.ts";
import { errorOf, outcomeColumns, outcomeRow, type RawOutcome } from "../outcome-row.ts";
import { readyColumns, readyRow, taskColumns, taskRow, type RawReady, type RawTask } from "./rows.ts";
import type { Sql } from "./sql.ts";
import { decodeText } from "./values.ts";
import { openWaitReads } from "./wait-reads.ts";

interface RawAttempt {
  readonly lease_no: number;
  readonly attempt: number;
  readonly worker: number | null;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly how: string;
  readonly error: string | null;
}

export function openQueue(sql: Sql): Store["queue"] {
  return {
    async peek({ lanes, limit }) {
      if (lanes.length === 0) return [];
      const rows = await sql.rows<RawReady>(
        `SELECT r.* FROM unnest($1::bigint[]) WITH ORDINALITY AS w(wanted, n) CROSS JOIN LATERAL (
           SELECT ${readyColumns} FROM ready WHERE lane = w.wanted ORDER BY prio, pass, task LIMIT $2) r
         ORDER BY w.n, r.prio, r.pass, r.task`,
        [lanes, limit],
      );
      return rows.map(readyRow);
    },
  };
}

export function openTaskReads(sql: Sql): Store["tasks"] {
  return {
    async get(ids) {
      if (ids.length === 0) return [];
      const rows = await sql.rows<RawTask>(`SELECT ${taskColumns} FROM task t WHERE t.id = ANY($1::bigint[])`, [ids]);
      return rows.map(taskRow);
    },
    child: async ({ parent, act }) => {
      const row = await sql.row<RawTask>(`SELECT ${taskColumns} FROM task t WHERE t.parent = $1 AND t.act = $2`, [parent, act]);
      return row ? taskRow(row) : null;
    },
    where: async (id) => (await whereabouts(sql, [id])).get(id) ?? null,
    attempts: async (id) =>
      (
        await sql.rows<RawAttempt>(
          "SELECT lease_no, attempt, worker, started_at, ended_at, how, error FROM attempt WHERE task = $1 ORDER BY lease_no",
          [id],
        )
      ).map((r): AttemptRow => ({
        leaseNo: r.lease_no,
        attempt: r.attempt,
        worker: r.worker,
        startedAt: r.started_at,
        endedAt: r.ended_at,
        how: r.how,
        error: errorOf(r.error),
      })),
    journal: (id) => readJournal(sql, id),
    asked: (id) => readAsked(sql, id),
    settled: ({ task, acts }) => readSettled(sql, task, acts),
    ...openWaitReads(sql),
    children: async (id) =>
      (await sql.row<{ total: number; unsettled: number }>(
        `SELECT (SELECT count(*) FROM task WHERE parent = $1) AS total,
           coalesce((SELECT remaining FROM gate WHERE task = $1), 0) AS unsettled`,
        [id],
      )) ?? { total: 0, unsettled: 0 },
    async list({ run, definition, state, after, limit }) {
      const find = async (which: (p: Params) => string) => {
        const p = new Params();
        const filters = [which(p), ...(definition === null ? [] : [`t.definition = ${p.add(definition)}`])];
        filters.push(...stateFilter(state, p));
        const text = `SELECT ${taskColumns} FROM task t WHERE ${filters.join(" AND ")} ORDER BY t.id LIMIT ${p.add(limit + 1)}`;
        return await sql.rows<RawTask>(text, p.values);
      };
      // Two statements and no OR: each page of 100,000 children is then a walk along the index, without a sort.
      const root = after < run ? await find((p) => `t.id = ${p.add(run)}`) : [];
      const children = await find((p) => `t.run = ${p.add(run)} AND t.parent IS NOT NULL AND t.id > ${p.add(after)}`);
      const rows = [...root, ...children];
      const page = rows.slice(0, limit).map(taskRow);
      const where = await whereabouts(
        sql,
        page.map((task) => task.id),
      );
      return {
        rows: page.map((task) => ({ task, where: where.get(task.id) ?? null })),
        next: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
  };
}

const isReady = "EXISTS (SELECT 1 FROM ready r WHERE r.lane = t.lane AND r.prio = t.prio AND r.pass = t.pass AND r.task = t.id)";
const isArmed = "EXISTS (SELECT 1 FROM gate g WHERE g.task = t.id AND g.armed = 1)";
const isIn = (table: string) => `EXISTS (SELECT 1 FROM ${table} p WHERE p.task = t.id)`;

function stateFilter(state: string | null, p: Params): string[] {
  switch (state) {
    case null:
      return [];
    case "ready":
      return [isReady];
    case "delayed":
      return [isIn("delayed")];
    case "running":
      return [`${isIn("running")} AND NOT ${isArmed}`];
    case "waiting":
      return [`(${isIn("running")} AND ${isArmed} OR ${isIn("held")} OR ${isIn("parked")})`];
    default: {
      const code = outcomeCode(state as OutcomeStatus);
      return [code < 0 ? "false" : `EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id AND o.status = ${p.add(code)})`];
    }
  }
}

interface Place {
  readonly lease_no: number;
  readonly attempt: number;
  readonly crashes: number;
}
type RawWhere = Omit<RawOutcome, "task"> & {
  readonly id: number;
  readonly task: number | null;
  readonly running: (Place & { readonly worker: number; readonly claimed_at: number }) | null;
  readonly ready: (Place & { readonly alone: number; readonly since: number }) | null;
  readonly delayed: (Place & { readonly due_at: number }) | null;
  readonly held: (Place & { readonly reason: string; readonly error: string | null; readonly since: number }) | null;
  readonly parked: (Place & { readonly since: number }) | null;
  readonly armed: number | null;
  readonly remaining: number | null;
};

/** In one statement: between two, a task may move from a place that was not looked at yet to one that was. */
const whereStatement = `SELECT t.id, ${outcomeColumns}, to_json(u) AS running, to_json(r) AS ready, to_json(d) AS delayed,
    to_json(h) AS held, to_json(p) AS parked, g.armed, g.remaining
  FROM task t LEFT JOIN outcome o ON o.task = t.id
  LEFT JOIN LATERAL (SELECT * FROM running WHERE task = t.id ORDER BY lease_no DESC LIMIT 1) u ON true
  LEFT JOIN ready r ON r.lane = t.lane AND r.prio = t.prio AND r.pass = t.pass AND r.task = t.id
  LEFT JOIN delayed d ON d.task = t.id LEFT JOIN held h ON h.task = t.id LEFT JOIN parked p ON p.task = t.id
  LEFT JOIN gate g ON g.task = t.id WHERE t.id = ANY($1::bigint[])`;

async function whereabouts(sql: Sql, ids: readonly number[]): Promise<ReadonlyMap<number, Whereabouts>> {
  if (ids.length === 0) return new Map();
  const found = new Map<number, Whereabouts>();
  for (const row of await sql.rows<RawWhere>(whereStatement, [ids])) {
    const where = whereOf(row);
    if (where) found.set(row.id, where);
  }
  return found;
}

function whereOf(r: RawWhere): Whereabouts | null {
  if (r.task !== null) return { in: "outcome", outcome: outcomeRow(r as RawOutcome) };
  const at = (p: Place) => ({ leaseNo: p.lease_no, attempt: p.attempt, crashes: p.crashes });
  const { running, ready, delayed, held, parked } = r;
  if (running)
    return {
      in: "running",
      ...at(running),
      worker: running.worker,
      claimedAt: running.claimed_at,
      armed: r.armed === 1,
      remaining: r.remaining ?? 0,
    };
  if (ready) return { in: "ready", ...at(ready), alone: ready.alone === 1, since: ready.since };
  if (delayed) return { in: "delayed", ...at(delayed), dueAt: delayed.due_at };
  if (held)
    return {
      in: "held",
      ...at(held),
      reason: held.reason,
      error: errorOf(held.error === null ? null : decodeText(held.error)),
      since: held.since,
    };
  return parked ? { in: "parked", ...at(parked), since: parked.since, remaining: r.remaining ?? 0 } : null;
}
