// One batch, one transaction, in the order of the contract. Each file beside this one does one noun's part.
import type { DatabaseSync } from "node:sqlite";
import type { Batch, BatchResult } from "../contract.ts";
import { writeActs } from "./acts.ts";
import { writeCancels } from "./cancels.ts";
import { writeClaims } from "./claims.ts";
import { RunChanges } from "./counters.ts";
import { fireExpiries } from "./expiries.ts";
import { unpark } from "./gates.ts";
import { writeMessages } from "./messages.ts";
import { writeRequeues } from "./requeues.ts";
import { writeSettles } from "./settles.ts";
import type { Statements } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import type { Tables } from "./tables.ts";
import { insertTasks, nextDue, promoteDue } from "./tasks.ts";
import { readNextTickAt, writeTicks } from "./ticks.ts";
import { inTransaction } from "./transaction.ts";
import { writeUses } from "./upkeep/uses.ts";
import { endDueWaits, writeAnswers } from "./waits.ts";
import { WebhookCalls } from "./webhook-calls.ts";
import type { Writing } from "./writing.ts";

export function commitBatch(db: DatabaseSync, sql: Statements, tables: Tables, path: string, batch: Batch): BatchResult {
  const writing: Writing = {
    sql,
    tables,
    runs: new RunChanges(sql, tables.event),
    webhooks: new WebhookCalls(sql, batch.webhooks),
    now: batch.now,
    boot: batch.boot,
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
  };
  return inTransaction(db, sql, path, () => {
    refuseStranger(sql, path, batch.boot);
    writeActs(writing, batch.acts);
    writeSettles(writing, batch.settles);
    writeRequeues(writing, batch.requeues);
    // Before the due tasks: one that is due and too late at once is not run. Before the cancels: they go on below it.
    if (batch.dueSlice > 0) fireExpiries(writing, batch.dueSlice);
    const moreCancels = writeCancels(writing, batch.cancels, batch.cancelSlice);
    if (batch.dueSlice > 0) {
      promoteDue(writing, batch.dueSlice);
      endDueWaits(writing, batch.dueSlice);
    }
    writeMessages(writing, batch.messages);
    writeAnswers(writing, batch.answers);
    for (const task of batch.wakes) unpark(writing, task);
    const ticked = writeTicks(writing, batch.ticks);
    insertTasks(writing, batch.tasks, batch.boot);
    writeClaims(writing, batch.claims);
    writeUses(writing, batch);
    const events = writing.runs.write();
    const webhookCalls = writing.webhooks.write(batch.now);
    const { sql: _sql, tables: _tables, runs: _runs, webhooks: _webhooks, now: _now, boot: _boot, ...result } = writing;
    const looked = batch.dueSlice > 0;
    const nextTickAt = looked || batch.ticks.length > 0 ? readNextTickAt(sql) : undefined;
    return { ...result, events, moreCancels, nextDueAt: looked ? nextDue(sql) : null, ticked, nextTickAt, webhookCalls };
  });
}
