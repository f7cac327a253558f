// Who uses which artifact, in the transaction of what refers to it.
import type { Batch, Lease, NewTask } from "../../contract.ts";
import type { ArtifactUse } from "../../upkeep.ts";
import type { Statements } from "../statements.ts";
import type { Writing } from "../writing.ts";

/** How a reference looks in JSON; Ref in core/context.ts. A text that only looks like one keeps a file too long, never loses one. */
const mark = '"$artifact":"';
/** `{"$artifact":"<64 letters>"}`: most inputs are shorter, and are not read for it. */
const leastLength = 79;
const reference = /"\$artifact":"([0-9a-f]{64})"/g;

/** What a batch refers to: results and steps that became artifacts, and inputs that name one. */
export function writeUses(w: Writing, batch: Batch): void {
  const uses: ArtifactUse[] = [];
  const fenced = (lost: readonly Lease[], l: Lease) => lost.some((f) => f.task === l.task && f.leaseNo === l.leaseNo);
  for (const s of batch.settles) if (s.ref !== null && !fenced(w.fenced, s.lease)) uses.push({ hash: s.ref, run: s.run });
  for (const acts of batch.acts) {
    if (fenced(w.fencedActs, acts.lease)) continue;
    for (const r of acts.stepResults) if (r.ref !== null) uses.push({ hash: r.ref, run: acts.run });
    for (const child of acts.children) if (child.input.length >= leastLength) textUses(child.input, child.run, uses);
  }
  for (let i = 0; i < batch.tasks.length; i++) {
    const task = batch.tasks[i] as NewTask;
    // What a run takes over from another may refer to anything of that: it uses all of it.
    if (task.origin && !w.existing.has(i))
      w.sql.run(
        "INSERT OR IGNORE INTO artifact_use (hash, run) SELECT hash, ? FROM artifact_use WHERE run = ?",
        task.run,
        task.origin.run,
      );
    if (task.input.length >= leastLength && !w.existing.has(i)) textUses(task.input, task.run, uses);
  }
  for (const r of batch.requeues)
    if (r.next.to === "continued" && !fenced(w.fenced, r.lease)) textUses(r.next.input, r.run, uses);
  messageUses(w, batch, uses);
  insertUses(w.sql, uses);
}

/** A value that one run gives to a task of another: the receiver's run uses it too. */
function messageUses(w: Writing, batch: Batch, uses: ArtifactUse[]): void {
  const runOf = (task: number) => w.sql.row<{ run: number }>("SELECT run FROM task WHERE id = ?", task)?.run;
  const given = (task: number, value: string | null) => {
    if (value === null || !value.includes(mark)) return;
    const run = runOf(task);
    if (run !== undefined) textUses(value, run, uses);
  };
  for (const m of batch.messages) given(m.task, m.value);
  for (const a of batch.answers) given(a.task, a.value);
  for (const acts of batch.acts) for (const s of acts.sends) if (s.to && "task" in s.to) given(s.to.task, s.value);
}

function textUses(text: string, run: number, uses: ArtifactUse[]): void {
  if (!text.includes(mark)) return;
  for (const [, hash] of text.matchAll(reference)) uses.push({ hash: hash as string, run });
}

export function insertUses(sql: Statements, uses: readonly ArtifactUse[]): void {
  for (const { hash, run } of uses) sql.run("INSERT OR IGNORE INTO artifact_use (hash, run) VALUES (?,?)", hash, run);
}
