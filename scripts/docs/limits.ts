import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bounds } from "../../src/core/bounds.ts";
import { root } from "../root.ts";

type Bound = keyof typeof bounds;
type Unit = "bytes" | "characters" | "ms" | "";

/** What each bounds. One without a line here does not compile. */
const meaning: { readonly [K in Bound]: readonly [what: string, unit: Unit] } = {
  inputBytes: ["One task's input, as JSON. Pass larger values as artifacts.", "bytes"],
  inlineResultBytes: ["A result kept in its row. Beyond it, it becomes an artifact by itself.", "bytes"],
  artifactBytes: ["One artifact, and so one result.", "bytes"],
  nameLength: ["The name of a definition.", "characters"],
  keyLength: ["A key of a child, a step or an idempotent start.", "characters"],
  tenantLength: ["A tenant of a run.", "characters"],
  tagsMax: ["Tags of a run.", ""],
  tagLength: ["One tag.", "characters"],
  fanout: ["Children of one task.", ""],
  depth: ["Levels of tasks below a run's root.", ""],
  emitBytes: ["One emitted value, as JSON.", "bytes"],
  emitsPerTask: ["Emitted values of one task.", ""],
  messagesPerTask: ["Messages that wait for one task to take them.", ""],
  needsMax: ["Capabilities that a definition needs.", ""],
  errorBytes: ["A stored error.", "bytes"],
  missedTicks: ['Missed ticks that a schedule with `onMissed: "all"` makes up for: the latest ones.', ""],
  scheduleEveryMs: ["Shortest `every` of a schedule.", "ms"],
  bulk: ["Runs or tasks that one bulk operation may change.", ""],
  planNodes: ["Nodes of one plan.", ""],
  planDepth: ["Nodes of a plan that need each other in a row.", ""],
  planBytes: ["A plan, as JSON.", "bytes"],
  jsonDepth: ["Arrays and objects inside of each other, in the body of an HTTP request.", ""],
  slotsMax: ["Slots of one worker.", ""],
  definitionsMax: ["Definitions that one worker brings.", ""],
  frameBytes: ["One frame between a remote worker and its orchestrator. Longer messages travel in parts.", "bytes"],
  messageBytes: ["One message of a remote worker, all its parts together.", "bytes"],
  planNoteLength: ["The note of a plan's node.", "characters"],
};

/** Bounds that no code reads: the page would promise what nobody enforces. */
export function unreadBounds(): string[] {
  const code = globSync("src/**/*.ts", { cwd: root })
    .filter((f) => !f.endsWith(".test.ts"))
    .map((f) => readFileSync(join(root, f), "utf8"))
    .join("\n");
  return Object.keys(bounds).filter((key) => !code.includes(`bounds.${key}`));
}

/** docs/reference/limits.md */
export function limitsPage(): string {
  const unread = new Set(unreadBounds());
  const rows = (Object.keys(bounds) as Bound[])
    .filter((key) => !unread.has(key))
    .map((key) =>
      `| \`${key}\` | ${bounds[key].toLocaleString("en")} ${meaning[key][1]} | ${meaning[key][0]} |`.replace("  |", " |"),
    );
  return `# Limits

What is over a limit is refused with [FLOTILLA_TOO_LARGE](errors.md#flotilla_too_large),
[FLOTILLA_TOO_MANY](errors.md#flotilla_too_many) or [FLOTILLA_CONFIG_INVALID](errors.md#flotilla_config_invalid). A start is
refused before anything is written. A call inside a workflow that has too many siblings or is too deep is stored as failed, so
that a re-run sees the same. A result that is too large ends its attempt. Two limits refuse nothing: a result over
\`inlineResultBytes\` becomes an artifact, and an error is cut to \`errorBytes\`.

A plan over a limit of plans is refused with the rest of its issues, see [plans](../guides/plans.md).

How many tasks may wait in all is an option: \`quotas: { queued }\` of the fleet, 5,000,000 by default.
\`run.queued\` tells the queue that a start met.

| limit | value | what it bounds |
|---|---|---|
${rows.join("\n")}
`;
}
