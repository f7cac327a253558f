import type { AuditResult, Dimension, VerifiedFinding } from "../finding.ts";
import { inOrder, isCounted } from "./order.ts";
import { scoreResult, shown } from "./score.ts";

/** What changed since the previous run. Every finding of both runs is in exactly one list; `unchanged` stands for both. */
export interface DiffResult {
  readonly previous: { readonly runId: string; readonly finishedAt: string; readonly head: string | null };
  readonly new: readonly VerifiedFinding[];
  /** As the previous run told them. */
  readonly fixed: readonly VerifiedFinding[];
  /** As this run tells them. */
  readonly unchanged: readonly VerifiedFinding[];
  /** Counted before, now rejected by the second method: nobody fixed anything. */
  readonly withdrawn: readonly VerifiedFinding[];
  /** Not found again, but its dimension was left out or did not finish this time: it may well still be there. */
  readonly unknown: readonly VerifiedFinding[];
  readonly total: ScoreDelta;
  readonly dimensions: readonly (ScoreDelta & { readonly dimension: Dimension })[];
}

export interface ScoreDelta {
  readonly before: number | null;
  readonly after: number | null;
  /** Of the whole numbers that people read, so that the report adds up; null when either is missing. */
  readonly delta: number | null;
}

export function diffResults(previous: AuditResult, current: AuditResult): DiffResult {
  const before = scoreResult(previous);
  const after = scoreResult(current);
  // An id can occur twice (the same marker, twice in one file), so ids are counted, not collected in a set.
  const left = tally(previous.findings.filter(isCounted));
  const lists = { new: [] as VerifiedFinding[], unchanged: [] as VerifiedFinding[], withdrawn: [] as VerifiedFinding[] };
  // Counted findings take their partner first: with equal ids, one kept and one rejected, the kept one is the old one.
  const current_ = inOrder(current.findings);
  for (const finding of current_.filter(isCounted)) lists[take(left, finding.id) ? "unchanged" : "new"].push(finding);
  for (const finding of current_.filter((f) => !isCounted(f))) if (take(left, finding.id)) lists.withdrawn.push(finding);

  const unfinished = new Set(after.dimensions.filter((d) => !d.audited || !d.complete).map((d) => d.dimension));
  const gone = inOrder(previous.findings.filter(isCounted)).filter((finding) => take(left, finding.id));
  return {
    previous: { runId: previous.runId, finishedAt: previous.finishedAt, head: previous.repo.head },
    ...lists,
    fixed: gone.filter((f) => !unfinished.has(f.dimension)),
    unknown: gone.filter((f) => unfinished.has(f.dimension)),
    total: delta(before.total, after.total),
    dimensions: after.dimensions.map(({ dimension, score }, i) => ({ dimension, ...delta(before.dimensions[i]!.score, score) })),
  };
}

function tally(findings: readonly VerifiedFinding[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of findings) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function take(left: Map<string, number>, id: string): boolean {
  const n = left.get(id) ?? 0;
  if (n > 0) left.set(id, n - 1);
  return n > 0;
}

function delta(before: number | null, after: number | null): ScoreDelta {
  return { before, after, delta: before === null || after === null ? null : shown(after) - shown(before) };
}
