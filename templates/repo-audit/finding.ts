// The nouns of the audit. Everything here is plain JSON: it travels between tasks and is stored as it is.

/** What an audit agent looks at. One dimension = one kind of agent with its own verifier. */
export const dimensions = [
  "licences",
  "secrets",
  "links",
  "hotspots",
  "tests",
  "docs",
  "dependencies",
  "ci",
  "debt",
  "files",
] as const;
export type Dimension = (typeof dimensions)[number];

export const severities = ["info", "low", "medium", "high"] as const;
export type Severity = (typeof severities)[number];

/** One fact about the repository that somebody should act on. */
export interface Finding {
  /** Stable over runs: hash of dimension, rule, path and what was found; never of the line number. */
  readonly id: string;
  readonly dimension: Dimension;
  /** Kebab-case, unique within the dimension, such as `dead-path`. SARIF ruleId is `dimension/rule`. */
  readonly rule: string;
  readonly severity: Severity;
  /** Relative to the repository's root, with forward slashes. `""` when the finding is about the repository. */
  readonly path: string;
  /** 1-based. Absent when the finding is about the whole file. */
  readonly line?: number;
  /** One sentence: what is wrong here. */
  readonly message: string;
  /** One sentence: what to do about it. */
  readonly fix: string;
  /** What the auditor saw, quoted and cut to 200 characters; secrets are always redacted. */
  readonly evidence: string;
  /** Facts that the verifier needs, by name. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** A second method's word on a finding. Findings below medium are not verified and stay `unverified`. */
export type Verdict =
  | { readonly status: "confirmed"; readonly method: string }
  | { readonly status: "likely"; readonly method: string; readonly reason: string }
  | { readonly status: "rejected"; readonly method: string; readonly reason: string };

export type VerifiedFinding = Finding & {
  readonly verdict: Verdict | { readonly status: "unverified" };
};

/** One file of the inventory. */
export interface FileEntry {
  readonly path: string;
  readonly bytes: number;
  /** Git blob id when tracked and clean, otherwise SHA-1 of `blob <bytes>\0<content>`: the same value for the same bytes. */
  readonly hash: string;
  readonly kind: "source" | "test" | "docs" | "config" | "lockfile" | "data" | "binary" | "other";
  /** `typescript`, `python`, `markdown` ..., `""` when unknown. */
  readonly language: string;
  /** Generated or vendored: read for links, never blamed. */
  readonly vendored: boolean;
  /** In the folder but not in git. Absent when tracked, and without git. */
  readonly untracked?: true;
  /** Commits of the year before HEAD that changed it, and the last of them. Absent when there were none. */
  readonly touched?: { readonly commits: number; readonly last: string };
}

export interface Inventory {
  /** Absolute path of the repository. */
  readonly root: string;
  readonly name: string;
  readonly files: readonly FileEntry[];
  readonly git: {
    readonly commits: number;
    readonly head: string | null;
    readonly oldest: string | null;
    /** When HEAD was committed: ages are measured to this instant. */
    readonly headAt?: string | null;
    readonly shallow?: boolean;
  };
  /** Roots of documentation sites and what builds them, so that routes are not taken for paths. */
  readonly docsSites: readonly { readonly root: string; readonly framework: string }[];
  readonly manifests: readonly string[];
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
  /** Hash of the package manager's record of what is installed; absent when nothing is. */
  readonly installed?: string;
}

/** One unit of audit work: a dimension over some files. Small enough to finish within seconds. */
export interface Shard {
  /** Stable for the same files: dimension plus ordinal, such as `links#3`. */
  readonly key: string;
  readonly dimension: Dimension;
  readonly files: readonly FileEntry[];
  /** Hash over everything the audit of this shard depends on; an equal hash means that the last run's findings still hold. */
  readonly contentHash: string;
}

export interface AuditPlan {
  readonly shards: readonly Shard[];
  /** One line for each dimension: why it is in or out, and how it was cut. */
  readonly decisions: readonly {
    readonly dimension: Dimension;
    readonly included: boolean;
    readonly why: string;
    readonly shards: number;
  }[];
}

/** What a run leaves for the next one, and what the report is made of. */
export interface AuditResult {
  readonly repo: {
    readonly name: string;
    readonly root: string;
    readonly head: string | null;
    readonly files: number;
    readonly bytes: number;
  };
  readonly runId: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly plan: AuditPlan["decisions"];
  readonly findings: readonly VerifiedFinding[];
  /** Work that did not finish; the report names each one. */
  readonly gaps: readonly { readonly task: string; readonly what: string; readonly why: string }[];
  readonly stats: {
    readonly tasks: number;
    readonly shards: number;
    /** Shards whose content hash equals the last run's, so that their findings were taken over. */
    readonly reusedShards: number;
    readonly filesUnchanged: number;
    readonly verified: number;
    readonly workers: number;
  };
}
