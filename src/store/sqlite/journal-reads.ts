// The journal is the rows themselves: children with their outcomes, steps, emits, waits, sends.
import { outcomeCodes } from "../../core/task.ts";
import { waitKinds, type AskedRow, type Journal, type StoredDelivery, type WaitKind } from "../contract.ts";
import { errorOf } from "../outcome-row.ts";
import type { Statements } from "./statements.ts";

interface RawGate {
  acts: number;
  started_at: number;
  last_seq: number;
  base_act: number;
  base_seq: number;
  cancel_seq: number | null;
  cancel_reason: string | null;
  cancel_at: number | null;
}
type Entry = Journal["entries"][number];
interface RawEntry {
  act: number;
  key: string;
  inputHash: string;
  askedAfter: number;
  seq: number | null;
}

export function readJournal(sql: Statements, task: number): Journal | null {
  const gate = sql.row<RawGate>(
    "SELECT acts, started_at, last_seq, base_act, base_seq, cancel_seq, cancel_reason, cancel_at FROM gate WHERE task = ?",
    task,
  );
  if (!gate) return null;
  const entries: Entry[] = [];
  const add = (kind: Entry["kind"], rows: readonly RawEntry[]) => {
    for (const r of rows) entries.push({ kind, ...r });
  };
  const columns = "act, key, asked_after AS askedAfter";
  // A detached child is asked for, and nothing of it is ever delivered.
  add(
    "child",
    sql.rows(
      `SELECT t.act, t.key, t.input_hash AS inputHash, t.asked_after AS askedAfter, CASE t.detached WHEN 1 THEN NULL ELSE o.seq END AS seq
       FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE t.parent = ? AND t.act > ? ORDER BY t.act`,
      task,
      gate.base_act,
    ),
  );
  const after = [task, gate.base_act] as const;
  add("step", sql.rows(`SELECT ${columns}, '' AS inputHash, seq FROM step WHERE task = ? AND act > ? ORDER BY act`, ...after));
  add(
    "emit",
    sql.rows(`SELECT ${columns}, '' AS inputHash, NULL AS seq FROM emit WHERE task = ? AND act > ? ORDER BY act`, ...after),
  );
  add(
    "send",
    sql.rows(
      `SELECT ${columns}, input_hash AS inputHash, NULL AS seq FROM sent WHERE task = ? AND act > ? ORDER BY act`,
      ...after,
    ),
  );
  for (const { kind, ...r } of sql.rows<RawEntry & { kind: number }>(
    `SELECT kind, ${columns}, input_hash AS inputHash, seq FROM wait WHERE task = ? AND act > ? ORDER BY act`,
    ...after,
  ))
    entries.push({ kind: waitKinds[kind] as WaitKind, ...r });
  entries.sort((a, b) => a.act - b.act);
  return {
    acts: gate.acts,
    startedAt: gate.started_at,
    lastSeq: gate.last_seq,
    baseSeq: gate.base_seq,
    entries,
    cancel:
      gate.cancel_seq === null
        ? null
        : { seq: gate.cancel_seq, reason: gate.cancel_reason ?? "", at: gate.cancel_at ?? gate.started_at },
  };
}

/** The rows of a task that may be closed: its gate is not asked. Steps and waits of earlier executions are gone, children stay. */
export function readAsked(sql: Statements, task: number): readonly AskedRow[] {
  type Raw = Omit<AskedRow, "kind" | "status"> & { status: number | null };
  const rows: AskedRow[] = [];
  const add = (kind: AskedRow["kind"], { status, ...r }: Raw) =>
    rows.push({ ...r, kind, status: status === null ? null : (outcomeCodes[status] ?? "failed") });
  for (const r of sql.rows<Raw>(
    `SELECT t.act, t.key, t.input_hash AS inputHash, t.asked_after AS askedAfter, o.seq, o.status, t.id AS task
     FROM task t LEFT JOIN outcome o ON o.task = t.id
     WHERE t.parent = ? AND t.act > coalesce((SELECT base_act FROM continued WHERE task = ?), 0) ORDER BY t.act`,
    task,
    task,
  ))
    add("child", r);
  for (const r of sql.rows<Raw>(
    `SELECT act, key, '' AS inputHash, asked_after AS askedAfter, seq, NULL AS task,
     CASE WHEN seq IS NULL THEN NULL WHEN error IS NULL THEN 0 ELSE 1 END AS status FROM step WHERE task = ? ORDER BY act`,
    task,
  ))
    add("step", r);
  for (const { kind, ...r } of sql.rows<Raw & { kind: number }>(
    `SELECT kind, act, key, input_hash AS inputHash, asked_after AS askedAfter, seq, NULL AS task,
     CASE given_back WHEN 1 THEN ${outcomeCodes.indexOf("canceled")} ELSE status END AS status FROM wait WHERE task = ? ORDER BY act`,
    task,
  ))
    add(waitKinds[kind] as WaitKind, r);
  return rows;
}

interface RawSettled {
  act: number;
  seq: number;
  status: number;
  at: number;
  value: string | null;
  ref: string | null;
  error: string | null;
}

/** Three statements for a page, whatever its acts are. */
export function readSettled(sql: Statements, task: number, acts: readonly number[]): ReadonlyMap<number, StoredDelivery> {
  const found = new Map<number, StoredDelivery>();
  const wanted = JSON.stringify(acts);
  const add = (rows: readonly RawSettled[]) => {
    for (const { error, status, ...r } of rows)
      found.set(r.act, { parent: task, ...r, status: outcomeCodes[status] ?? "failed", error: errorOf(error) });
  };
  add(
    sql.rows(
      `SELECT t.act, o.seq, o.status, o.finished_at AS at, o.value, o.ref, o.error FROM json_each(?) j
       JOIN task t ON t.parent = ? AND t.act = j.value JOIN outcome o ON o.task = t.id WHERE o.seq IS NOT NULL AND t.detached <> 1`,
      wanted,
      task,
    ),
  );
  add(
    sql.rows(
      `SELECT s.act, s.seq, CASE WHEN s.error IS NULL THEN 0 ELSE 1 END AS status, s.ended_at AS at, s.value, s.ref, s.error
       FROM json_each(?) j JOIN step s ON s.task = ? AND s.act = j.value WHERE s.seq IS NOT NULL`,
      wanted,
      task,
    ),
  );
  add(
    sql.rows(
      `SELECT x.act, x.seq, x.status, x.ended_at AS at, x.value, NULL AS ref, x.error
       FROM json_each(?) j JOIN wait x ON x.task = ? AND x.act = j.value WHERE x.seq IS NOT NULL`,
      wanted,
      task,
    ),
  );
  return found;
}
