import type { Requeue } from "../contract.ts";
import { delayedLane, parkedLane } from "./depth.ts";
import { renewGate } from "./gates.ts";
import { errorText } from "./rows.ts";
import { ints, texts } from "./values.ts";
import { addTo, type Writing } from "./writing.ts";

const places = { ready: 0, delayed: 1, held: 2, parked: 3, continued: 4 } as const;

const columns =
  "n, task, lease_no, lane, prio, pass, attempt, worker, started_at, how, error, micro_usd, input_tokens, output_tokens, place, due_at, next_attempt, crashes, alone, reason";

/**
 * The row in `running` is the fence. `goes`: a task that was to be parked is ready when something has settled for it, and
 * so is one that begins anew.
 */
const requeue = `WITH q AS (SELECT * FROM unnest($3::int[], $4::bigint[], $5::int[], $6::bigint[], $7::smallint[], $8::bigint[], $9::int[], $10::bigint[],
    $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::bigint[], $17::smallint[], $18::bigint[], $19::int[], $20::int[],
    $21::smallint[], $22::text[]) q(${columns})),
  won AS (DELETE FROM running r USING q WHERE r.task = q.task AND r.lease_no = q.lease_no AND r.orchestrator = $1::bigint RETURNING q.*),
  x AS (SELECT won.*, CASE WHEN won.place = ${places.parked} AND g.armed IS DISTINCT FROM 1 OR won.place = ${places.continued}
      THEN ${places.ready} ELSE won.place END AS goes FROM won LEFT JOIN gate g ON g.task = won.task),
  h AS (INSERT INTO attempt (task, lease_no, attempt, worker, started_at, ended_at, how, error, micro_usd, input_tokens, output_tokens)
    SELECT task, lease_no, attempt, worker, started_at, $2::bigint, how, error, micro_usd, input_tokens, output_tokens FROM x),
  g AS (UPDATE gate SET armed = CASE WHEN x.place <> ${places.parked} THEN 0 WHEN x.goes = ${places.parked} THEN 2 ELSE armed END
    FROM x WHERE gate.task = x.task),
  r AS (INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
    SELECT lane, prio, pass, task, lease_no, next_attempt, crashes, alone, $2::bigint FROM x WHERE goes = ${places.ready}),
  d AS (INSERT INTO delayed (due_at, task, lane, prio, pass, lease_no, attempt, crashes, alone)
    SELECT due_at, task, lane, prio, pass, lease_no, next_attempt, crashes, alone FROM x WHERE goes = ${places.delayed}),
  e AS (INSERT INTO held (task, reason, error, since, lease_no, attempt, crashes)
    SELECT task, reason, error, $2::bigint, lease_no, next_attempt, crashes FROM x WHERE goes = ${places.held}),
  p AS (INSERT INTO parked (task, lease_no, attempt, crashes, since)
    SELECT task, lease_no, next_attempt, crashes, $2::bigint FROM x WHERE goes = ${places.parked})
  SELECT n, goes FROM x`;

/** Ends attempts whose task goes on: a row of history, and the task back to where it waits. The lease number never resets. */
export async function writeRequeues(w: Writing, requeues: readonly Requeue[]): Promise<void> {
  if (requeues.length === 0) return;
  const seen = new Set<string>();
  const first = requeues
    .map((r, n) => ({ r, n }))
    .filter(({ r }) => {
      const key = `${r.lease.task}:${r.lease.leaseNo}`;
      return !seen.has(key) && seen.add(key);
    });
  const number = (of: (r: Requeue) => number | null) => ints(first.map(({ r }) => of(r)));
  const text = (of: (r: Requeue) => string | null) => texts(first.map(({ r }) => of(r)));
  const pinned = first.filter(({ r }) => r.pin);
  if (pinned.length > 0)
    w.tx.later(
      `UPDATE task SET lane = p.lane FROM unnest($2::bigint[], $3::int[], $4::bigint[]) p(task, lease_no, lane)
       JOIN running r ON r.task = p.task AND r.lease_no = p.lease_no AND r.orchestrator = $1::bigint WHERE task.id = p.task`,
      [
        w.boot,
        ints(pinned.map(({ r }) => r.lease.task)),
        ints(pinned.map(({ r }) => r.lease.leaseNo)),
        ints(pinned.map(({ r }) => r.lane)),
      ],
    );
  const begun: Requeue[] = [];
  w.tx.later<{ n: number; goes: number }>(
    requeue,
    [
      w.boot,
      w.now,
      ints(first.map(({ n }) => n)),
      number((r) => r.lease.task),
      number((r) => r.lease.leaseNo),
      number((r) => r.lane),
      number((r) => r.prio),
      number((r) => r.pass),
      number((r) => r.attempt),
      number((r) => r.worker),
      number((r) => r.startedAt),
      text((r) => r.how),
      text((r) => errorText(r.error)),
      number((r) => r.spent?.microUsd ?? null),
      number((r) => r.spent?.inputTokens ?? null),
      number((r) => r.spent?.outputTokens ?? null),
      number((r) => places[r.next.to]),
      number((r) => (r.next.to === "delayed" ? r.next.dueAt : null)),
      number((r) => (r.next.to === "continued" ? 0 : r.next.attempt)),
      number((r) => (r.next.to === "continued" ? 0 : r.next.crashes)),
      number((r) => ("alone" in r.next && r.next.alone ? 1 : 0)),
      text((r) => (r.next.to === "held" ? r.next.reason : null)),
    ],
    (rows) => {
      const went = new Map(rows.map((row) => [row.n, row.goes]));
      for (const [n, r] of requeues.entries()) {
        const goes = went.get(n);
        if (goes === undefined) w.fenced.push(r.lease);
        else requeued(w, r, goes);
        if (goes !== undefined && r.next.to === "continued") begun.push(r);
      }
    },
  );
  if (!requeues.some((r) => r.next.to === "continued")) return;
  await w.tx.flush();
  for (const r of begun) await begin(w, r);
}

function requeued(w: Writing, r: Requeue, goes: number): void {
  const { next, lane, prio, pass } = r;
  if (goes === places.ready) addTo(w.depth, lane, 1);
  else if (goes === places.delayed) addTo(w.depth, delayedLane, 1);
  else if (goes === places.parked) addTo(w.depth, parkedLane, 1);
  if (goes === places.ready && next.to !== "ready") {
    const standing = next.to === "continued" ? { attempt: 0, crashes: 0 } : { attempt: next.attempt, crashes: next.crashes };
    w.woken.push({ lane, prio, pass, ...r.lease, ...standing, alone: false, since: w.now });
  }
  w.runs.spend(r.run, r.spent);
  if (!r.isRoot && (r.how === "failed" || r.how === "timeout")) w.runs.count(r.run, r.definition, "retried");
}

/** The same task anew. */
async function begin(w: Writing, r: Requeue): Promise<void> {
  if (r.next.to !== "continued") return;
  const { task } = r.lease;
  await renewGate(w, task, r.next.seen);
  w.tx.later(
    `INSERT INTO continued (task, first_input, generation, base_act)
     SELECT t.id, t.input, 1, coalesce(g.base_act, 0) FROM task t LEFT JOIN gate g ON g.task = t.id WHERE t.id = $1
     ON CONFLICT (task) DO UPDATE SET generation = continued.generation + 1, base_act = excluded.base_act`,
    [task],
  );
  w.tx.later("UPDATE task SET input = $1, options = $2 WHERE id = $3", [r.next.input, r.next.options, task]);
}
