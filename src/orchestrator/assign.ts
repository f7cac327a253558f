import type { Assignment } from "../protocol/worker.ts";
import type { Journal, TaskRow } from "../store/contract.ts";
import type { Attempt } from "./attempt.ts";
import type { Engine } from "./engine.ts";
import { historyOf, nextPage, sendHistory } from "./history.ts";
import { assigned } from "./deliver.ts";
import { watchUnwinding } from "./liveness.ts";
import { readKept } from "./origin.ts";

/** Entries of a journal in one message: about 1 MB. */
const journalPage = 5_000;

/** Sends a task whose journal or public id must be read first. Deliveries queue behind it. */
export function sendAssignment(engine: Engine, attempt: Attempt, row: TaskRow): void {
  attempt.assigning = true;
  const mine: Promise<void> = readAssignment(engine, attempt, row).then(
    (send) => {
      if (!attempt.ended) send();
      assigned(engine, attempt);
      // What settled while the first page was being loaded: the worker does not know of it, so it will not ask.
      if (attempt.history && attempt.history.next >= attempt.history.asked) sendHistory(engine, attempt);
      if (attempt.outbox === mine) attempt.outbox = null;
      engine.queries.begun(attempt);
    },
    (e: unknown) => engine.unreadable(attempt, e, { codeRuns: false }),
  );
  attempt.outbox = mine;
}

async function readAssignment(engine: Engine, attempt: Attempt, row: TaskRow): Promise<() => void> {
  const { state } = engine;
  const publicId = attempt.publicId || (await state.publicId(row));
  (attempt as { publicId: string }).publicId = publicId;
  const journal: Journal | null = attempt.hasGate ? await state.store.tasks.journal(row.id) : null;
  attempt.hasGate = journal !== null;
  attempt.queuedSeq = Math.max(attempt.queuedSeq, journal?.lastSeq ?? 0);
  attempt.sentSeq = journal?.baseSeq ?? 0;
  attempt.children = journal?.entries.filter((e) => e.kind === "child").length ?? 0;
  const { origin } = attempt.options ?? {};
  attempt.kept = origin ? await readKept(state.store, origin) : null;
  const kept = attempt.kept?.steps ?? [];
  const history = journal && historyOf(journal);
  attempt.history = history;
  if (journal?.cancel) watchUnwinding(engine, attempt, journal.cancel.reason);
  const deliveries = history ? await nextPage(state, attempt, history) : [];
  const entries = journal?.entries ?? [];
  const assignment: Assignment = {
    fence: attempt.fence,
    publicId,
    definition: attempt.runs.name,
    tenant: row.tenant ?? "default",
    attempt: attempt.attempt,
    input: row.input,
    startedAt: journal?.startedAt ?? attempt.claimedAt,
    acts: journal?.acts ?? 0,
    journal: entries.length > journalPage ? entries.slice(0, journalPage) : entries,
    journalLeft: Math.max(0, entries.length - journalPage),
    baseSeq: journal?.baseSeq ?? 0,
    lastSeq: journal?.lastSeq ?? 0,
    deliveries,
    ...(attempt.options?.inflate ? { inflate: true } : {}),
    ...(kept.length > 0 ? { kept } : {}),
  };
  return () => {
    const { link } = attempt.worker;
    link.send({ t: "assign", tasks: [assignment] });
    for (let at = journalPage; at < entries.length; at += journalPage) {
      const page = entries.slice(at, at + journalPage);
      link.send({ t: "journal", fence: attempt.fence, entries: page, left: Math.max(0, entries.length - at - journalPage) });
    }
  };
}
