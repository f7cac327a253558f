// What is written for the life that holds an attempt, by whoever changes what that attempt waits for.
import { FlotillaError } from "../../core/error.ts";
import type { StoredDelivery } from "../contract.ts";
import type { Answered, Notice, Question } from "../shared.ts";
import { deliveryRow, type RawSettled } from "./journal-reads.ts";
import type { Sql, Statement } from "./sql.ts";
import { decodeText, ints } from "./values.ts";

/** The numbers that are stored. */
export const noticeKinds = { delivery: 1, closed: 2, question: 3, answer: 4 } as const;

type ClosedNotice = Extract<Notice, { kind: "closed" }>;

/** `notice.detail` of a closed attempt. */
export function closedDetail(c: Pick<ClosedNotice, "status" | "error" | "reason">): string {
  return JSON.stringify({ status: c.status, error: c.error, reason: c.reason });
}
export function questionDetail(q: Question): string {
  return JSON.stringify({ from: q.from, request: q.request, name: q.name });
}
export function answerDetail(a: Answered): string {
  return JSON.stringify({ request: a.request, value: a.value, error: a.error });
}

/** A row of `notice`, and for a delivery what has settled. */
export interface RawNotice {
  readonly id: number;
  readonly kind: number;
  readonly task: number | null;
  readonly lease_no: number | null;
  readonly detail: string | null;
  readonly end: RawSettled | null;
  /** Of a delivery with act 0: the task's code is told that it is being canceled. */
  readonly cancel: { readonly cancel_seq: number; readonly cancel_reason: string | null; readonly cancel_at: number } | null;
}

/**
 * The oldest notices of life `$1`, `$2` of them at most, each as JSON of `RawNotice`. What has settled is joined: notices are
 * many, and most of them say only (task, seq, act).
 */
export const noticesOf = `SELECT n.id, n.kind, n.task, n.lease_no, n.detail, to_json(e) AS end,
    CASE WHEN n.kind = ${noticeKinds.delivery} AND n.act = 0 THEN (SELECT to_json(g) FROM
      (SELECT cancel_seq, cancel_reason, cancel_at FROM gate WHERE task = n.task AND cancel_seq = n.seq) g) END AS cancel
  FROM (SELECT * FROM notice WHERE boot = $1 ORDER BY id LIMIT $2) n LEFT JOIN LATERAL (
    SELECT n.task AS parent, o.seq, n.act, o.status::int AS status, o.value, o.ref, o.error, o.finished_at AS at
      FROM task t JOIN outcome o ON o.task = t.id WHERE t.parent = n.task AND t.act = n.act AND o.seq = n.seq
    UNION ALL SELECT n.task, s.seq, n.act, CASE WHEN s.error IS NULL THEN 0 ELSE 1 END, s.value, s.ref, s.error, s.ended_at
      FROM step s WHERE s.task = n.task AND s.act = n.act AND s.seq = n.seq
    UNION ALL SELECT n.task, w.seq, n.act, w.status::int, w.value, NULL, w.error, w.ended_at
      FROM wait w WHERE w.task = n.task AND w.act = n.act AND w.seq = n.seq
  ) e ON n.kind = ${noticeKinds.delivery} ORDER BY n.id`;

/** null: what it was about is gone (its task began anew, or was deleted). */
export function noticeOf(r: RawNotice): Notice | null {
  const task = r.task as number;
  switch (r.kind) {
    case noticeKinds.delivery: {
      if (r.end) return { id: r.id, kind: "delivery", delivery: deliveryRow(decoded(r.end)) };
      if (!r.cancel) return null;
      const error = new FlotillaError("FLOTILLA_CANCELED", { by: decodeText(r.cancel.cancel_reason ?? "") }).toJSON();
      const { cancel_seq: seq, cancel_at: at } = r.cancel;
      const delivery = { parent: task, seq, act: 0, status: "canceled", value: null, ref: null, error, at } as const;
      return { id: r.id, kind: "delivery", delivery };
    }
    case noticeKinds.closed: {
      const detail = JSON.parse(decodeText(r.detail ?? "{}")) as Pick<ClosedNotice, "status" | "error" | "reason">;
      return { id: r.id, kind: "closed", task, leaseNo: r.lease_no as number, ...detail };
    }
    case noticeKinds.question:
      return { id: r.id, kind: "question", task, ...(JSON.parse(decodeText(r.detail ?? "{}")) as Omit<Question, "task">) };
    case noticeKinds.answer:
      return { id: r.id, kind: "answer", ...(JSON.parse(decodeText(r.detail ?? "{}")) as Answered) };
    default:
      return null;
  }
}

/** Texts inside JSON have not come through the driver's own decoding. */
function decoded(r: RawSettled): RawSettled {
  const text = (value: string | null) => (value === null ? null : decodeText(value));
  return { ...r, value: text(r.value), ref: text(r.ref), error: text(r.error) };
}

export interface NewNotice {
  readonly boot: number;
  readonly kind: (typeof noticeKinds)[keyof typeof noticeKinds];
  readonly task: number | null;
  readonly leaseNo: number | null;
  readonly seq: number | null;
  readonly act: number | null;
  readonly detail: string | null;
}

/**
 * They are read in this order. Those for lives that have ended are dropped: nobody would read them. Answers (boot): the lives
 * that have something to read now.
 */
export function noticesStatement(notices: readonly NewNotice[]): Statement {
  const column = <K extends keyof NewNotice>(key: K) => notices.map((n) => n[key]);
  return {
    text: `INSERT INTO notice (boot, kind, task, lease_no, seq, act, detail)
     SELECT n.boot, n.kind, n.task, n.lease_no, n.seq, n.act, n.detail
     FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::int[], $5::int[], $6::int[], $7::text[])
       WITH ORDINALITY n(boot, kind, task, lease_no, seq, act, detail, nth)
     WHERE EXISTS (SELECT 1 FROM orchestrator o WHERE o.id = n.boot) ORDER BY n.nth RETURNING boot`,
    params: [column("boot"), column("kind"), column("task"), column("leaseNo"), column("seq"), column("act"), column("detail")],
  };
}

/** @returns the lives that have something to read now. */
export async function writeNotices(tx: Sql, notices: readonly NewNotice[]): Promise<readonly number[]> {
  if (notices.length === 0) return [];
  const { text, params } = noticesStatement(notices);
  const rows = await tx.rows<{ boot: number }>(text, params);
  return [...new Set(rows.map((r) => r.boot))];
}

/** The same for deliveries to tasks that another life than `boot` holds. Many go to one parent, which is looked for once. */
export function deliveryNotices(boot: number, deliveries: readonly StoredDelivery[]): Statement {
  return {
    text: `INSERT INTO notice (boot, kind, task, lease_no, seq, act)
     SELECT h.orchestrator, ${noticeKinds.delivery}, h.task, h.lease_no, d.seq, d.act
     FROM (SELECT r.task, r.lease_no, r.orchestrator FROM unnest($2::bigint[]) p(task)
       JOIN running r ON r.task = p.task AND r.orchestrator <> $1::bigint JOIN orchestrator o ON o.id = r.orchestrator) h
     JOIN unnest($3::bigint[], $4::int[], $5::int[]) d(task, seq, act) ON d.task = h.task ORDER BY d.seq RETURNING boot`,
    params: [
      boot,
      ints([...new Set(deliveries.map((d) => d.parent))]),
      ints(deliveries.map((d) => d.parent)),
      ints(deliveries.map((d) => d.seq)),
      ints(deliveries.map((d) => d.act)),
    ],
  };
}
