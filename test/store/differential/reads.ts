import type { Store, TaskRow } from "../../../src/store/contract.ts";
import type { Rows } from "../model/disk.ts";
import { difference } from "./difference.ts";

const states = "ready delayed running waiting succeeded failed canceled quarantined partial stopped".split(" ");
const endings = "running succeeded failed canceled".split(" ");
const nobody = 999_999;

/** Everything that can be read, of both; where they first differ. `rows` says what there is to ask for. */
export async function differentReads(subject: Store, model: Store, rows: Rows): Promise<string | null> {
  for (const read of readsOf(rows)) {
    const found = difference(await read.of(subject), await read.of(model), read.name);
    if (found !== null) return found;
  }
  return null;
}

interface Read {
  readonly name: string;
  readonly of: (s: Store) => unknown;
}

/**
 * A list says where each of its tasks is, so tasks are not asked for one by one. Filters take turns, since each of them is
 * the same statement for every run: 2,000 sequences try each some hundreds of times.
 */
function* readsOf(rows: Rows): Generator<Read> {
  const ids = [...rows.tasks.keys()];
  const acts = Array.from({ length: 60 }, (_, i) => i + 1);
  const turn = <T>(list: readonly T[]): T => list[ids.length % list.length] as T;
  const read = (name: string, of: Read["of"]): Read => ({ name, of });
  yield read("tasks.get", async (s) => (await s.tasks.get([...ids, nobody])).toSorted((a, b) => a.id - b.id));
  for (const lane of [1, 2, 3])
    yield read(`queue.peek(${lane})`, (s) => s.queue.peek({ lanes: [lane], limit: lane === 2 ? 1 : 100 }));
  const acted = [...ids.filter((id) => rows.gates.has(id)), ...[...rows.tasks.values()].flatMap((t) => t.row.parent ?? [])];
  for (const id of new Set([...acted, turn(ids), nobody])) {
    yield read(`tasks.journal(${id})`, (s) => s.tasks.journal(id));
    yield read(`tasks.children(${id})`, (s) => s.tasks.children(id));
    yield read(`tasks.settled(${id})`, (s) => s.tasks.settled({ task: id, acts }));
    yield read(`tasks.asked(${id})`, async (s) => (await s.tasks.asked(id)).toSorted((a, b) => a.act - b.act));
    yield read(`plans.rows(${id})`, (s) => s.plans.rows({ task: id, name: "found", limit: 2 }));
    yield read(`plans.tally(${id})`, async (s) =>
      (await s.plans.tally({ parent: id, after: id % 2, scope: "p>" })).toSorted((a, b) => a.act - b.act),
    );
    yield read(`tasks.waits(${id})`, (s) => s.tasks.waits({ task: id, limit: 100 }));
  }
  for (const id of [turn(ids), nobody]) {
    yield read(`tasks.where(${id})`, (s) => s.tasks.where(id));
    yield read(`runs.outcome(${id})`, (s) => s.runs.outcome(id));
  }
  for (const id of ids) yield read(`tasks.attempts(${id})`, (s) => s.tasks.attempts(id));
  for (const { row } of rows.tasks.values()) if (row.parent === null) yield* readsOfRun(row, turn(states), read);
  const { parent, act } = turn([...rows.tasks.values()]).row;
  if (parent !== null && act !== null) yield read(`tasks.child(${parent}, ${act})`, (s) => s.tasks.child({ parent, act }));
  yield read("tasks.child of nobody", (s) => s.tasks.child({ parent: nobody, act: 1 }));
  for (const status of [null, turn(endings)])
    yield read(`runs.list(${status})`, (s) => s.runs.list({ namespace: 1, definition: null, status, before: null, limit: 100 }));
  yield read("runs.list of one of plan", (s) =>
    s.runs.list({ namespace: 1, definition: 2, status: null, before: ids.at(-1) ?? 0, limit: 1 }),
  );
  for (const { task, act: n } of rows.emits.values())
    yield read(`events.emit(${task}, ${n})`, (s) => s.events.emit({ task, act: n }));
  for (const { task, act: n } of rows.waits.values())
    yield read(`tasks.wait(${task}, ${n})`, (s) => s.tasks.wait({ task, act: n }));
  yield read("tasks.wait of nobody", (s) => s.tasks.wait({ task: nobody, act: 1 }));
  yield read("tasks.approvals", (s) => s.tasks.approvals({ namespace: 1, after: null, limit: 100 }));
  const first = [...rows.waits.values()].find((x) => x.kind === "approval");
  if (first)
    yield read("tasks.approvals of one after the first", (s) => s.tasks.approvals({ namespace: 1, after: first, limit: 1 }));
  yield read("schedules.list", (s) => s.schedules.list({ namespace: 1, after: "", limit: 100 }));
  yield read("schedules.list of one after the first", (s) => s.schedules.list({ namespace: 1, after: "s0", limit: 1 }));
  yield read("schedules.due", (s) => s.schedules.due({ now: Number.MAX_SAFE_INTEGER, limit: 2 }));
  yield read("schedules.nextAt", (s) => s.schedules.nextAt());
  yield read("schedules.fromCode", (s) => s.schedules.fromCode({ namespace: 1 }));
  yield read("schedules.get", (s) => s.schedules.get({ namespace: 1, name: turn(["s0", "s1", "s2", "nobody"]) }));
  yield read("events.emit of nobody", (s) => s.events.emit({ task: nobody, act: 1 }));
  yield read("builds.read", async (s) => {
    const { builds, drains } = await s.builds.read();
    const name = (x: { name: string; kind?: string }) => `${x.kind ?? ""}${x.name}`;
    const sorted = <T extends { name: string }>(list: readonly T[]) => list.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
    return { builds: sorted(builds), drains: sorted(drains) };
  });
  for (const lanes of [[1], [2, 3], []]) yield read(`builds.unfinished(${lanes.join(", ")})`, (s) => s.builds.unfinished(lanes));
  yield read("workerNames", (s) => s.catalogue.workerNames([...rows.workers.keys(), nobody]));
}

function* readsOfRun(
  { id: run, secret }: TaskRow,
  filter: string,
  read: (name: string, of: Read["of"]) => Read,
): Generator<Read> {
  yield read(`runs.ended(${run})`, (s) => s.runs.ended({ id: run, secret: run % 7 === 0 ? "x" : (secret ?? "") }));
  yield read(`runs.get(${run})`, (s) => s.runs.get(run));
  const list = (state: string | null, definition: number | null, after: number, limit: number) =>
    read(`tasks.list(${[run, state, definition, after, limit].join(", ")})`, (s) =>
      s.tasks.list({ run, definition, state, after, limit }),
    );
  yield list(null, null, 0, 1_000);
  yield list(filter, null, 0, 3);
  yield list(null, 2, run, 1);
  yield read(`events.after(${run}, 0)`, (s) => s.events.after({ run, cursor: 0, limit: 100 }));
  yield read(`events.after(${run}, 1) of one`, (s) => s.events.after({ run, cursor: 1, limit: 1 }));
}
