import { outcomeCode } from "../../core/task.ts";
import type { Settlement } from "../contract.ts";
import { closeGatesOf, unparkWoken, waking } from "./gates.ts";
import { errorText } from "./rows.ts";
import { ints, texts } from "./values.ts";
import type { Writing } from "./writing.ts";

const held = "JOIN running r ON r.task = l.task AND r.lease_no = l.lease_no AND r.orchestrator";

const closeHeld = closeGatesOf(`SELECT l.task FROM unnest($4::bigint[], $5::int[]) l(task, lease_no) ${held} = $6::bigint`);
const dropHeld = `DELETE FROM expiry e USING unnest($1::bigint[], $2::int[]) l(task, lease_no) ${held} = $3::bigint WHERE e.task = l.task`;

const columns =
  "n, task, lease_no, status, attempt, worker, started_at, value, ref, error, micro_usd, input_tokens, output_tokens, gaps, parent, act";
/** The row in `running` is the fence. */
const won = `s AS (SELECT * FROM unnest($3::int[], $4::bigint[], $5::int[], $6::smallint[], $7::int[], $8::bigint[], $9::bigint[], $10::text[],
    $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[], $17::bigint[], $18::int[]) s(${columns})),
  won AS (DELETE FROM running r USING s WHERE r.task = s.task AND r.lease_no = s.lease_no AND r.orchestrator = $1::bigint RETURNING s.*)`;
const outcome = (
  seq: string,
) => `o AS (INSERT INTO outcome (task, lease_no, status, attempt, worker, seq, started_at, finished_at, value, ref, error,
    micro_usd, input_tokens, output_tokens, gaps)
    SELECT task, lease_no, status, attempt, worker, ${seq}, started_at, $2::bigint, value, ref, error, micro_usd, input_tokens, output_tokens, gaps FROM`;

const settleRoots = `WITH ${won}, ${outcome("NULL")} won) SELECT n, NULL::int AS seq FROM won`;
/** Children take the next places in their parents' order. */
const settleChildren = `WITH ${won},
  q AS (SELECT won.*, g.task AS waiting, CASE WHEN g.task IS NOT NULL
      THEN (g.last_seq + row_number() OVER (PARTITION BY g.task ORDER BY won.n))::int END AS seq
    FROM won LEFT JOIN gate g ON g.task = won.parent AND g.base_act < won.act),
  u AS (UPDATE gate SET last_seq = last_seq + c.n, remaining = remaining - c.n, armed = ${waking}
    FROM (SELECT waiting, count(*)::int AS n FROM q WHERE waiting IS NOT NULL GROUP BY waiting) c WHERE task = c.waiting),
  ${outcome("seq")} q) SELECT n, seq FROM q`;

/** Ends tasks. Only an attempt whose lease row is still there writes an outcome. */
export function writeSettles(w: Writing, settles: readonly Settlement[]): void {
  if (settles.length === 0) return;
  // Gates and expiries go first, of whoever will win: a parent that ends in this batch gives out no places in its order.
  const gated = settles.filter((s) => s.hasGate);
  if (gated.length > 0)
    w.tx.later(closeHeld, [
      "its parent has ended",
      w.now,
      1,
      ints(gated.map((s) => s.lease.task)),
      ints(gated.map((s) => s.lease.leaseNo)),
      w.boot,
    ]);
  const bound = settles.filter((s) => s.expires);
  if (bound.length > 0)
    w.tx.later(dropHeld, [ints(bound.map((s) => s.lease.task)), ints(bound.map((s) => s.lease.leaseNo)), w.boot]);

  // Of two ends of one attempt the first one counts.
  const seen = new Set<string>();
  const first = settles
    .map((s, n) => ({ s, n }))
    .filter(({ s }) => {
      const key = `${s.lease.task}:${s.lease.leaseNo}`;
      return !seen.has(key) && seen.add(key);
    });
  const number = (of: (s: Settlement) => number | null) => ints(first.map(({ s }) => of(s)));
  const text = (of: (s: Settlement) => string | null) => texts(first.map(({ s }) => of(s)));
  const ordered = (s: Settlement) => s.parent !== null && !s.detached;
  const parents = new Set(first.flatMap(({ s }) => (ordered(s) ? [s.parent as number] : [])));
  w.tx.later<{ n: number; seq: number | null }>(
    parents.size > 0 ? settleChildren : settleRoots,
    [
      w.boot,
      w.now,
      ints(first.map(({ n }) => n)),
      number((s) => s.lease.task),
      number((s) => s.lease.leaseNo),
      number((s) => outcomeCode(s.status)),
      number((s) => s.attempt),
      number((s) => s.worker),
      number((s) => s.startedAt),
      text((s) => s.value),
      text((s) => s.ref),
      text((s) => errorText(s.error)),
      number((s) => s.spent?.microUsd ?? null),
      number((s) => s.spent?.inputTokens ?? null),
      number((s) => s.spent?.outputTokens ?? null),
      text((s) => s.gaps),
      number((s) => (ordered(s) ? s.parent : null)),
      number((s) => s.act),
    ],
    (rows) => {
      const seqs = new Map(rows.map((r) => [r.n, r.seq]));
      for (const [n, s] of settles.entries()) {
        const seq = seqs.get(n);
        if (seq === undefined) w.fenced.push(s.lease);
        else settled(w, s, seq);
      }
    },
  );
  unparkWoken(w, [...parents]);
}

function settled(w: Writing, s: Settlement, seq: number | null): void {
  if (seq !== null)
    w.deliveries.push({
      parent: s.parent as number,
      seq,
      act: s.act as number,
      status: s.status,
      value: s.value,
      ref: s.ref,
      error: s.error,
      at: w.now,
    });
  w.runs.spend(s.run, s.spent);
  if (s.parent !== null) w.runs.settled(s.run, s.definition, s.lease.task, s.status);
  else w.webhooks.finished(s.run, s.status, s.error);
}
