import { outcomeCode } from "../../core/task.ts";
import type { Settlement } from "../contract.ts";
import { closeGate, takeChildSeqs } from "./gates.ts";
import type { Writing } from "./writing.ts";
import { errorText, spendValues } from "./rows.ts";
import type { Value } from "./statements.ts";
import { dropExpiries } from "./terms.ts";

/** Ends tasks. Only an attempt whose lease row is still there writes an outcome: the row is the fence. */
export function writeSettles(w: Writing, settles: readonly Settlement[]): void {
  if (settles.length === 0) return;
  const won: Settlement[] = [];
  const byParent = new Map<number, Settlement[]>();
  for (const s of settles) {
    if (w.sql.run("DELETE FROM running WHERE task = ? AND lease_no = ?", s.lease.task, s.lease.leaseNo) === 0) {
      w.fenced.push(s.lease);
      continue;
    }
    won.push(s);
    if (s.expires) dropExpiries(w, s.lease.task);
    if (s.hasGate) closeGate(w, s.lease.task, "its parent has ended");
    if (s.parent !== null && !s.detached) {
      const siblings = byParent.get(s.parent);
      if (siblings) siblings.push(s);
      else byParent.set(s.parent, [s]);
    }
  }
  const seqs = new Map<number, number>();
  for (const [parent, siblings] of byParent) {
    const places = takeChildSeqs(
      w,
      parent,
      siblings.map((s) => s.act as number),
    );
    for (const [i, s] of siblings.entries()) {
      const seq = places[i];
      if (seq === null || seq === undefined) continue;
      seqs.set(s.lease.task, seq);
      w.deliveries.push({
        parent,
        seq,
        act: s.act as number,
        status: s.status,
        value: s.value,
        ref: s.ref,
        error: s.error,
        at: w.now,
      });
    }
  }
  const flat: Value[] = [];
  for (const s of won) {
    flat.push(
      s.lease.task,
      s.lease.leaseNo,
      outcomeCode(s.status),
      s.attempt,
      s.worker,
      seqs.get(s.lease.task) ?? null,
      s.startedAt,
      w.now,
      s.value,
      s.ref,
      errorText(s.error),
      ...spendValues(s.spent),
      s.gaps,
    );
    w.runs.spend(s.run, s.spent);
    if (s.parent !== null) w.runs.settled(s.run, s.definition, s.lease.task, s.status);
    else w.webhooks.finished(s.run, s.status, s.error);
  }
  w.tables.outcome.insert(flat);
}
