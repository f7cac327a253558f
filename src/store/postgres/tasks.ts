import { outcomeCode } from "../../core/task.ts";
import type { NewTask } from "../contract.ts";
import { delayedLane } from "./depth.ts";
import { readEnds, type End } from "./adopt.ts";
import { errorText, readyRow, type RawReady } from "./rows.ts";
import { writeTerms } from "./terms.ts";
import { Restart } from "./transaction.ts";
import { ints, texts } from "./values.ts";
import { addTo, type Writing } from "./writing.ts";

const places = { ready: 0, running: 1, delayed: 2, ended: 3 } as const;

const columns =
  "id, run, parent, act, key, input_hash, asked_after, secret, path, definition, lane, prio, pass, tenant, depth, detached, input, options, created_at";
const rowsOf = `unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[],
  $10::bigint[], $11::bigint[], $12::smallint[], $13::bigint[], $14::text[], $15::int[], $16::smallint[], $17::text[], $18::text[],
  $19::bigint[], $20::smallint[], $21::bigint[], $22::bigint[], $23::int[], $26::bigint[]) c(${columns}, place, worker, due_at, held_by, namespace)`;

/** Each into the place where it begins: running when it was claimed eagerly, delayed, ended, else ready. */
const insert = (from: string) => `WITH c AS (SELECT c.* FROM ${from}),
  t AS (INSERT INTO task (${columns}, namespace) SELECT ${columns}, namespace FROM c),
  n AS (INSERT INTO running (task, lease_no, top, orchestrator, worker, attempt, crashes, alone, claimed_at)
    SELECT id, 1, 1, $24::bigint, worker, 1, 0, 0, $25::bigint FROM c WHERE place = ${places.running}),
  d AS (INSERT INTO delayed (due_at, task, lane, prio, pass, lease_no, attempt, crashes, alone)
    SELECT due_at, id, lane, prio, pass, 0, 0, 0, 0 FROM c WHERE place = ${places.delayed})
  INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
  SELECT lane, prio, pass, id, 0, 0, 0, 0, $25::bigint FROM c WHERE place = ${places.ready}`;
const insertAll = insert(rowsOf);
/** Only those whose parent's attempt holds its lease. */
const insertFenced = insert(
  `${rowsOf} JOIN running r ON r.task = c.parent AND r.lease_no = c.held_by AND r.orchestrator = $24::bigint`,
);

/** Roots cost half when what only children have is not sent at all. */
const insertRoots = `WITH c AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[], $7::text[],
    $8::text[], $9::text[], $10::bigint[], $11::smallint[], $12::bigint[], $13::bigint[], $16::bigint[])
    c(id, secret, definition, lane, prio, pass, tenant, input, options, created_at, place, worker, due_at, namespace)),
  t AS (INSERT INTO task (id, run, namespace, depth, secret, definition, lane, prio, pass, tenant, input, options, created_at)
    SELECT id, id, namespace, 0, secret, definition, lane, prio, pass, tenant, input, options, created_at FROM c),
  n AS (INSERT INTO running (task, lease_no, top, orchestrator, worker, attempt, crashes, alone, claimed_at)
    SELECT id, 1, 1, $14::bigint, worker, 1, 0, 0, $15::bigint FROM c WHERE place = ${places.running}),
  d AS (INSERT INTO delayed (due_at, task, lane, prio, pass, lease_no, attempt, crashes, alone)
    SELECT due_at, id, lane, prio, pass, 0, 0, 0, 0 FROM c WHERE place = ${places.delayed})
  INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
  SELECT lane, prio, pass, id, 0, 0, 0, 0, $15::bigint FROM c WHERE place = ${places.ready}`;

function placeOf(t: NewTask): number {
  if (t.adopts !== null || t.refused) return places.ended;
  if (t.claim !== null) return places.running;
  return t.dueAt !== null ? places.delayed : places.ready;
}

function isPlainRoot(t: NewTask): boolean {
  return (
    t.parent === null &&
    t.run === t.id &&
    t.act === null &&
    t.key === null &&
    t.inputHash === null &&
    t.askedAfter === null &&
    t.path === null &&
    t.depth === 0 &&
    !t.detached &&
    !t.shielded
  );
}

/** Sends the rows of new tasks, and nothing that hangs on them. `leases`: of the parents; those that have lost theirs get no children. */
export function sendTasks(w: Writing, tasks: readonly NewTask[], leases: readonly number[] | null): void {
  if (tasks.length === 0) return;
  const place = ints(tasks.map(placeOf));
  const worker = ints(tasks.map((t) => t.claim));
  const dueAt = ints(tasks.map((t) => t.dueAt));
  if (leases === null && tasks.every(isPlainRoot)) {
    w.tx.later(insertRoots, [
      ints(tasks.map((t) => t.id)),
      texts(tasks.map((t) => t.secret)),
      ints(tasks.map((t) => t.definition)),
      ints(tasks.map((t) => t.lane)),
      ints(tasks.map((t) => t.prio)),
      ints(tasks.map((t) => t.pass)),
      texts(tasks.map((t) => t.tenant)),
      texts(tasks.map((t) => t.input)),
      texts(tasks.map((t) => t.options)),
      ints(tasks.map((t) => t.createdAt)),
      place,
      worker,
      dueAt,
      w.boot,
      w.now,
      ints(tasks.map((t) => t.namespace)),
    ]);
    return;
  }
  w.tx.later(leases === null ? insertAll : insertFenced, [
    ints(tasks.map((t) => t.id)),
    ints(tasks.map((t) => t.run)),
    ints(tasks.map((t) => t.parent)),
    ints(tasks.map((t) => t.act)),
    texts(tasks.map((t) => t.key)),
    texts(tasks.map((t) => t.inputHash)),
    ints(tasks.map((t) => t.askedAfter)),
    texts(tasks.map((t) => t.secret)),
    texts(tasks.map((t) => t.path)),
    ints(tasks.map((t) => t.definition)),
    ints(tasks.map((t) => t.lane)),
    ints(tasks.map((t) => t.prio)),
    ints(tasks.map((t) => t.pass)),
    texts(tasks.map((t) => t.tenant)),
    ints(tasks.map((t) => t.depth)),
    ints(tasks.map((t) => (t.detached ? 1 : t.shielded ? 2 : 0))),
    texts(tasks.map((t) => t.input)),
    texts(tasks.map((t) => t.options)),
    ints(tasks.map((t) => t.createdAt)),
    place,
    worker,
    dueAt,
    ints(leases ?? tasks.map(() => null)),
    w.boot,
    w.now,
    ints(tasks.map((t) => t.namespace)),
  ]);
}

/** They are there: their lanes are deeper by them. */
export function countNew(w: Writing, tasks: readonly NewTask[]): void {
  for (const t of tasks) {
    const place = placeOf(t);
    if (place === places.ready) addTo(w.depth, t.lane, 1);
    else if (place === places.delayed) addTo(w.depth, delayedLane, 1);
  }
}

/** Inserts tasks with all that hangs on them. */
export async function insertTasks(
  w: Writing,
  tasks: readonly NewTask[],
  seqOf?: ReadonlyMap<number, number>,
  ends?: ReadonlyMap<number, End>,
): Promise<void> {
  if (tasks.length === 0) return;
  sendTasks(w, tasks, null);
  countNew(w, tasks);
  for (const t of tasks)
    if (t.origin)
      w.tx.later("INSERT INTO origin (run, of_task, of_run, how) VALUES ($1, $2, $3, $4)", [
        t.id,
        t.origin.task,
        t.origin.run,
        t.origin.how,
      ]);
  const begun = tasks.filter((t) => placeOf(t) !== places.ended);
  writeTerms(w, begun);
  if (begun.length === tasks.length) return;
  await writeEnded(
    w,
    tasks.filter((t) => placeOf(t) === places.ended),
    seqOf,
    ends,
  );
}

/** Those that have ended before they began: refused, or taken over from an earlier run. */
async function writeEnded(
  w: Writing,
  tasks: readonly NewTask[],
  seqOf?: ReadonlyMap<number, number>,
  known?: ReadonlyMap<number, End>,
): Promise<void> {
  const ends = known ?? (await readEnds(w.tx, tasks));
  const rows = tasks.map((t) => ({ t, seq: seqOf?.get(t.id) ?? null, end: ends.get(t.id) as End }));
  w.tx.later(
    `INSERT INTO outcome (task, lease_no, status, attempt, seq, finished_at, value, ref, error)
     SELECT o.task, 0, o.status, 0, o.seq, $7, o.value, o.ref, o.error
     FROM unnest($1::bigint[], $2::smallint[], $3::int[], $4::text[], $5::text[], $6::text[]) o(task, status, seq, value, ref, error)`,
    [
      ints(rows.map((r) => r.t.id)),
      ints(rows.map((r) => outcomeCode(r.end.status))),
      ints(rows.map((r) => r.seq)),
      texts(rows.map((r) => r.end.value)),
      texts(rows.map((r) => r.end.ref)),
      texts(rows.map((r) => errorText(r.end.error))),
      w.now,
    ],
  );
  for (const { t, end } of rows) {
    if (t.parent !== null) w.runs.settled(t.run, t.definition, t.id, end.status);
    else w.webhooks.finished(t.run, end.status, end.error);
  }
}

/** A key that a new task asks for. */
export interface AskedKey {
  readonly task: NewTask;
  readonly key: string;
  readonly inputHash: string;
}
export interface KeyOwner {
  readonly task: number;
  readonly secret: string;
  readonly inputHash: string;
}

/**
 * Takes the keys that nobody has, all in one order, so that no two who ask for several wait for each other in a circle.
 * @returns by index: who has it instead; those that were taken are left out.
 */
export async function takeKeys(w: Writing, asked: readonly AskedKey[]): Promise<Map<number, KeyOwner>> {
  const params = [
    ints(asked.map((_, i) => i)),
    ints(asked.map((a) => a.task.definition)),
    texts(asked.map((a) => a.key)),
    ints(asked.map((a) => a.task.id)),
    texts(asked.map((a) => a.inputHash)),
    ints(asked.map((a) => a.task.namespace)),
  ];
  const rows =
    "unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[]) k(n, definition, key, task, input_hash, namespace)";
  const names = new Set<string>();
  const nameOf = (k: { namespace: number; definition: number; key: string }) => `${k.namespace} ${k.definition} ${k.key}`;
  w.tx.later<{ namespace: number; definition: number; key: string }>(
    `INSERT INTO idempotency (namespace, definition, key, task, input_hash)
     SELECT namespace, definition, key, task, input_hash FROM ${rows} ORDER BY namespace, definition, key COLLATE "C", n ON CONFLICT DO NOTHING
     RETURNING namespace, definition, key`,
    params,
    (taken) => {
      for (const k of taken) names.add(nameOf(k));
    },
  );
  // A key may outlive its run: then the run's secret is with the key. Two equal keys in one batch: the first one's row is
  // not there yet, and its secret is not needed.
  const owners = await w.tx.rows<{ n: number; task: number; inputHash: string; secret: string }>(
    `SELECT k.n, i.task, i.input_hash AS "inputHash", coalesce(t.secret, p.secret, '') AS secret FROM ${rows}
     JOIN idempotency i ON i.namespace = k.namespace AND i.definition = k.definition AND i.key = k.key
     LEFT JOIN task t ON t.id = i.task LEFT JOIN pruned_key p ON p.task = i.task`,
    params,
  );
  if (owners.length < asked.length)
    throw new Restart("a key was deleted between the look that found it taken and the one for its owner");
  const ownerOf = new Map(owners.map(({ n, ...owner }) => [n, owner]));
  const lost = new Map<number, KeyOwner>();
  for (const [n, { task, key }] of asked.entries())
    // The first who asks for it in this batch has it.
    if (!names.delete(nameOf({ ...task, key }))) lost.set(n, ownerOf.get(n) as KeyOwner);
  return lost;
}

/** Moves tasks whose time has come from delayed to ready, of the runs that are locked. `looked`: how many rows to look at. */
export async function promoteDue(w: Writing, limit: number, looked: number): Promise<void> {
  const rows = await w.tx.rows<RawReady>(
    `WITH d AS (SELECT d.* FROM (SELECT * FROM delayed WHERE due_at <= $1 ORDER BY due_at, task LIMIT $3) d
         JOIN task t ON t.id = d.task WHERE t.run = ANY($4::bigint[]) ORDER BY d.due_at, d.task LIMIT $2),
       g AS (DELETE FROM delayed x USING d WHERE x.due_at = d.due_at AND x.task = d.task),
       r AS (INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
         SELECT lane, prio, pass, task, lease_no, attempt, crashes, alone, $1 FROM d)
     SELECT lane, prio, pass, task, lease_no AS "leaseNo", attempt, crashes, alone, $1::bigint AS since FROM d ORDER BY due_at, task`,
    [w.now, limit, looked, ints([...w.locked])],
  );
  for (const row of rows) {
    w.due.push(readyRow(row));
    addTo(w.depth, delayedLane, -1);
    addTo(w.depth, row.lane, 1);
  }
}
