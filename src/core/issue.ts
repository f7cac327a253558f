import type { StandardSchemaV1 as Schema } from "@standard-schema/spec";

/** `issue.path` as `files[3].bytes`; empty for the value itself. */
export function issuePath(issue: Schema.Issue): string {
  let path = "";
  for (const part of issue.path ?? []) {
    const key = typeof part === "object" ? part.key : part;
    path += typeof key === "number" ? `[${key}]` : path === "" ? String(key) : `.${String(key)}`;
  }
  return path;
}

const shown = 3;

/** The first three issues in one line, each with its path. */
export function issueLine(issues: readonly Schema.Issue[]): string {
  const lines = issues.slice(0, shown).map((issue) => {
    const path = issuePath(issue);
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  return lines.join("; ") + (issues.length > shown ? `; and ${issues.length - shown} more` : "");
}

/** Issues as plain JSON: a library's own issue objects may hold the value, or functions. */
export function plainIssues(issues: readonly Schema.Issue[]): Schema.Issue[] {
  return issues
    .slice(0, 20)
    .map((i) => ({ message: i.message, path: (i.path ?? []).map((p) => (typeof p === "object" ? p.key : p)) }));
}
