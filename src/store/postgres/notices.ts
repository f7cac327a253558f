// What is written for the life that holds an attempt, by whoever changes what that attempt waits for.
import { FlotillaError } from "../../core/error.ts";
import { outcomeCode } from "../../core/task.ts";
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

export interface RawNotice {
  readonly id: number;
  readonly kind: number;
  readonly task: number | null;
  readonly lease_no: number | null;
  readonly seq: number | null;
  readonly act: number | null;
  readonly detail: string | null;
}

/** The oldest notices of life `$1`, `$2` of them at most. */
export const noticesOf = `SELECT id, kind, task, lease_no, seq, act, detail FROM notice WHERE boot = $1 ORDER BY id LIMIT $2`;

/** What has settled, or how a task's code was told that it is being canceled (act 0), by (task, seq). */
type Ends = ReadonlyMap<string, StoredDelivery>;

/**
 * What deliveries are about. Notices are many, and say only (task, seq, act). Without parameters, so that it is planned for the
 * tables as they are now: a plan that was made while they were empty would read all of them for each notice.
 */
async function readEnds(sql: Sql, notices: readonly RawNotice[]): Promise<Ends> {
  const wanted = notices.filter((n) => n.kind === noticeKinds.delivery && n.task !== null && n.seq !== null && n.act !== null);
  if (wanted.length === 0) return new Map();
  const list = (key: "task" | "seq" | "act") => `'{${wanted.map((n) => Number(n[key])).join(",")}}'`;
  const rows = await sql.rows<RawSettled & { cancelReason: string | null }>(
    `WITH w AS MATERIALIZED (SELECT * FROM unnest(${list("task")}::bigint[], ${list("seq")}::int[], ${list("act")}::int[]) w(task, seq, act))
     SELECT w.task AS parent, w.seq, w.act, o.status::int AS status, o.value, o.ref, o.error, o.finished_at AS at, NULL AS "cancelReason"
       FROM w JOIN task t ON t.parent = w.task AND t.act = w.act JOIN outcome o ON o.task = t.id AND o.seq = w.seq
     UNION ALL SELECT w.task, w.seq, w.act, CASE WHEN s.error IS NULL THEN 0 ELSE 1 END, s.value, s.ref, s.error, s.ended_at, NULL
       FROM w JOIN step s ON s.task = w.task AND s.act = w.act AND s.seq = w.seq
     UNION ALL SELECT w.task, w.seq, w.act, x.status::int, x.value, NULL, x.error, x.ended_at, NULL
       FROM w JOIN wait x ON x.task = w.task AND x.act = w.act AND x.seq = w.seq
     UNION ALL SELECT w.task, w.seq, 0, ${outcomeCode("canceled")}, NULL, NULL, NULL, g.cancel_at, coalesce(g.cancel_reason, '')
       FROM w JOIN gate g ON g.task = w.task AND g.cancel_seq = w.seq WHERE w.act = 0`,
  );
  return new Map(
    rows.map(({ cancelReason, ...r }) => {
      const delivery = deliveryRow(r);
      const error =
        cancelReason === null ? delivery.error : new FlotillaError("FLOTILLA_CANCELED", { by: cancelReason }).toJSON();
      return [`${r.parent} ${r.seq}`, { ...delivery, error }];
    }),
  );
}

/** Those that still mean something, in their order, and the ids of the others. */
export async function readNotices(
  sql: Sql,
  raw: readonly RawNotice[],
): Promise<{ readonly notices: readonly Notice[]; readonly gone: readonly number[] }> {
  const ends = await readEnds(sql, raw);
  const read = raw.map((r) => ({ id: r.id, notice: noticeOf(r, ends) }));
  return {
    notices: read.map((n) => n.notice).filter((n) => n !== null),
    gone: read.filter((n) => n.notice === null).map((n) => n.id),
  };
}

/** null: what it was about is gone (its task began anew, or was deleted). */
function noticeOf(r: RawNotice, ends: Ends): Notice | null {
  const task = r.task as number;
  switch (r.kind) {
    case noticeKinds.delivery: {
      const delivery = ends.get(`${r.task} ${r.seq}`);
      return delivery ? { id: r.id, kind: "delivery", delivery } : null;
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
