// Who uses which artifact, in the transaction of what refers to it.
import type { Batch, Lease, NewTask } from "../contract.ts";
import type { ArtifactUse } from "../upkeep.ts";
import { textUses, usesStatements } from "./upkeep/uses.ts";
import type { Writing } from "./writing.ts";

/** What a batch refers to: results and steps that became artifacts, and inputs that name one. `runOf`: of tasks that get messages. */
export function writeUses(w: Writing, batch: Batch, runOf: ReadonlyMap<number, number>): void {
  const uses: ArtifactUse[] = [];
  const fenced = (lost: readonly Lease[], l: Lease) => lost.some((f) => f.task === l.task && f.leaseNo === l.leaseNo);
  for (const s of batch.settles) if (s.ref !== null && !fenced(w.fenced, s.lease)) uses.push({ hash: s.ref, run: s.run });
  for (const acts of batch.acts) {
    if (fenced(w.fencedActs, acts.lease)) continue;
    for (const r of acts.stepResults) if (r.ref !== null) uses.push({ hash: r.ref, run: acts.run });
    for (const child of acts.children) textUses(child.input, child.run, uses);
  }
  for (let i = 0; i < batch.tasks.length; i++) {
    const task = batch.tasks[i] as NewTask;
    if (w.existing.has(i)) continue;
    // What a run takes over from another may refer to anything of that: it uses all of it.
    if (task.origin)
      w.tx.later("INSERT INTO artifact_use (hash, run) SELECT hash, $1 FROM artifact_use WHERE run = $2 ON CONFLICT DO NOTHING", [
        task.run,
        task.origin.run,
      ]);
    textUses(task.input, task.run, uses);
  }
  for (const r of batch.requeues)
    if (r.next.to === "continued" && !fenced(w.fenced, r.lease)) textUses(r.next.input, r.run, uses);
  // A value that one run gives to a task of another: the receiver's run uses it too.
  const given = (task: number, value: string | null) => {
    const run = runOf.get(task);
    if (run !== undefined) textUses(value, run, uses);
  };
  for (const m of batch.messages) given(m.task, m.value);
  for (const a of batch.answers) given(a.task, a.value);
  for (const acts of batch.acts) for (const s of acts.sends) if (s.to && "task" in s.to) given(s.to.task, s.value);
  for (const { text, params } of usesStatements(uses)) w.tx.later(text, params);
}
