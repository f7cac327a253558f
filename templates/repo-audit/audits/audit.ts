// What each dimension of the audit is made of, and how findings are put into words.

import { createHash } from "node:crypto";
import { isExamplePath, isFixturePath, isTestPath } from "../classify.ts";
import {
  type Dimension,
  type FileEntry,
  type Finding,
  type Inventory,
  severities,
  type Severity,
  type Shard,
  type Verdict,
} from "../finding.ts";
import type { Repository } from "../repository.ts";
import { redact } from "../secrets/rules.ts";

/** Which files a dimension wants to see, or why it has nothing to do here. */
export type Scope =
  | {
      readonly files: readonly FileEntry[];
      readonly why: string;
      /** Whatever else the audit or its verifier looks at: a change in it makes earlier findings stale. */
      readonly basis: readonly string[];
      /** Sizes of one shard. Parsing costs more per byte than scanning. */
      readonly shardBytes: number;
      readonly shardFiles: number;
      /** The audit reads the history of each of its files, so that a commit which touches one makes its shard stale. */
      readonly history?: true;
    }
  | { readonly out: string };

export interface Audit {
  readonly dimension: Dimension;
  readonly description: string;
  /** Raise when a rule changes, so that findings of the old rules are not reused. */
  readonly version: number;
  readonly scope: (inventory: Inventory) => Scope;
  /** A file that cannot be read or parsed makes it throw: the caller decides whether to go on without it. */
  readonly audit: (shard: Shard, repo: Repository) => Promise<Finding[]>;
  /** Looks at one finding by another method than the one that found it. */
  readonly verify: (finding: Finding, repo: Repository) => Promise<Verdict>;
}

export interface Draft extends Omit<Finding, "id"> {
  /** What was found, free of line numbers and of secrets: part of the id. */
  readonly what: string;
}

const evidenceMax = 200;

function cut(text: string): string {
  const oneLine = text.replaceAll(/\s+/g, " ").trim();
  return oneLine.length <= evidenceMax ? oneLine : `${oneLine.slice(0, evidenceMax - 1)}…`;
}

function idOf(draft: Draft, ordinal: number): string {
  const identity = JSON.stringify([draft.dimension, draft.rule, draft.path, redact(draft.what), ordinal]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 16);
}

function compare(a: Draft, b: Draft): number {
  for (const key of ["path", "line", "rule", "what"] as const) {
    const [left, right] = [a[key] ?? 0, b[key] ?? 0];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/**
 * Sorts drafts and gives each its id. Equal ones in a file are told apart by their order, so that lines may shift.
 * Whatever is quoted is redacted here, in one place, since any audit may quote a line that holds a secret.
 */
export function settle(drafts: readonly Draft[]): Finding[] {
  const seen = new Map<string, number>();
  return [...drafts].sort(compare).map((draft) => {
    const key = JSON.stringify([draft.rule, draft.path, draft.what]);
    const ordinal = seen.get(key) ?? 0;
    seen.set(key, ordinal + 1);
    const { what: _, ...finding } = draft;
    return { id: idOf(draft, ordinal), ...finding, message: redact(draft.message), evidence: cut(redact(draft.evidence)) };
  });
}

export const confirmed = (method: string): Verdict => ({ status: "confirmed", method });
export const likely = (method: string, reason: string): Verdict => ({ status: "likely", method, reason });
export const rejected = (method: string, reason: string): Verdict => ({ status: "rejected", method, reason });

export function atMost(severity: Severity, limit: Severity): Severity {
  return severities.indexOf(severity) <= severities.indexOf(limit) ? severity : limit;
}

/** Tests, fixtures and examples do not ship: what is wrong in them is worth a note, not an alarm. */
export function bySetting(severity: Severity, path: string): Severity {
  return isTestPath(path) || isFixturePath(path) || isExamplePath(path) ? atMost(severity, "low") : severity;
}

export function needsVerdict(finding: Finding): boolean {
  return severities.indexOf(finding.severity) >= severities.indexOf("medium");
}

export function fact(finding: Finding, name: string): string {
  return String(finding.facts?.[name] ?? "");
}
