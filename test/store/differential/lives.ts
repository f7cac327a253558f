// Two lives on one store, compared with the model: what they commit at the same time must be what the model does when it gets
// one after the other, in one order or the other.
import { isDeepStrictEqual } from "node:util";
import type { Batch, Store } from "../../../src/store/contract.ts";
import { emptyDisk, type Disk, type Rows } from "../model/disk.ts";
import { Watch } from "../model/invariants.ts";
import { openModelStore } from "../model/open.ts";
import { batch } from "../rows.ts";
import { catalogue, perform, type Call } from "./calls.ts";
import { difference } from "./difference.ts";
import type { CommitOp, Op } from "./ops.ts";
import { differentReads } from "./reads.ts";
import { Script } from "./script.ts";

export interface Life {
  readonly boot: number;
  readonly store: Store;
}

export interface Together {
  /** Of the tasks that run, by task: the boot of the life that holds it. */
  holders(): Promise<ReadonlyMap<number, number>>;
  /** Runs `both` so that as much as possible of what they do before their locks is done when the first of them gets his. */
  together<T>(runs: readonly number[], both: readonly (() => Promise<T>)[]): Promise<T[]>;
}

/** How lives are driven: two batches at a time, one of each. */
export interface Pair {
  readonly first: CommitOp;
  readonly second: CommitOp;
  /** 0: nothing is due. 1: the first one only looks for what is due. 2: both do. 3: both go on with cancels. */
  readonly slices: number;
}

/** @returns how the store and the model part; null when they do not. */
export async function differTogether(
  lives: readonly [Life, Life],
  how: Together,
  begin: readonly Op[],
  pairs: readonly Pair[],
): Promise<string | null> {
  const disk = emptyDisk();
  const script = new Script(disk);
  const model = openModelStore(disk);
  await model.catalogue.defineAll(catalogue);
  const watch = new Watch();
  for (const call of [...script.begin(), ...begin.map((op) => script.call(op))]) {
    if (!("commit" in call)) {
      if ("boot" in call && disk.rows.lives.length === 0) await perform(model, call);
      continue;
    }
    const alone = { commit: { ...call.commit, boot: 1 } };
    const found = difference(
      comparable(await perform(lives[0].store, of(lives[0], alone.commit))),
      comparable(await perform(model, alone)),
      "alone",
    );
    if (found !== null) return found;
  }
  for (const [n, pair] of pairs.entries()) {
    const holders = await how.holders();
    const batches = [pair.first, pair.second].map((op, i) => {
      const call = script.call({ ...op, stranger: false }) as { commit: Batch };
      return only(call.commit, i, pair.slices, (task) => holders.get(task) === lives[i]?.boot);
    });
    const runs = [...disk.rows.tasks.values()].flatMap((t) => (t.row.parent === null ? [t.row.id] : []));
    const answers = await how.together(
      runs,
      batches.map((b, i) => () => perform((lives[i] as Life).store, of(lives[i] as Life, b))),
    );
    const told = await tryOrders(lives[0].store, disk, batches, answers.map(comparable));
    if (typeof told === "string") return `pair ${n + 1}: ${told}\n${JSON.stringify(batches, null, 1)}`;
    disk.rows = told;
    const broken = watch.look(disk.rows);
    if (broken !== null) return `pair ${n + 1}: ${broken}`;
  }
  return await differentReads(lives[0].store, model, disk.rows);
}

/** Where either order gives what both were answered, and what can be read now: the rows after it. Else how each differs. */
async function tryOrders(
  store: Store,
  disk: Disk,
  batches: readonly Batch[],
  answers: readonly unknown[],
): Promise<Rows | string> {
  const worlds: Rows[] = [];
  const problems: string[] = [];
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const world: Disk = { rows: disk.rows };
    const model = openModelStore(world);
    let found: string | null = null;
    for (const i of order)
      found ??= difference(answers[i], comparable(await perform(model, { commit: batches[i] as Batch })), `answer ${i}`);
    if (found === null) worlds.push(world.rows);
    else problems.push(`${order.join(", then ")}: ${found}`);
  }
  const [one, other] = worlds;
  if (one === undefined) return problems.join("\n");
  if (other === undefined || isDeepStrictEqual(one, other)) return one;
  for (const rows of worlds) {
    const found = await differentReads(store, openModelStore({ rows }), rows);
    if (found === null) return rows;
    problems.push(found);
  }
  return problems.join("\n");
}

/**
 * Only what the life may ask for of the tasks that it holds (the model does not know whose a lease is: it would let one life
 * settle what the other has just claimed); and of what is due, as much as the pair says.
 */
function only(b: Batch, index: number, slices: number, mine: (task: number) => boolean): Batch {
  const bare = { ...b, boot: 1, dueSlice: 0, cancelSlice: 0 };
  const acts = b.acts.filter((a) => mine(a.lease.task));
  const settles = b.settles.filter((s) => mine(s.lease.task));
  const requeues = b.requeues.filter((r) => mine(r.lease.task));
  if (slices === 0) return { ...bare, acts, settles, requeues };
  const looks = batch({ now: b.now, dueSlice: slices < 3 ? 100 : 0, cancelSlice: slices === 3 ? 100 : 0 });
  if (slices >= 2 || index === 0) return looks;
  // Whatever makes something due is left out: who looked before it came need not find it.
  return { ...bare, settles, acts: [], requeues: [], tasks: [], ticks: [] };
}

function of(life: Life, b: Batch): Call {
  return { commit: { ...b, boot: life.boot } };
}

/** What a batch is told of all runs at the same time is not of one instant. */
function comparable(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null || "refused" in answer) return answer;
  const { moreCancels: _more, nextDueAt: _due, nextTickAt: _tick, ...rest } = answer as Record<string, unknown>;
  return rest;
}
