// One batch, whole or not at all, in the order of the contract.
import type { Batch, BatchResult } from "../../../src/store/contract.ts";
import { writeActs } from "./acts.ts";
import { writeCancels } from "./cancels.ts";
import { writeClaims } from "./claims.ts";
import { inTransaction, type Disk } from "./disk.ts";
import { fireExpiries } from "./expiries.ts";
import { unpark } from "./gates.ts";
import { writeMessages } from "./messages.ts";
import { writeRequeues } from "./requeues.ts";
import { writeSettles } from "./settles.ts";
import { refuseStranger } from "./stranger.ts";
import { nextDue, promoteDue, writeRoots } from "./tasks.ts";
import { nextTickAt, writeTicks } from "./ticks.ts";
import { endDueWaits, writeAnswers } from "./waits.ts";
import { beginWriting } from "./writing.ts";

export function commitBatch(disk: Disk, batch: Batch): BatchResult {
  return inTransaction(disk, (rows) => {
    refuseStranger(rows, batch.boot);
    const w = beginWriting(rows, batch);
    writeActs(w, batch.acts);
    writeSettles(w, batch.settles);
    writeRequeues(w, batch.requeues);
    fireExpiries(w, batch.dueSlice);
    writeCancels(w, batch.cancels, batch.cancelSlice);
    promoteDue(w, batch.dueSlice);
    endDueWaits(w, batch.dueSlice);
    writeMessages(w, batch.messages);
    writeAnswers(w, batch.answers);
    for (const task of batch.wakes) unpark(w, task);
    const ticked = writeTicks(w, batch.ticks);
    writeRoots(w, batch.tasks);
    writeClaims(w, batch.claims);
    const { rows: _, now: __, boot: ___, ...result } = w;
    return {
      ...result,
      moreCancels: rows.cancelJobs.size > 0,
      nextDueAt: batch.dueSlice > 0 ? nextDue(rows) : null,
      ticked,
      webhookCalls: 0,
      nextTickAt: batch.dueSlice > 0 || batch.ticks.length > 0 ? nextTickAt(rows) : undefined,
    };
  });
}
