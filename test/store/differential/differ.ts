import type { Store } from "../../../src/store/contract.ts";
import { emptyDisk, type Disk } from "../model/disk.ts";
import { Watch } from "../model/invariants.ts";
import { openModelStore } from "../model/open.ts";
import { catalogue, perform, type Call } from "./calls.ts";
import { difference } from "./difference.ts";
import type { Op } from "./ops.ts";
import { differentReads } from "./reads.ts";
import { Script } from "./script.ts";

export interface Told {
  /** What both were asked, up to where they parted. */
  readonly calls: readonly Call[];
  /** How they differ, or which invariant broke; null when neither. */
  readonly problem: string | null;
}

/** Does the same to a store and to the model, and compares every answer and, at the end, everything that can be read. */
export async function differ(subject: Store, ops: readonly Op[]): Promise<Told> {
  const disk = emptyDisk();
  const script = new Script(disk);
  function* calls(): Generator<Call> {
    yield* script.begin();
    for (const op of ops) yield script.call(op);
  }
  return follow(subject, disk, calls());
}

/** The same with calls that are known: what a printed counter-example is pasted into. */
export async function replay(subject: Store, calls: Iterable<Call>): Promise<string | null> {
  return (await follow(subject, emptyDisk(), calls)).problem;
}

async function follow(subject: Store, disk: Disk, calls: Iterable<Call>): Promise<Told> {
  const model = openModelStore(disk);
  const watch = new Watch();
  const done: Call[] = [];
  const told = (problem: string | null): Told => ({ calls: done, problem });
  await subject.catalogue.defineAll(catalogue);
  await model.catalogue.defineAll(catalogue);
  for (const call of calls) {
    done.push(call);
    const found =
      difference(await perform(subject, call), await perform(model, call), `call ${done.length}`) ?? watch.look(disk.rows);
    if (found !== null) return told(found);
  }
  return told(await differentReads(subject, model, disk.rows));
}
