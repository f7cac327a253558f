// The journal is the rows themselves: children with their outcomes, steps, emits, waits, sends. One statement each, because
// others commit meanwhile: a seq above the gate's own would tell a re-run of something that it has not come to.
import { outcomeCodes } from "../../core/task.ts";
import { waitKinds, type AskedRow, type Journal, type StoredDelivery } from "../contract.ts";
import { errorOf } from "../outcome-row.ts";
import type { Sql } from "./sql.ts";

type Kind = Journal["entries"][number]["kind"];
/** By the number in the statements below: waits have their own kind, then the others. */
const kinds: readonly (Kind | "gate")[] = [...(waitKinds as readonly Kind[]), "child", "step", "emit", "send", "gate"];
const code = (kind: Kind | "gate"): number => kinds.indexOf(kind);

/** As `gateNumbers` packs them. */
type GateNumbers = [
  acts: number,
  startedAt: number,
  lastSeq: number,
  baseSeq: number,
  cancelSeq: number | null,
  cancelAt: number | null,
];
const gateNumbers = "json_build_array(g.acts, g.started_at, g.last_seq, g.base_seq, g.cancel_seq, g.cancel_at)::text";
interface RawEntry {
  readonly kind: number;
  readonly act: number;
  readonly key: string;
  readonly inputHash: string;
  readonly askedAfter: number;
  readonly seq: number | null;
}

// A detached child is asked for, and nothing of it is ever delivered. The gate itself comes first: why it is being canceled
// as its key, its numbers as its hash.
const journal = `WITH g AS MATERIALIZED (SELECT * FROM gate WHERE task = $1)
  SELECT * FROM (
    SELECT ${code("gate")} AS kind, 0 AS act, coalesce(g.cancel_reason, '') AS key, ${gateNumbers} AS "inputHash", 0 AS "askedAfter", NULL::int AS seq FROM g
    UNION ALL SELECT ${code("child")}, t.act, t.key, t.input_hash, t.asked_after, CASE t.detached WHEN 1 THEN NULL ELSE o.seq END
      FROM g JOIN task t ON t.parent = g.task AND t.act > g.base_act LEFT JOIN outcome o ON o.task = t.id
    UNION ALL SELECT ${code("step")}, s.act, s.key, '', s.asked_after, s.seq FROM g JOIN step s ON s.task = g.task AND s.act > g.base_act
    UNION ALL SELECT ${code("emit")}, e.act, e.key, '', e.asked_after, NULL FROM g JOIN emit e ON e.task = g.task AND e.act > g.base_act
    UNION ALL SELECT ${code("send")}, s.act, s.key, s.input_hash, s.asked_after, NULL FROM g JOIN sent s ON s.task = g.task AND s.act > g.base_act
    UNION ALL SELECT w.kind, w.act, w.key, w.input_hash, w.asked_after, w.seq FROM g JOIN wait w ON w.task = g.task AND w.act > g.base_act
  ) j ORDER BY act`;

export async function readJournal(sql: Sql, task: number): Promise<Journal | null> {
  const [first, ...rows] = await sql.rows<RawEntry>(journal, [task]);
  if (!first) return null;
  const [acts, startedAt, lastSeq, baseSeq, cancelSeq, cancelAt] = JSON.parse(first.inputHash) as GateNumbers;
  return {
    acts,
    startedAt,
    lastSeq,
    baseSeq,
    entries: rows.map(({ kind, ...r }) => ({ kind: kinds[kind] as Kind, ...r })),
    cancel: cancelSeq === null ? null : { seq: cancelSeq, reason: first.key, at: cancelAt ?? startedAt },
  };
}

// Steps and waits of earlier executions are gone, children stay.
const asked = `SELECT * FROM (
    SELECT 1 AS part, ${code("child")} AS kind, t.act, t.key, t.input_hash AS "inputHash", t.asked_after AS "askedAfter", o.seq, o.status::int AS status, t.id AS task
      FROM task t LEFT JOIN outcome o ON o.task = t.id
      WHERE t.parent = $1 AND t.act > coalesce((SELECT base_act FROM continued WHERE task = $1), 0)
    UNION ALL SELECT 2, ${code("step")}, act, key, '', asked_after, seq,
      CASE WHEN seq IS NULL THEN NULL WHEN error IS NULL THEN 0 ELSE 1 END, NULL FROM step WHERE task = $1
    UNION ALL SELECT 3, kind, act, key, input_hash, asked_after, seq,
      CASE given_back WHEN 1 THEN ${outcomeCodes.indexOf("canceled")} ELSE status END, NULL FROM wait WHERE task = $1
  ) a ORDER BY part, act`;

/** The rows of a task that may be closed: its gate is not asked. */
export async function readAsked(sql: Sql, task: number): Promise<readonly AskedRow[]> {
  const rows = await sql.rows<Omit<AskedRow, "kind" | "status"> & { part: number; kind: number; status: number | null }>(asked, [
    task,
  ]);
  return rows.map(({ part: _, kind, status, ...r }) => ({
    ...r,
    kind: kinds[kind] as AskedRow["kind"],
    status: status === null ? null : (outcomeCodes[status] ?? "failed"),
  }));
}

/** What came of an act: of a child, a step or a wait, as rows of one shape. `$1` the tasks and `$2` their acts, in pairs. */
export const settledRows = `
  SELECT w.task AS parent, o.seq, w.act, o.status::int AS status, o.value, o.ref, o.error, o.finished_at AS at
    FROM unnest($1::bigint[], $2::int[]) w(task, act) JOIN task t ON t.parent = w.task AND t.act = w.act JOIN outcome o ON o.task = t.id
    WHERE o.seq IS NOT NULL AND t.detached <> 1
  UNION ALL SELECT w.task, s.seq, w.act, CASE WHEN s.error IS NULL THEN 0 ELSE 1 END, s.value, s.ref, s.error, s.ended_at
    FROM unnest($1::bigint[], $2::int[]) w(task, act) JOIN step s ON s.task = w.task AND s.act = w.act WHERE s.seq IS NOT NULL
  UNION ALL SELECT w.task, x.seq, w.act, x.status::int, x.value, NULL, x.error, x.ended_at
    FROM unnest($1::bigint[], $2::int[]) w(task, act) JOIN wait x ON x.task = w.task AND x.act = w.act WHERE x.seq IS NOT NULL`;

export type RawSettled = Omit<StoredDelivery, "status" | "error"> & { readonly status: number; readonly error: string | null };

export function deliveryRow({ status, error, ...r }: RawSettled): StoredDelivery {
  return { ...r, status: outcomeCodes[status] ?? "failed", error: errorOf(error) };
}

export async function readSettled(sql: Sql, task: number, acts: readonly number[]): Promise<ReadonlyMap<number, StoredDelivery>> {
  if (acts.length === 0) return new Map();
  const rows = await sql.rows<RawSettled>(settledRows, [acts.map(() => task), acts]);
  return new Map(rows.map((r) => [r.act, deliveryRow(r)]));
}
