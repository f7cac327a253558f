// What must hold after every commit, whatever was asked.
import { isDeepStrictEqual } from "node:util";
import type { OutcomeRow } from "../../../src/store/contract.ts";
import type { Rows } from "./disk.ts";

/** Looks at a store from commit to commit. */
export class Watch {
  readonly #outcomes = new Map<number, OutcomeRow>();
  readonly #leases = new Map<number, number>();

  /** @returns what is broken, null when nothing is. */
  look(rows: Rows): string | null {
    return (
      brokenPlaces(rows) ??
      brokenGates(rows) ??
      brokenOrders(rows) ??
      brokenCursors(rows) ??
      this.#changedOutcomes(rows) ??
      this.#fallenLeases(rows)
    );
  }

  #changedOutcomes(rows: Rows): string | null {
    for (const [task, before] of this.#outcomes) {
      const place = rows.places.get(task);
      if (place?.in !== "outcome" || !isDeepStrictEqual(place.outcome, before)) return `the outcome of task ${task} has changed`;
    }
    for (const [task, place] of rows.places) if (place.in === "outcome") this.#outcomes.set(task, place.outcome);
    return null;
  }

  #fallenLeases(rows: Rows): string | null {
    for (const [task, place] of rows.places) {
      const leaseNo = place.in === "outcome" ? place.outcome.leaseNo : place.leaseNo;
      if (leaseNo < (this.#leases.get(task) ?? 0)) return `the lease number of task ${task} fell to ${leaseNo}`;
      this.#leases.set(task, leaseNo);
    }
    return null;
  }
}

/** Every task is somewhere, and nothing else is anywhere. That it is nowhere twice is so by what a Map is. */
function brokenPlaces(rows: Rows): string | null {
  for (const task of rows.tasks.keys()) if (!rows.places.has(task)) return `task ${task} is nowhere`;
  for (const task of rows.places.keys()) if (!rows.tasks.has(task)) return `there is no task ${task}, and yet it has a place`;
  return null;
}

/** A gate holds for each child of its execution that is under way and not detached, and closed tasks have none. */
function brokenGates(rows: Rows): string | null {
  const underWay = new Map<number, number>();
  for (const { row } of rows.tasks.values()) {
    if (row.parent === null || row.detached || rows.places.get(row.id)?.in === "outcome") continue;
    const gate = rows.gates.get(row.parent);
    if (!gate || (row.act as number) <= gate.baseAct) {
      if (!rows.cancelJobs.has(row.parent) && !rows.gates.get(row.id)?.cancel)
        return `task ${row.id} is under way for nobody, and nobody will ever stop it`;
      continue;
    }
    underWay.set(row.parent, (underWay.get(row.parent) ?? 0) + 1);
  }
  for (const [task, gate] of rows.gates) {
    if (rows.places.get(task)?.in === "outcome") return `task ${task} has ended and has a gate`;
    const n = underWay.get(task) ?? 0;
    if (gate.remaining !== n) return `the gate of task ${task} says ${gate.remaining} and ${n} children are under way`;
    if (gate.armed && rows.places.get(task)?.in !== "running") return `the gate of task ${task} is armed and it does not run`;
  }
  for (const [task, place] of rows.places)
    if (place.in === "parked" && !rows.gates.has(task)) return `task ${task} is parked for ever`;
  for (const wait of rows.waits.values())
    if (wait.endedAt === null && !rows.gates.has(wait.task)) return `task ${wait.task} has ended and waits`;
  for (const { task } of rows.expiries.values())
    if (rows.places.get(task)?.in === "outcome") return `task ${task} has ended and expires`;
  return null;
}

/**
 * What a task was told of has the places 1, 2, 3 ... in its order, each once. Of earlier executions of it only the children
 * are left, and of a closed one not the cancel that it was told of.
 */
function brokenOrders(rows: Rows): string | null {
  const told = new Map<number, number[]>();
  const add = (parent: number, seq: number | null | undefined) => {
    if (seq === null || seq === undefined) return;
    const list = told.get(parent);
    if (list) list.push(seq);
    else told.set(parent, [seq]);
  };
  for (const { row } of rows.tasks.values()) {
    const place = rows.places.get(row.id);
    if (row.parent !== null && place?.in === "outcome") add(row.parent, place.outcome.seq);
  }
  for (const step of rows.steps.values()) add(step.task, step.seq);
  for (const wait of rows.waits.values()) add(wait.task, wait.seq);
  for (const [task, gate] of rows.gates) add(task, gate.cancel?.seq);
  for (const [parent, seqs] of told) {
    const gate = rows.gates.get(parent);
    const all = seqs.toSorted((a, b) => a - b);
    const base = gate?.baseSeq ?? 0;
    const sorted = all.filter((seq) => seq > base);
    if (new Set(all).size < all.length || (gate && sorted.some((seq, i) => seq !== base + i + 1)))
      return `task ${parent} was told of things in the order ${all.join(", ")}`;
    if (gate && gate.lastSeq !== base + sorted.length)
      return `task ${parent} was told of ${sorted.length} things after ${base}, its gate says ${gate.lastSeq}`;
  }
  return null;
}

/** Events of a run count from 1 without a gap. */
function brokenCursors(rows: Rows): string | null {
  const seen = new Map<number, number>();
  for (const e of rows.events) {
    if (e.cursor !== (seen.get(e.run) ?? 0) + 1) return `run ${e.run} has event ${e.cursor} after ${seen.get(e.run) ?? 0}`;
    seen.set(e.run, e.cursor);
  }
  return null;
}
