// Rows as the engine writes them, by column name. A column that is new in a migration needs a line here.
type Value = string | number | null;

const hex = (i: number): string =>
  Math.imul(i + 1, 0x9e37_79b1)
    .toString(16)
    .replace("-", "")
    .padStart(8, "0");
const at = (i: number): number => 1_790_000_000_000 + i;

const input = JSON.stringify({ path: "src/orchestrator/dispatch.ts", bytes: 4_812, commit: "9f3c1d2ab47e" });
const value = JSON.stringify({ ok: true, findings: [] });

const shared: Readonly<Record<string, (i: number) => Value>> = {
  namespace: () => 1,
  definition: () => 1,
  lane: () => 1,
  prio: () => 1,
  pass: () => 0,
  lease_no: () => 1,
  attempt: () => 1,
  crashes: () => 0,
  alone: () => 0,
  orchestrator: () => 1,
  worker: (i) => 1 + (i % 16),
  key: (i) => `review:${hex(i)}${hex(i + 7)}:0`,
  asked_after: () => 0,
  error: () => null,
  ref: () => null,
  micro_usd: () => null,
  input_tokens: () => null,
  output_tokens: () => null,
  // a table's own id, where it has one
  id: (i) => i,
  task: (i) => i,
};

/** The columns in which a kind of row differs from the shared ones. */
export const rowKinds = {
  "task, a root": {
    table: "task",
    columns: {
      run: (i) => i,
      parent: () => null,
      act: () => null,
      key: () => null,
      input_hash: () => null,
      asked_after: () => null,
      secret: (i) => `${hex(i)}${hex(i + 1)}${hex(i + 2)}aa`,
      path: () => null,
      tenant: () => null,
      depth: () => 0,
      detached: () => 0,
      input: () => input,
      options: () => null,
      created_at: at,
    },
  },
  "task, a child": {
    table: "task",
    columns: {
      run: () => 1,
      parent: () => 1,
      act: (i) => i,
      input_hash: (i) => `${hex(i)}${hex(i + 3)}abcdef`,
      secret: () => null,
      path: (i) => String(i),
      tenant: () => null,
      depth: () => 1,
      detached: () => 0,
      input: () => input,
      options: () => null,
      created_at: at,
    },
  },
  ready: { table: "ready", columns: { lease_no: () => 0, attempt: () => 0, since: at } },
  delayed: { table: "delayed", columns: { due_at: (i) => at(i * 7_919) } },
  running: { table: "running", columns: { top: () => 1, claimed_at: at } },
  step: {
    table: "step",
    columns: {
      task: (i) => 1 + Math.floor(i / 100),
      act: (i) => i % 100,
      key: (i) => `step ${i % 100}`,
      begun_at: at,
      seq: (i) => i % 100,
      ended_at: at,
      value: () => value,
    },
  },
  outcome: { table: "outcome", columns: { status: () => 0, seq: (i) => i, started_at: at, finished_at: at, value: () => value } },
  attempt: {
    table: "attempt",
    columns: { started_at: at, ended_at: at, how: () => "failed", error: () => '{"code":"ERROR","message":"429"}' },
  },
  event: { table: "event", columns: { run: () => 1, cursor: (i) => i, type: () => 1, act: (i) => i } },
} as const satisfies Readonly<Record<string, { table: string; columns: Readonly<Record<string, (i: number) => Value>> }>>;

export type RowKind = keyof typeof rowKinds;

/** @throws naming the column that has no value here. */
export function valueOf(kind: RowKind, column: string): (i: number) => Value {
  const own = (rowKinds[kind].columns as Readonly<Record<string, ((i: number) => Value) | undefined>>)[column];
  const make = own ?? shared[column];
  if (!make) throw new Error(`bench/schema/rows.ts knows no value for ${rowKinds[kind].table}.${column}`);
  return make;
}
