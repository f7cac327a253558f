import { readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../../src/core/error-catalogue.ts";
import type { ErrorCode, ErrorDetails } from "../../src/core/error-catalogue.ts";
import { root } from "../root.ts";

/** One example of each: what a person would read. A code without one does not compile. */
const examples: { readonly [C in ErrorCode]: ErrorDetails[C] } = {
  FLOTILLA_INPUT_INVALID: { issues: [{ message: "expected a number", path: ["files", 3, "bytes"] }] },
  FLOTILLA_OUTPUT_INVALID: { issues: [{ message: "expected a whole number of 1 or more", path: ["findings", 4, "line"] }] },
  FLOTILLA_AGENT_FAILED: { agent: "review", task: "t_…", attempts: 3 },
  FLOTILLA_TIMEOUT: { after: "idleTimeout" },
  FLOTILLA_JOIN_UNMET: { wanted: 95, succeeded: 80, gaps: 20 },
  FLOTILLA_BUDGET_EXHAUSTED: { budget: "usd", limit: 2, spent: 2 },
  FLOTILLA_REJECTED: { by: "ada", reason: "not on a Friday" },
  FLOTILLA_NO_WORKER: { needs: ["gpu"], nearest: [] },
  FLOTILLA_HISTORY_MISMATCH: { key: "act 3", recorded: "review", asked: "summarize" },
  FLOTILLA_QUARANTINED: { crashes: 3 },
  FLOTILLA_CANCELED: { by: "run.cancel: superseded" },
  FLOTILLA_FOREIGN_AWAIT: { key: "review" },
  FLOTILLA_UNKNOWN_DEFINITION: { name: "reveiw", known: ["review", "audit"] },
  FLOTILLA_DUPLICATE_NAME: { name: "review" },
  FLOTILLA_CONFIG_INVALID: {
    field: "review.timeout",
    problem: '"5 minutes" is not a quantity',
    fix: 'write "500ms", "30s", "5m", "2h" or "7d"',
  },
  FLOTILLA_VALUE_NOT_JSON: { path: "files[0].seen", why: "a Map would become {}" },
  FLOTILLA_TOO_LARGE: { what: "input", bytes: 2_000_000, max: 1_048_576 },
  FLOTILLA_TOO_MANY: { what: "children", count: 2_000_000, max: 1_000_000 },
  FLOTILLA_IDEMPOTENCY_CONFLICT: { key: "audit:main:abc123", run: "r_…" },
  FLOTILLA_NOT_FOUND: { what: "run", id: "r_…" },
  FLOTILLA_LEASE_LOST: { task: "t_…" },
  FLOTILLA_STEP_IN_DOUBT: { key: "send mail" },
  FLOTILLA_STORE_LOCKED: { path: "fleet.db", pid: 4711 },
  FLOTILLA_STORE_UNUSABLE: { path: "fleet.db", problem: "the file is not a database", fix: "name another file" },
  FLOTILLA_STORE_NEWER: { path: "fleet.db", schema: 7, known: 5 },
  FLOTILLA_STORE_FULL: { path: "fleet.db" },
  FLOTILLA_DEFINITION_UNREADABLE: { file: "agents.ts", problem: "enums need a compiler", fix: "write a const object instead" },
  FLOTILLA_CLOSED: { what: "the fleet" },
  FLOTILLA_UNREACHABLE: { target: "fleet.db" },
  FLOTILLA_WORKER_LOST: { worker: "worker 3", how: "was killed by SIGKILL" },
  FLOTILLA_NOT_SUPPORTED: { what: "store postgres://…", instead: "use sqlite:<file> or memory" },
};

/** docs/reference/errors.md */
export function errorsPage(): string {
  const codes = (Object.keys(catalogue) as ErrorCode[]).toSorted();
  const rows = codes.map((code) => `| [${code}](#${code.toLowerCase()}) | ${catalogue[code].title} | ${word(code)} |`);
  return `# Errors

Every error of Flotilla has a \`code\` that stays the same, a \`title\`, the facts (\`why\`), what to do (\`fix\`), typed
\`details\`, and \`retryable\`: true when the same call may succeed later without a change. \`isFlotillaError(e, code)\` narrows
\`e\` to the details of that code. What an agent declares in \`errors\` arrives as \`FLOTILLA_DECLARED\` with its name and data.

| code | title | retry |
|---|---|---|
${rows.join("\n")}

${codes.map(section).join("\n")}`;
}

function word(code: ErrorCode): string {
  return catalogue[code].retryable ? "may help" : "will not help";
}

function section(code: ErrorCode): string {
  const entry = catalogue[code] as { title: string; why(d: unknown): string; fix(d: unknown): readonly string[] };
  const details = examples[code];
  return `## ${code}

${entry.title}. Trying again ${word(code)}. \`details\`: \`${detailsType(code)}\`

> ${entry.title}: ${entry.why(details)}

${entry
  .fix(details)
  .map((f) => `- ${f}`)
  .join("\n")}
`;
}

const source = readFileSync(join(root, "src/core/error-catalogue.ts"), "utf8");

/** The type of the details as the catalogue writes it. */
function detailsType(code: ErrorCode): string {
  const type = new RegExp(`^ {2}${code}: (\\{[^}]*\\});$`, "m").exec(source)?.[1];
  if (type === undefined) throw new Error(`no details type of ${code} in src/core/error-catalogue.ts: keep it on one line`);
  return type.replace("Schema.Issue", "StandardSchemaV1.Issue");
}
