// What may happen, drawn before anything is known: numbers that script.ts turns into calls by looking at where tasks are.
// So most calls hit something, and a shrunk sequence stays one.
import fc from "fast-check";

const few = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number) => fc.array(arbitrary, { maxLength, size: "max" });

/** Which of those that are there, counted round. */
const which = fc.nat(30);
const rarely = fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

/** A lease: mostly the one that counts. */
const lease = fc.record({
  which,
  aged: fc.oneof({ weight: 14, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
  /** Of any task, also of one that does not run. */
  anywhere: rarely,
});

/** Taken over from another task; rarely from none. */
const adopts = fc.option(which, { freq: 9, nil: null });

const child = fc.record({
  adopts,
  lane: fc.constantFrom(1, 2, 3),
  prio: fc.nat(2),
  pass: fc.nat(3),
  born: fc.constantFrom("ready", "ready", "claimed", "claimed", "delayed"),
  refused: rarely,
  detached: fc.nat(5).map((n) => n === 1),
  shielded: fc.nat(3).map((n) => n === 1),
});

const wait = fc.record({
  adopts,
  kind: fc.constantFrom("timer", "message", "message", "approval"),
  name: fc.nat(1),
  /** null: for ever; a timer always ends. */
  inMs: fc.option(fc.nat(15), { freq: 2, nil: null }),
});

const send = fc.record({ to: fc.constantFrom("child", "child", "task", "nobody"), which, name: fc.nat(1) });

/** Another lane from here on. */
const pin = fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom(1, 2, 3) });

const acts = fc.record({
  lease,
  pin,
  children: fc.array(child, { maxLength: 3 }),
  steps: fc.array(adopts, { maxLength: 2 }),
  /** Of open steps, counted round; when `astray`, of any step or of none. */
  results: fc.array(fc.record({ which, failed: fc.boolean(), astray: rarely }), { maxLength: 2 }),
  emits: fc.nat(1),
  waits: few(wait, 2),
  sends: few(send, 1),
  cancels: fc.array(which, { maxLength: 1 }),
  rest: fc.constantFrom("runs", "idle", "idle", "parks"),
  /** Asks for a child by an act that has one, which the store must refuse. */
  repeated: fc.nat(60).map((n) => n === 60),
});

const spent = fc.option(fc.nat(9), { freq: 3, nil: null });

const settle = fc.record({
  lease,
  status: fc.constantFrom("succeeded", "succeeded", "failed", "quarantined", "partial", "stopped", "canceled"),
  byReference: rarely,
  spent,
});

const requeue = fc.record({
  lease,
  pin,
  to: fc.constantFrom("ready", "delayed", "held", "parked", "parked", "continued", "continued"),
  how: fc.constantFrom("failed", "timeout", "crashed", "lost", "mismatch"),
  /** 0: no attempt is charged. */
  charged: fc.nat(1),
  crashed: fc.nat(1),
  alone: fc.boolean(),
  inMs: fc.nat(20),
  spent,
});

const root = fc.record({
  lane: fc.constantFrom(1, 2, 3),
  prio: fc.nat(2),
  pass: fc.nat(3),
  born: fc.constantFrom("ready", "claimed", "delayed"),
  key: fc.option(fc.record({ key: fc.nat(2), input: fc.nat(1) }), { freq: 3, nil: null }),
  refused: rarely,
  origin: rarely,
  terms: fc.option(
    fc.record({
      deadlineInMs: fc.option(fc.nat(60), { freq: 2, nil: null }),
      ttlInMs: fc.option(fc.nat(30), { freq: 2, nil: null }),
      /** The schedule that was triggered by hand. */
      schedule: fc.option(fc.nat(1), { freq: 2, nil: null }),
    }),
    { freq: 2, nil: null },
  ),
  /** An id that is there already, which the store must refuse. */
  again: fc.nat(60).map((n) => n === 60),
});

const claim = fc.record({ which, aged: lease, misplaced: rarely });

const message = fc.record({ which, name: fc.nat(1), key: fc.option(fc.nat(1), { freq: 2, nil: null }) });

/** Of an open approval; when `astray`, of any wait or of none. */
const answer = fc.record({ which, failed: fc.boolean(), astray: rarely });

const stale = fc.nat(9).map((n) => n === 9);

/** A tick of a schedule that is there: mostly as it is now, now and then as it was before its last change. */
const tick = fc.record({
  which,
  runs: fc.array(fc.record({ born: fc.constantFrom("ready", "claimed"), key: fc.nat(60) }), { maxLength: 2 }),
  alone: fc.boolean(),
  skipped: fc.nat(3).map((n) => n === 1),
  last: fc.nat(5).map((n) => n === 1),
  stale,
});

const schedule = fc.record({
  kind: fc.constantFrom("put" as const, "put" as const, "move" as const, "drop" as const),
  which: fc.nat(2),
  /** null: it has no tick left, or is paused. */
  inMs: fc.option(fc.nat(20), { freq: 4, nil: null }),
  keep: fc.boolean(),
  code: fc.boolean(),
  stale,
});

const commit = fc.record({
  kind: fc.constant("commit" as const),
  laterMs: fc.nat(12),
  acts: few(acts, 3),
  settles: few(settle, 3),
  requeues: few(requeue, 2),
  cancels: fc.oneof({ weight: 5, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: few(which, 2) }),
  cancelSlice: fc.constantFrom(0, 1, 2, 3, 100),
  dueSlice: fc.constantFrom(0, 1, 100),
  messages: few(message, 2),
  answers: few(answer, 1),
  /** Of parked tasks; some of any. */
  wakes: fc.oneof({ weight: 5, arbitrary: fc.constant<LeaseDraw[]>([]) }, { weight: 1, arbitrary: few(lease, 1) }),
  ticks: few(tick, 1),
  roots: few(root, 2),
  claims: few(claim, 4),
  /** By an orchestrator that another life has replaced. */
  stranger: fc.nat(60).map((n) => n === 60),
});

const other = fc.record({
  kind: fc.constantFrom("boot" as const, "release" as const, "joined" as const, "left" as const),
  which,
});

const drain = fc.record({
  kind: fc.constantFrom("drain" as const, "drain" as const, "resume" as const),
  of: fc.constantFrom("build" as const, "worker" as const),
  which: fc.nat(2),
  park: fc.boolean(),
  /** Long after the last one: those of single workers are forgotten. */
  late: fc.boolean(),
  stale,
});

type LeaseDraw = typeof lease extends fc.Arbitrary<infer T> ? T : never;
export type CommitOp = typeof commit extends fc.Arbitrary<infer T> ? T : never;
export type ActsOp = CommitOp["acts"][number];
export type LeaseOp = ActsOp["lease"];
type OtherOp = typeof other extends fc.Arbitrary<infer T> ? T : never;
export type ScheduleOp = typeof schedule extends fc.Arbitrary<infer T> ? T : never;
export type DrainOp = typeof drain extends fc.Arbitrary<infer T> ? T : never;
export type Op = CommitOp | ScheduleOp | DrainOp | OtherOp;

export const sequences: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    { weight: 7, arbitrary: commit },
    { weight: 1, arbitrary: other },
    { weight: 2, arbitrary: schedule },
    { weight: 1, arbitrary: drain },
  ),
  { minLength: 1, maxLength: 18, size: "max" },
);
