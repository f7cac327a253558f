// One batch, one transaction, in the order of the contract. Each file beside this one does one noun's part.
import type { DatabaseSync } from "node:sqlite";
import type { Batch, BatchResult } from "../contract.ts";
import { writeActs } from "./acts.ts";
import { writeCancels } from "./cancels.ts";
import { writeClaims } from "./claims.ts";
import { RunChanges } from "./counters.ts";
import { unpark } from "./gates.ts";
import { writeMessages } from "./messages.ts";
import { writeRequeues } from "./requeues.ts";
import { writeSettles } from "./settles.ts";
import type { Statements } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import type { Tables } from "./tables.ts";
import { insertTasks, nextDue, promoteDue } from "./tasks.ts";
import { inTransaction } from "./transaction.ts";
import { writeUses } from "./upkeep/uses.ts";
import { endDueWaits, writeAnswers } from "./waits.ts";
import type { Writing } from "./writing.ts";

export function commitBatch(db: DatabaseSync, sql: Statements, tables: Tables, path: string, batch: Batch): BatchResult {
  const writing: Writing = {
    sql,
    tables,
    runs: new RunChanges(sql, tables.event),
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
    const moreCancels = writeCancels(writing, batch.cancels, batch.cancelSlice);
    if (batch.dueSlice > 0) {
      promoteDue(writing, batch.dueSlice);
      endDueWaits(writing, batch.dueSlice);
    }
    writeMessages(writing, batch.messages);
    writeAnswers(writing, batch.answers);
    for (const task of batch.wakes) unpark(writing, task);
    insertTasks(writing, batch.tasks, batch.boot);
    writeClaims(writing, batch.claims);
    writeUses(writing, batch);
    const events = writing.runs.write();
    const { sql: _sql, tables: _tables, runs: _runs, now: _now, boot: _boot, ...result } = writing;
    return { ...result, events, moreCancels, nextDueAt: batch.dueSlice > 0 ? nextDue(sql) : null };
  });
}
