import type { Settlement } from "../../../src/store/contract.ts";
import { need } from "./disk.ts";
import { dropExpiries } from "./expiries.ts";
import { closeGate, tellOfChild } from "./gates.ts";
import { countEnd, spend } from "./runs.ts";
import { holdsLease, type Writing } from "./writing.ts";

/**
 * Ends tasks: only whoever holds the lease does. All of a batch end at one moment, so a parent that ends beside its
 * child is not told of it.
 */
export function writeSettles(w: Writing, settles: readonly Settlement[]): void {
  const won: Settlement[] = [];
  for (const s of settles) {
    if (!holdsLease(w, s.lease)) {
      w.fenced.push(s.lease);
      continue;
    }
    w.rows.places.delete(s.lease.task);
    dropExpiries(w, s.lease.task);
    closeGate(w, s.lease.task, "its parent has ended");
    won.push(s);
  }
  for (const s of won) {
    const { row } = need(w.rows.tasks, s.lease.task);
    const { status, attempt, worker, startedAt, value, ref, error, spent, gaps } = s;
    const told = { act: row.act as number, status, value, ref, error };
    const seq = row.parent === null || row.detached ? null : tellOfChild(w, row.parent, told);
    w.rows.places.set(row.id, {
      in: "outcome",
      outcome: {
        task: row.id,
        leaseNo: s.lease.leaseNo,
        status,
        attempt,
        worker,
        seq,
        startedAt,
        finishedAt: w.now,
        value,
        ref,
        error,
        spent,
        gaps,
      },
    });
    spend(w, row.run, spent);
    countEnd(w, row, status);
  }
}
