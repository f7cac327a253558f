import type { Assignment } from "../protocol/worker.ts";
import type { Journal, TaskRow } from "../store/contract.ts";
import type { Attempt } from "./attempt.ts";
import { inflateAll } from "./delivery.ts";
import type { Engine } from "./engine.ts";
import { untilRead } from "./patience.ts";

/** Sends a task whose journal or public id must be read first. Deliveries queue behind it. */
export function sendAssignment(engine: Engine, attempt: Attempt, row: TaskRow): void {
  attempt.outbox = readAssignment(engine, attempt, row).then(
    (assignment) => {
      if (!attempt.ended) attempt.worker.link.send({ t: "assign", tasks: [assignment] });
    },
    (e: unknown) => engine.unreadable(attempt, e, { codeRuns: false }),
  );
}

async function readAssignment(engine: Engine, attempt: Attempt, row: TaskRow): Promise<Assignment> {
  const { state } = engine;
  const publicId = attempt.publicId || (await state.publicId(row));
  (attempt as { publicId: string }).publicId = publicId;
  const journal: Journal | null = attempt.hasGate ? await state.store.tasks.journal(row.id) : null;
  attempt.hasGate = journal !== null;
  attempt.sentSeq = journal?.lastSeq ?? 0;
  attempt.queuedSeq = Math.max(attempt.queuedSeq, attempt.sentSeq);
  attempt.children = journal?.entries.filter((e) => e.kind === "child").length ?? 0;
  return {
    fence: attempt.fence,
    publicId,
    definition: attempt.runs.name,
    tenant: row.tenant ?? "default",
    attempt: attempt.attempt,
    input: row.input,
    startedAt: journal?.startedAt ?? attempt.claimedAt,
    acts: journal?.acts ?? 0,
    journal: journal?.entries ?? [],
    deliveries: await untilRead(state, () => inflateAll(state.artifacts, journal?.deliveries ?? [])),
  };
}
