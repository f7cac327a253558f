import type { Claim } from "../contract.ts";
import { ints } from "./values.ts";
import { addTo, type Writing } from "./writing.ts";

const claim = `WITH c AS (SELECT * FROM unnest($3::int[], $4::bigint[], $5::smallint[], $6::bigint[], $7::bigint[], $8::int[], $9::bigint[], $10::int[],
    $11::int[], $12::smallint[]) c(n, lane, prio, pass, task, lease_no, worker, attempt, crashes, alone)),
  gone AS (DELETE FROM ready r USING c WHERE r.lane = c.lane AND r.prio = c.prio AND r.pass = c.pass AND r.task = c.task AND r.lease_no = c.lease_no
    RETURNING c.*),
  i AS (INSERT INTO running (task, lease_no, top, orchestrator, worker, attempt, crashes, alone, claimed_at)
    SELECT task, lease_no + 1, lease_no + 1, $1::bigint, worker, attempt + 1, crashes, alone, $2::bigint FROM gone)
  SELECT n FROM gone`;

/** Moves ready tasks to running. A row that is gone (canceled meanwhile), or has had another lease since, is skipped and reported. */
export function writeClaims(w: Writing, claims: readonly Claim[]): void {
  if (claims.length === 0) return;
  // Of two equal claims the first one takes the row.
  const seen = new Set<string>();
  const first = claims
    .map((c, n) => ({ c, n }))
    .filter(({ c }) => {
      const key = `${c.task}:${c.leaseNo}:${c.lane}:${c.prio}:${c.pass}`;
      return !seen.has(key) && seen.add(key);
    });
  const column = (of: (c: Claim) => number) => ints(first.map(({ c }) => of(c)));
  w.tx.later<{ n: number }>(
    claim,
    [
      w.boot,
      w.now,
      ints(first.map(({ n }) => n)),
      column((c) => c.lane),
      column((c) => c.prio),
      column((c) => c.pass),
      column((c) => c.task),
      column((c) => c.leaseNo),
      column((c) => c.worker),
      column((c) => c.attempt),
      column((c) => c.crashes),
      column((c) => (c.alone ? 1 : 0)),
    ],
    (rows) => {
      const taken = new Set(rows.map((r) => r.n));
      for (const [n, c] of claims.entries())
        if (taken.has(n)) addTo(w.depth, c.lane, -1);
        else w.unclaimed.push({ task: c.task, leaseNo: c.leaseNo });
    },
  );
}
