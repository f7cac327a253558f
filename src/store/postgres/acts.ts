import type { ActBatch, NewTask } from "../contract.ts";
import { adoptStep, readEnds } from "./adopt.ts";
import { closeChild } from "./cancels.ts";
import { parkedLane } from "./depth.ts";
import { takeSeqs } from "./gates.ts";
import { writeSends } from "./messages.ts";
import { errorText } from "./rows.ts";
import { countNew, insertTasks, sendTasks } from "./tasks.ts";
import { ints, texts } from "./values.ts";
import { endBegun, sendWaits } from "./waits.ts";
import { addTo, type Writing } from "./writing.ts";

/**
 * What running code asked for: children, steps, emits, and that it waits. An attempt that lost its lease changes nothing.
 * Most batches touch their own task only and go together, a statement for each table; one that looks at others goes alone.
 */
export async function writeActs(w: Writing, batches: readonly ActBatch[]): Promise<void> {
  let together: ActBatch[] = [];
  const tasks = new Set<number>();
  const send = () => {
    sendActs(w, together);
    together = [];
    tasks.clear();
  };
  for (const batch of batches) {
    if (tasks.has(batch.lease.task)) send();
    if (keepsToItself(batch)) {
      together.push(batch);
      tasks.add(batch.lease.task);
    } else {
      send();
      await writeAlone(w, batch);
    }
  }
  send();
}

function keepsToItself(b: ActBatch): boolean {
  return (
    b.sends.length === 0 &&
    b.cancels.length === 0 &&
    b.waits.every((a) => a.kind !== "message" && !a.adopts) &&
    b.steps.every((s) => !s.adopts) &&
    b.children.every((c) => !hasEnded(c) && c.terms === null && c.origin === null)
  );
}

const hasEnded = (c: NewTask): boolean => c.refused !== null || c.adopts !== null;

/** The statements of batches of different tasks. Each statement looks for the leases by itself, so none waits for another. */
function sendActs(w: Writing, batches: readonly ActBatch[]): void {
  if (batches.length === 0) return;
  const held = new Set<number>();
  sendGates(w, batches, held);
  sendPins(w, batches);
  const children = batches.flatMap((b) => b.children.map((c) => ({ c, lease: b.lease.leaseNo })));
  sendTasks(
    w,
    children.map(({ c }) => c),
    children.map(({ lease }) => lease),
  );
  sendSteps(w, batches);
  sendEmits(w, batches);
  sendWaits(w, batches);
  sendParks(
    w,
    batches.filter((b) => b.park),
  );
}

/** One that sends, stops or takes over something: row by row, each after what came of the one before. */
async function writeAlone(w: Writing, batch: ActBatch): Promise<void> {
  const { task } = batch.lease;
  const held = new Set<number>();
  sendGates(w, [batch], held);
  await w.tx.flush();
  if (!held.has(task)) return;
  sendPins(w, [batch]);
  await writeChildren(w, batch);
  sendStepRows(w, [batch]);
  for (const s of batch.steps) if (s.adopts) await adoptStep(w, task, s.act, s.adopts);
  sendResults(w, [batch]);
  sendEmits(w, [batch]);
  sendWaits(w, [batch]);
  await w.tx.flush();
  await endBegun(w, batch);
  await writeSends(w, batch);
  for (const c of batch.cancels) await closeChild(w, task, c.act, c.reason);
  if (batch.park) sendParks(w, [batch]);
}

/** `seen`: what settled for it before, also earlier in this batch, its worker may not have been told. */
const gates = `WITH a AS (SELECT a.* FROM unnest($2::bigint[], $3::int[], $4::int[], $5::int[], $6::smallint[], $7::bigint[], $8::int[], $9::smallint[], $10::bigint[])
      a(task, lease_no, remaining, acts, armed, started_at, waits, unwinds, seen)
    JOIN running r ON r.task = a.task AND r.lease_no = a.lease_no AND r.orchestrator = $1::bigint),
  u AS (UPDATE gate g SET remaining = g.remaining + a.remaining, acts = greatest(g.acts, a.acts), waits = g.waits + a.waits,
    armed = CASE WHEN g.last_seq <= a.seen THEN a.armed ELSE 0 END FROM a WHERE g.task = a.task),
  i AS (INSERT INTO gate (task, remaining, acts, last_seq, armed, started_at, waits, unwinds)
    SELECT a.task, a.remaining, a.acts, 0, a.armed, a.started_at, a.waits, a.unwinds FROM a LEFT JOIN gate g ON g.task = a.task WHERE g.task IS NULL)
  SELECT task FROM a`;

/** `held`: gets the tasks whose attempt holds its lease. What is known of their acts is noted at once. */
function sendGates(w: Writing, batches: readonly ActBatch[], held: Set<number>): void {
  const number = (of: (b: ActBatch) => number) => ints(batches.map(of));
  w.tx.later<{ task: number }>(
    gates,
    [
      w.boot,
      number((b) => b.lease.task),
      number((b) => b.lease.leaseNo),
      number((b) => b.children.reduce((n, c) => (c.detached || hasEnded(c) ? n : n + 1), 0)),
      number((b) => b.lastAct),
      number((b) => (b.armed ? 1 : 0)),
      number((b) => b.startedAt),
      number((b) => b.waits.length),
      number((b) => (b.unwinds ? 1 : 0)),
      number((b) => b.seen),
    ],
    (rows) => {
      for (const { task } of rows) held.add(task);
      for (const b of batches)
        if (held.has(b.lease.task)) noteActs(w, b);
        else w.fencedActs.push(b.lease);
    },
  );
}

function noteActs(w: Writing, b: ActBatch): void {
  if (b.children.length > 0) w.runs.born(b.run);
  for (const c of b.children) w.runs.count(b.run, c.definition, "total");
  // Of a batch that goes alone they are counted as they are inserted.
  if (keepsToItself(b)) {
    countNew(w, b.children);
    noteEvents(w, b);
  }
}

function noteEvents(w: Writing, b: ActBatch): void {
  for (const e of b.emits) w.runs.event(b.run, 2, b.lease.task, e.act);
  for (const a of b.waits) {
    if (a.kind !== "approval" || a.adopts) continue;
    w.runs.event(b.run, 3, b.lease.task, a.act);
    w.webhooks.asked(b.run, b.lease.task, a);
  }
}

/** Of a batch that goes alone. Children that have ended before they began are delivered at once. */
async function writeChildren(w: Writing, batch: ActBatch): Promise<void> {
  const ended = batch.children.filter(hasEnded);
  const ends = await readEnds(w.tx, ended);
  const seqOf = new Map<number, number>();
  const told = ended.filter((c) => !c.detached);
  if (told.length > 0) {
    let seq = (await takeSeqs(w, batch.lease.task, told.length)) as number;
    for (const c of told) {
      seqOf.set(c.id, seq);
      const end = ends.get(c.id);
      if (end) w.deliveries.push({ parent: batch.lease.task, seq: seq++, act: c.act as number, ...end, at: w.now });
    }
  }
  await insertTasks(w, batch.children, seqOf, ends);
  noteEvents(w, batch);
}

function sendSteps(w: Writing, batches: readonly ActBatch[]): void {
  sendStepRows(w, batches);
  sendResults(w, batches);
}

const fence = (row: string) =>
  `JOIN running r ON r.task = ${row}.task AND r.lease_no = ${row}.lease_no AND r.orchestrator = $1::bigint`;

/** Of tasks that run: rows in `ready` are found by the task's lane. */
function sendPins(w: Writing, batches: readonly ActBatch[]): void {
  const pinned = batches.filter((b) => b.pin !== undefined);
  if (pinned.length === 0) return;
  w.tx.later(
    `UPDATE task SET lane = p.lane FROM unnest($2::bigint[], $3::int[], $4::bigint[]) p(task, lease_no, lane) ${fence("p")}
     WHERE task.id = p.task`,
    [
      w.boot,
      ints(pinned.map((b) => b.lease.task)),
      ints(pinned.map((b) => b.lease.leaseNo)),
      ints(pinned.map((b) => b.pin ?? null)),
    ],
  );
}

function sendStepRows(w: Writing, batches: readonly ActBatch[]): void {
  const rows = batches.flatMap((b) => b.steps.map((s) => ({ s, lease: b.lease })));
  if (rows.length === 0) return;
  w.tx.later(
    `INSERT INTO step (task, act, key, asked_after, lease_no, begun_at)
     SELECT s.task, s.act, s.key, s.asked_after, s.lease_no, $2::bigint
     FROM unnest($3::bigint[], $4::int[], $5::int[], $6::text[], $7::int[]) s(task, lease_no, act, key, asked_after) ${fence("s")}`,
    [
      w.boot,
      w.now,
      ints(rows.map((r) => r.lease.task)),
      ints(rows.map((r) => r.lease.leaseNo)),
      ints(rows.map((r) => r.s.act)),
      texts(rows.map((r) => r.s.key)),
      ints(rows.map((r) => r.s.askedAfter)),
    ],
  );
}

/** The first result counts: a second one would take a place in an order that its reader has gone past. */
const results = `WITH v AS (SELECT x.*, (g.last_seq + row_number() OVER (PARTITION BY x.task ORDER BY x.n))::int AS seq
    FROM unnest($3::int[], $4::bigint[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[]) x(n, task, lease_no, act, value, ref, error)
    ${fence("x")} JOIN step s ON s.task = x.task AND s.act = x.act AND s.seq IS NULL JOIN gate g ON g.task = x.task),
  g AS (UPDATE gate SET last_seq = last_seq + c.n, armed = 0 FROM (SELECT task, count(*)::int AS n FROM v GROUP BY task) c WHERE gate.task = c.task),
  u AS (UPDATE step s SET seq = v.seq, ended_at = $2::bigint, value = v.value, ref = v.ref, error = v.error FROM v WHERE s.task = v.task AND s.act = v.act)
  SELECT n, seq FROM v ORDER BY n`;

function sendResults(w: Writing, batches: readonly ActBatch[]): void {
  const rows = batches.flatMap((b) => {
    const seen = new Set<number>();
    const first = b.stepResults.filter((r) => !seen.has(r.act) && seen.add(r.act));
    return first.map((r) => ({ r, lease: b.lease }));
  });
  if (rows.length === 0) return;
  w.tx.later<{ n: number; seq: number }>(
    results,
    [
      w.boot,
      w.now,
      ints(rows.map((_, n) => n)),
      ints(rows.map((x) => x.lease.task)),
      ints(rows.map((x) => x.lease.leaseNo)),
      ints(rows.map((x) => x.r.act)),
      texts(rows.map((x) => x.r.value)),
      texts(rows.map((x) => x.r.ref)),
      texts(rows.map((x) => errorText(x.r.error))),
    ],
    (taken) => {
      for (const { n, seq } of taken) {
        const { r, lease } = rows[n] as (typeof rows)[number];
        const status = r.error ? "failed" : "succeeded";
        w.deliveries.push({ parent: lease.task, seq, act: r.act, status, value: r.value, ref: r.ref, error: r.error, at: w.now });
      }
    },
  );
}

function sendEmits(w: Writing, batches: readonly ActBatch[]): void {
  const rows = batches.flatMap((b) => b.emits.map((e) => ({ e, lease: b.lease })));
  if (rows.length === 0) return;
  w.tx.later(
    `INSERT INTO emit (task, act, key, asked_after, name, value, at)
     SELECT e.task, e.act, e.key, e.asked_after, e.name, e.value, $2::bigint
     FROM unnest($3::bigint[], $4::int[], $5::int[], $6::text[], $7::int[], $8::text[], $9::text[]) e(task, lease_no, act, key, asked_after, name, value)
     ${fence("e")}`,
    [
      w.boot,
      w.now,
      ints(rows.map((r) => r.lease.task)),
      ints(rows.map((r) => r.lease.leaseNo)),
      ints(rows.map((r) => r.e.act)),
      texts(rows.map((r) => r.e.key)),
      ints(rows.map((r) => r.e.askedAfter)),
      texts(rows.map((r) => r.e.name)),
      texts(rows.map((r) => r.e.value)),
    ],
  );
}

/** Not an attempt's end: when it comes back it is the same one, under a new lease. One for which something has settled stays. */
const parks = `WITH p AS (SELECT p.task, p.lease_no, r.attempt - 1 AS attempt, r.crashes FROM unnest($3::bigint[], $4::int[]) p(task, lease_no)
    ${fence("p")} JOIN gate g ON g.task = p.task AND g.armed = 1),
  g AS (UPDATE gate SET armed = 2 FROM p WHERE gate.task = p.task),
  d AS (DELETE FROM running r USING p WHERE r.task = p.task AND r.lease_no = p.lease_no),
  i AS (INSERT INTO parked (task, lease_no, attempt, crashes, since) SELECT task, lease_no, attempt, crashes, $2::bigint FROM p)
  SELECT task FROM p`;

function sendParks(w: Writing, batches: readonly ActBatch[]): void {
  if (batches.length === 0) return;
  w.tx.later<{ task: number }>(
    parks,
    [w.boot, w.now, ints(batches.map((b) => b.lease.task)), ints(batches.map((b) => b.lease.leaseNo))],
    (rows) => {
      const gone = new Set(rows.map((r) => r.task));
      for (const { lease } of batches) {
        if (!gone.has(lease.task)) continue;
        w.parked.push(lease.task);
        addTo(w.depth, parkedLane, 1);
      }
    },
  );
}
