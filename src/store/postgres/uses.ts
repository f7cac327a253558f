// Who uses which artifact, in the transaction of what refers to it.
import type { Batch, Lease, NewTask } from "../contract.ts";
import type { ArtifactUse } from "../upkeep.ts";
import type { Sql } from "./sql.ts";
import { ints, texts } from "./values.ts";
import type { Writing } from "./writing.ts";

/** How a reference looks in JSON; Ref in core/context.ts. A text that only looks like one keeps a file too long, never loses one. */
const mark = '"$artifact":"';
/** `{"$artifact":"<64 letters>"}`: most inputs are shorter, and are not read for it. */
const leastLength = 79;
const reference = /"\$artifact":"([0-9a-f]{64})"/g;

/** What a batch refers to: results and steps that became artifacts, and inputs that name one. `runOf`: of tasks that get messages. */
export function writeUses(w: Writing, batch: Batch, runOf: ReadonlyMap<number, number>): void {
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
    if (w.existing.has(i)) continue;
    // What a run takes over from another may refer to anything of that: it uses all of it.
    if (task.origin)
      w.tx.later("INSERT INTO artifact_use (hash, run) SELECT hash, $1 FROM artifact_use WHERE run = $2 ON CONFLICT DO NOTHING", [
        task.run,
        task.origin.run,
      ]);
    if (task.input.length >= leastLength) textUses(task.input, task.run, uses);
  }
  for (const r of batch.requeues)
    if (r.next.to === "continued" && !fenced(w.fenced, r.lease)) textUses(r.next.input, r.run, uses);
  // A value that one run gives to a task of another: the receiver's run uses it too.
  const given = (task: number, value: string | null) => {
    const run = runOf.get(task);
    if (value !== null && run !== undefined) textUses(value, run, uses);
  };
  for (const m of batch.messages) given(m.task, m.value);
  for (const a of batch.answers) given(a.task, a.value);
  for (const acts of batch.acts) for (const s of acts.sends) if (s.to && "task" in s.to) given(s.to.task, s.value);
  if (uses.length > 0) w.tx.later(insert, [texts(uses.map((u) => u.hash)), ints(uses.map((u) => u.run))]);
}

function textUses(text: string, run: number, uses: ArtifactUse[]): void {
  if (!text.includes(mark)) return;
  for (const [, hash] of text.matchAll(reference)) uses.push({ hash: hash as string, run });
}

const insert = `INSERT INTO artifact_use (hash, run) SELECT DISTINCT u.hash, u.run FROM unnest($1::text[], $2::bigint[]) u(hash, run)
  ORDER BY u.run, u.hash ON CONFLICT DO NOTHING`;

export async function insertUses(sql: Sql, uses: readonly ArtifactUse[]): Promise<void> {
  if (uses.length > 0) await sql.run(insert, [texts(uses.map((u) => u.hash)), ints(uses.map((u) => u.run))]);
}
