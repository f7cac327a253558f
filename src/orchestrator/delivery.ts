import type { Delivery } from "../protocol/worker.ts";
import type { ArtifactStore } from "../store/artifact-store.ts";
import type { StoredDelivery } from "../store/contract.ts";

/** A delivery whose value is in its row. */
export function inline(d: StoredDelivery): Delivery {
  return { seq: d.seq, act: d.act, status: d.status, value: d.value, error: d.error, at: d.at };
}

/** A delivery whose value may lie with the artifacts. */
export async function inflate(artifacts: ArtifactStore, d: StoredDelivery): Promise<Delivery> {
  return d.ref === null ? inline(d) : { ...inline(d), value: await artifacts.get(d.ref) };
}

export function inflateAll(artifacts: ArtifactStore, deliveries: readonly StoredDelivery[]): Promise<Delivery[]> {
  return Promise.all(deliveries.map((d) => inflate(artifacts, d)));
}
