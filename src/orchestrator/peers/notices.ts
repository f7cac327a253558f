import type { StoredDelivery } from "../../store/contract.ts";
import type { Notice } from "../../store/shared.ts";
import { endAttempt } from "../attempts.ts";
import { deliver, deliverParked } from "../deliver.ts";
import type { Engine } from "../engine.ts";
import { answerFor } from "./questions.ts";

/** What commits of other orchestrators mean for the attempts that are held here. */
export function takeNotices(engine: Engine, notices: readonly Notice[]): void {
  const deliveries: StoredDelivery[] = [];
  for (const n of notices) {
    if (n.kind === "delivery") deliveries.push(n.delivery);
    else if (n.kind === "closed") closed(engine, n);
    else if (n.kind === "question") answerFor(engine, n);
    else engine.queries.heard(n);
  }
  // What was held back has the lower places: it goes first.
  deliverParked(engine);
  deliver(engine, deliveries);
}

function closed(engine: Engine, n: Extract<Notice, { kind: "closed" }>): void {
  const attempt = engine.state.attempts.get(n.task);
  if (!attempt || attempt.fence.leaseNo !== n.leaseNo) return;
  // Moved: its worker executes it for another orchestrator, and is gone from here.
  endAttempt(engine, attempt, n.status === "moved" ? null : n.reason);
  if (n.status !== "moved") engine.queries.ended(n.task);
  engine.dispatch();
}
