// One batch, one transaction, in the order of the contract. Each file beside this one does one noun's part.
//
// The run is the unit of locking: whoever changes anything that belongs to a run holds its root's row in `task`. All runs of
// a batch are locked in its first statement, in the order of their ids; each later statement sees what is true by then. So
// within a run everything happens one after the other, as with the one writer of SQLite, and nobody waits in a circle. After
// the runs come schedules, in the order of their ids, then keys, in theirs.
import { FlotillaError } from "../../core/error.ts";
import { runId } from "../../core/id.ts";
import type { Batch, BatchResult, NewTask } from "../contract.ts";
import { writeActs } from "./acts.ts";
import { agenda, type Agenda } from "./boot.ts";
import { writeCancels } from "./cancels.ts";
import { writeClaims } from "./claims.ts";
import { settleCompleted } from "./completions.ts";
import { RunChanges } from "./counters.ts";
import { depthStatement } from "./depth.ts";
import { fireExpiries } from "./expiries.ts";
import { unpark } from "./gates.ts";
import { writeMessages } from "./messages.ts";
import { deliveryNotices, noticesStatement } from "./notices.ts";
import type { Notes } from "./notifier.ts";
import { takeRows } from "./outbox.ts";
import { writeRequeues } from "./requeues.ts";
import { findRuns, lookedAt, restartWhenFound } from "./runs-of.ts";
import { writeSettles } from "./settles.ts";
import { insertTasks, promoteDue, takeKeys, type AskedKey } from "./tasks.ts";
import { endTick, takeTicks } from "./ticks.ts";
import type { Statement } from "./sql.ts";
import { writeUses } from "./uses.ts";
import { ints } from "./values.ts";
import { endDueWaits, writeAnswers } from "./waits.ts";
import type { Entered, Writer } from "./writer.ts";
import { WebhookCalls } from "./webhook-calls.ts";
import type { Writing } from "./writing.ts";

/** `note`: is told what others may want to look at, when it is stored. */
export async function commitBatch(writer: Writer, batch: Batch, note: (notes: Notes) => void): Promise<BatchResult> {
  const { result, notes } = await writer.batch(batch.boot, (entered) => writeBatch(entered, batch));
  note(notes);
  return result;
}

async function writeBatch({ tx, number }: Entered, given: Batch): Promise<{ result: BatchResult; notes: Notes }> {
  const { runs, runOf, missing } = await findRuns(tx, given);
  const cursors = new Map<number, number>();
  tx.later<{ run: number; events: number }>(
    "SELECT run, events FROM enter($1, $2, $3)",
    [given.boot, number, ints([...runs])],
    (rows) => {
      for (const { run, events } of rows) cursors.set(run, events);
    },
  );
  const locked = new Set([...runs, ...given.tasks.map((t) => t.run)]);
  const writing: Writing = {
    tx,
    runs: new RunChanges(cursors, locked),
    webhooks: new WebhookCalls(given.webhooks),
    locked,
    now: given.now,
    boot: given.boot,
    fencedActs: [],
    fenced: [],
    unclaimed: [],
    deliveries: [],
    closed: [],
    due: [],
    woken: [],
    parked: [],
    unsent: new Map(),
    unanswered: new Set(),
    existing: new Map(),
    depth: new Map(),
    notices: [],
  };
  restartWhenFound(tx, missing, locked);
  await writeActs(writing, given.acts);
  const batch = await settleCompleted(writing, given);
  writeSettles(writing, batch.settles);
  await writeRequeues(writing, batch.requeues);
  // Before the due tasks: one that is due and too late at once is not run. Before the cancels: they go on below it.
  if (batch.dueSlice > 0) await fireExpiries(writing, batch.dueSlice, lookedAt(batch.dueSlice));
  await writeCancels(writing, batch.cancels, batch.cancelSlice);
  if (batch.dueSlice > 0) {
    await promoteDue(writing, batch.dueSlice, lookedAt(batch.dueSlice));
    await endDueWaits(writing, batch.dueSlice, lookedAt(batch.dueSlice));
  }
  await writeMessages(writing, batch.messages);
  await writeAnswers(writing, batch.answers);
  unpark(
    writing,
    batch.wakes.filter((task) => runOf.has(task)),
  );
  const ticked = await writeTasks(writing, batch);
  writeClaims(writing, batch.claims);

  let next: Agenda = { nextDueAt: null, nextTickAt: null, cancelsLeft: false };
  const looked = batch.dueSlice > 0;
  if (looked || batch.ticks.length > 0) tx.later<Agenda>(`SELECT ${agenda}`, [], ([row]) => (next = row ?? next));
  else
    tx.later<{ left: boolean }>(
      "SELECT EXISTS (SELECT 1 FROM cancel_job) AS left",
      [],
      ([row]) => (next = { ...next, cancelsLeft: row?.left === true }),
    );
  await tx.flush();
  return finish(writing, batch, runOf, number, {
    ticked,
    moreCancels: next.cancelsLeft,
    nextDueAt: looked ? next.nextDueAt : null,
    nextTickAt: looked || batch.ticks.length > 0 ? next.nextTickAt : undefined,
  });
}

/** New runs: those of ticks, then those that were asked for. Their keys are taken together. */
async function writeTasks(w: Writing, batch: Batch): Promise<BatchResult["ticked"]> {
  const ticks = await takeTicks(w, batch.ticks);
  await takeOutbox(w, batch.tasks);
  const asks = [
    ...ticks.flatMap((t) => t.asks.map((ask) => ({ ask, index: -1 }))),
    ...batch.tasks.flatMap((task, index) =>
      task.idempotency && !w.existing.has(index) ? [{ ask: { task, ...task.idempotency } satisfies AskedKey, index }] : [],
    ),
  ];
  const started = new Map(ticks.flatMap((t) => t.asks.map(({ task }) => [task.id, task])));
  const lost = new Set<number>();
  if (asks.length > 0) {
    const owners = await takeKeys(
      w,
      asks.map(({ ask }) => ask),
    );
    for (const [i, owner] of owners) {
      const { ask, index } = asks[i] as (typeof asks)[number];
      lost.add(ask.task.id);
      // A tick of this same batch has it: its row comes before those of the tasks that were asked for.
      const sibling = index >= 0 ? started.get(owner.task) : undefined;
      if (index >= 0) w.existing.set(index, sibling ? { ...owner, secret: sibling.secret ?? "" } : owner);
    }
  }
  const ticked = ticks.map((t) => ({ t, started: t.asks.map((a) => a.task).filter((task) => !lost.has(task.id)) }));
  await insertTasks(
    w,
    ticked.flatMap(({ started }) => started),
  );
  const result = ticked.map(({ t, started }) =>
    endTick(
      w,
      t,
      started.map((task) => task.id),
    ),
  );
  await insertTasks(
    w,
    batch.tasks.filter((_, i) => !w.existing.has(i)),
  );
  await insertTasks(w, overtaken(w, batch.tasks, lost));
  return result;
}

/** Those whose rows are gone are runs already, or are about to be. */
async function takeOutbox(w: Writing, tasks: readonly NewTask[]): Promise<void> {
  const asked = tasks.filter((t) => t.outbox);
  if (asked.length === 0) return;
  const taken = await takeRows(w.tx, asked);
  for (const [index, t] of tasks.entries())
    if (t.outbox && !taken.has(t.id)) {
      const inputHash = t.idempotency?.inputHash ?? "";
      w.existing.set(index, { task: t.id, secret: t.secret ?? "", inputHash });
    }
}

/** Others got their keys after their transactions had asked for them: their ids are known, so they are stored as failed. */
function overtaken(w: Writing, tasks: readonly NewTask[], lost: ReadonlySet<number>): NewTask[] {
  return tasks.flatMap((t, index): NewTask[] => {
    const owner = t.outbox && lost.has(t.id) ? w.existing.get(index) : undefined;
    if (!owner) return [];
    // Of this same batch: its row is not there yet.
    const secret = owner.secret || (tasks.find((o) => o.id === owner.task)?.secret ?? "");
    const run = runId(secret, owner.task);
    const refused = new FlotillaError("FLOTILLA_IDEMPOTENCY_CONFLICT", {
      key: t.idempotency?.key ?? "",
      run,
      ...(owner.inputHash === t.idempotency?.inputHash && { overtook: true as const }),
    });
    return [{ ...t, refused: refused.toJSON(), claim: null, dueAt: null, terms: null, idempotency: null }];
  });
}

/** What is known only at the end: counts, events, what others are told. Needs no answer but that of COMMIT. */
function finish(
  w: Writing,
  batch: Batch,
  runOf: ReadonlyMap<number, number>,
  number: number,
  rest: Pick<BatchResult, "ticked" | "moreCancels" | "nextDueAt" | "nextTickAt">,
): { result: BatchResult; notes: Notes } {
  const { tx, boot } = w;
  const events = w.runs.write(tx);
  writeUses(w, batch, runOf);
  const boots = new Set<number>();
  const told = (rows: { boot: number }[]) => {
    for (const row of rows) boots.add(row.boot);
  };
  const send = (s: Statement | null) => s && tx.later(s.text, s.params, told);
  send(w.deliveries.length > 0 ? deliveryNotices(boot, w.deliveries) : null);
  send(w.notices.length > 0 ? noticesStatement(w.notices) : null);
  send(depthStatement(boot, w.depth));
  tx.later("UPDATE orchestrator SET last_batch = $2 WHERE id = $1", [boot, number]);
  const {
    tx: _tx,
    runs: _runs,
    webhooks: _webhooks,
    locked: _locked,
    now: _now,
    boot: _boot,
    depth: _depth,
    notices: _notices,
    ...gathered
  } = w;
  const lanes = [...w.depth].filter(([lane, by]) => lane > 0 && by > 0).map(([lane]) => lane);
  const ended = [...batch.settles.filter((s) => s.parent === null), ...w.closed.filter((c) => c.parent === null)];
  const result = { ...gathered, events, ...rest, webhookCalls: 0 };
  w.webhooks.write(tx, w.now, (count) => (result.webhookCalls = count));
  return {
    // `boots` and the calls of webhooks fill up until the answer of COMMIT.
    result,
    notes: { lanes, boots, runs: new Set([...events.map((e) => e.run), ...ended.map((s) => s.run)]) },
  };
}
