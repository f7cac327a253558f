// Defects put into a store on purpose, to see that the checker sees them.
import { DatabaseSync } from "node:sqlite";
import type { Batch, Lease, Store } from "../../../src/store/contract.ts";

export const plantedDefects = ["ignores fences", "acknowledges before the commit"] as const;
export type PlantedDefect = (typeof plantedDefects)[number];

/** @param acknowledge called by the defect that cannot wait for the commit */
export function withDefect(store: Store, db: string, defect: PlantedDefect, acknowledge: (batch: Batch) => void): Store {
  if (defect === "acknowledges before the commit") {
    return {
      ...store,
      commit(batch) {
        acknowledge(batch);
        return store.commit(batch);
      },
    };
  }
  const beside = new DatabaseSync(db);
  const newest = beside.prepare("SELECT lease_no AS leaseNo FROM running WHERE task = ?");
  /** Whatever lease an attempt comes with, it is taken for the one that is held. */
  const held = (lease: Lease): Lease => ({ ...lease, ...(newest.get(lease.task) as { leaseNo: number } | undefined) });
  return {
    ...store,
    commit: (batch) => store.commit({ ...batch, settles: batch.settles.map((s) => ({ ...s, lease: held(s.lease) })) }),
  };
}
