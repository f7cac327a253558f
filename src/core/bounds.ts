// Sizes that every door checks, in one place; docs/reference/limits.md lists them.

export const bounds = Object.freeze({
  /** Bytes of one task's input, as JSON. Larger values travel as artifacts. */
  inputBytes: 1_048_576,
  /** Bytes of a result that is stored in its row; beyond it becomes an artifact by itself. */
  inlineResultBytes: 65_536,
  /** Bytes of one artifact, and so of one result. */
  artifactBytes: 256 * 1_048_576,
  nameLength: 100,
  keyLength: 512,
  tenantLength: 100,
  tagsMax: 32,
  tagLength: 128,
  /** Children of one task. */
  fanout: 1_000_000,
  /** Levels of tasks below a run's root. */
  depth: 64,
  emitBytes: 65_536,
  emitsPerTask: 10_000,
  /** Messages that wait for one task to take them. */
  messagesPerTask: 1_000,
  needsMax: 32,
  errorBytes: 32_768,
  /** Ticks that a schedule with `onMissed: "all"` makes up for, the latest ones. */
  missedTicks: 100,
  /** Shortest `every` of a schedule, in ms. */
  scheduleEveryMs: 1_000,
  /** What one bulk operation may change. */
  bulk: 100_000,
  /** Nodes of one plan. */
  planNodes: 1_000,
  /** Nodes of a plan that need each other in a row. */
  planDepth: 200,
  /** Bytes of a plan, as JSON. */
  planBytes: 1_048_576,
  /** Arrays and objects inside of each other, in what comes over HTTP. */
  jsonDepth: 200,
  /** Tasks that one worker runs at a time. */
  slotsMax: 10_000,
  /** Definitions that one worker brings. */
  definitionsMax: 10_000,
  /** Bytes of one frame between a remote worker and its orchestrator. Longer messages travel in parts. */
  frameBytes: 1_114_112,
  /** Bytes of one message of a remote worker, all its parts together: an artifact of plain text, or a quarter of one that JSON escapes. */
  messageBytes: 268_500_992,
  /** Letters of a plan node's note. */
  planNoteLength: 500,
});
