import type { Requeue } from "../contract.ts";
import { park, renewGate } from "./gates.ts";
import { pinTask } from "./tasks.ts";
import type { Writing } from "./writing.ts";
import { errorText, readyRow, spendValues } from "./rows.ts";

/** Ends attempts whose task goes on: a row of history, and the task back to where it waits. The lease number never resets. */
export function writeRequeues(w: Writing, requeues: readonly Requeue[]): void {
  for (const r of requeues) {
    const { task, leaseNo } = r.lease;
    if (w.sql.run("DELETE FROM running WHERE task = ? AND lease_no = ?", task, leaseNo) === 0) {
      w.fenced.push(r.lease);
      continue;
    }
    w.tables.attempt.insert([
      task,
      leaseNo,
      r.attempt,
      r.worker,
      r.startedAt,
      w.now,
      r.how,
      errorText(r.error),
      ...spendValues(r.spent),
    ]);
    if (r.pin) pinTask(w, task, r.lane);
    const next = r.next;
    if (next.to !== "parked") w.sql.run("UPDATE gate SET armed = 0 WHERE task = ?", task);
    switch (next.to) {
      case "ready":
        w.tables.ready.insert([r.lane, r.prio, r.pass, task, leaseNo, next.attempt, next.crashes, next.alone ? 1 : 0, w.now]);
        break;
      case "delayed":
        w.tables.delayed.insert([
          next.dueAt,
          task,
          r.lane,
          r.prio,
          r.pass,
          leaseNo,
          next.attempt,
          next.crashes,
          next.alone ? 1 : 0,
        ]);
        break;
      case "parked":
        if (!park(w, { task, leaseNo, attempt: next.attempt, crashes: next.crashes }))
          woken(w, r, { attempt: next.attempt, crashes: next.crashes });
        break;
      case "continued":
        renewGate(w, task, next.seen);
        w.sql.run(
          `INSERT INTO continued (task, first_input, generation, base_act)
           SELECT t.id, t.input, 1, coalesce(g.base_act, 0) FROM task t LEFT JOIN gate g ON g.task = t.id WHERE t.id = ?
           ON CONFLICT (task) DO UPDATE SET generation = generation + 1, base_act = excluded.base_act`,
          task,
        );
        w.sql.run("UPDATE task SET input = ?, options = ? WHERE id = ?", next.input, next.options, task);
        woken(w, r, { attempt: 0, crashes: 0 });
        break;
      case "held":
        w.sql.run(
          "INSERT INTO held (task, reason, error, since, lease_no, attempt, crashes) VALUES (?,?,?,?,?,?,?)",
          task,
          next.reason,
          errorText(r.error),
          w.now,
          leaseNo,
          next.attempt,
          next.crashes,
        );
        break;
    }
    w.runs.spend(r.run, r.spent);
    if (!r.isRoot && (r.how === "failed" || r.how === "timeout")) w.runs.count(r.run, r.definition, "retried");
  }
}

/** Back to its lane at once, told to the orchestrator as a row. */
function woken(w: Writing, r: Requeue, o: { attempt: number; crashes: number }): void {
  const { task, leaseNo } = r.lease;
  w.tables.ready.insert([r.lane, r.prio, r.pass, task, leaseNo, o.attempt, o.crashes, 0, w.now]);
  w.woken.push(readyRow({ lane: r.lane, prio: r.prio, pass: r.pass, task, leaseNo, ...o, alone: 0, since: w.now }));
}
