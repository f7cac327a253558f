// Turns what was drawn into calls: leases of tasks that run, claims of tasks that are ready, acts that count on. What an
// orchestrator would never send comes in too, now and then: old leases, old lives, claims made on an older look.
import type { ActBatch, Answer, Batch, Claim, Lease, NewTask, Requeue, Settlement } from "../../../src/store/contract.ts";
import { drainKeptMs } from "../../../src/store/builds.ts";
import type { Tick } from "../../../src/store/schedules.ts";
import type { Disk } from "../model/disk.ts";
import { actsOf, batch, child, claimOf, failure, now, refusal, requeueOf, root, settleOf } from "../rows.ts";
import type { Call } from "./calls.ts";
import type { ActsOp, CommitOp, DrainOp, LeaseOp, Op, ScheduleOp } from "./ops.ts";

export class Script {
  readonly #disk: Disk;
  readonly #born = new Map<number, NewTask>();
  #now = now;
  #nextTask = 1;
  #nextWorker = 8;
  #lives = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  *begin(): Generator<Call> {
    yield this.#boot();
    const first = [this.#root({ claim: 7 }), this.#root({ claim: 7, definition: 2, lane: 3 }), this.#root({})];
    yield { commit: batch({ tasks: first }) };
  }

  call(op: Op): Call {
    switch (op.kind) {
      case "boot":
        return this.#boot();
      case "release":
        return { release: { boot: this.#lives, now: this.#now } };
      case "joined":
        return { joined: { id: this.#nextWorker++, boot: this.#lives, now: this.#now } };
      case "left":
        return { left: { id: 7 + (op.which % 3), boot: this.#lives, now: this.#now } };
      case "drain":
      case "resume":
        return this.#drain(op);
      case "put":
      case "move":
      case "drop":
        return this.#schedule(op);
      case "commit":
        return { commit: this.#batch(op) };
    }
  }

  #boot(): Call {
    this.#lives += 1;
    return { boot: { nonce: `n${this.#lives}`, pid: this.#lives, now: this.#now } };
  }

  #batch(op: CommitOp): Batch {
    this.#now += op.laterMs;
    const last = new Map<number, number>();
    const parts: Partial<Batch> = {
      acts: op.acts.flatMap((a) => this.#acts(a, last)),
      settles: op.settles.flatMap((s) => this.#settle(s, last)),
      requeues: op.requeues.flatMap((r) => this.#requeue(r, last)),
      cancels: op.cancels.map((n) => ({ task: this.#anyTask(n), reason: `stop ${n}`, once: n % 3 === 0 })),
      cancelSlice: op.cancelSlice,
      dueSlice: op.dueSlice,
      messages: op.messages.map((m) => ({
        task: this.#anyTask(m.which),
        name: `m${m.name}`,
        value: `"from outside ${m.which}"`,
        key: m.key === null ? null : `k${m.key}`,
      })),
      answers: op.answers.flatMap((a) => this.#answer(a)),
      wakes: op.wakes.map((n) => (n.anywhere ? undefined : pick(this.#in("parked"), n.which)?.id) ?? this.#anyTask(n.which)),
      claims: op.claims.flatMap((c) => this.#claim(c)),
      ticks: op.ticks.flatMap((t) => this.#tick(t)),
    };
    const tasks = op.roots.map((r) =>
      this.#root({
        ...(r.again ? { id: pick([...this.#stored()], r.pass)?.id ?? 1 } : {}),
        ...this.#birth(r),
        refused: r.refused ? refusal : null,
        terms: r.terms && {
          deadlineAt: inMs(this.#now, r.terms.deadlineInMs),
          ttlAt: inMs(this.#now, r.terms.ttlInMs),
          schedule: r.terms.schedule === null ? null : r.terms.schedule + 1,
        },
        origin: r.origin ? { task: 1, run: 1, how: "repair" } : null,
        idempotency: r.key ? { key: `k${r.key.key}`, inputHash: `h${r.key.input}` } : null,
      }),
    );
    return batch({ now: this.#now, boot: this.#lives - (op.stranger ? 1 : 0), ...parts, tasks });
  }

  #schedule(op: ScheduleOp): Call {
    const name = `s${op.which}`;
    const there = [...this.#disk.rows.schedules.values()].find((s) => s.name === name);
    const boot = this.#lives;
    const nextAt = inMs(this.#now, op.inMs);
    if (op.kind === "drop") return { drop: { boot: boot - (op.stale ? 1 : 0), namespace: 1, name } };
    const rev = (there?.rev ?? 1) - (op.stale ? 1 : 0);
    if (op.kind === "move") {
      const pausedAt = nextAt === null ? this.#now : null;
      return { move: { boot, id: there?.id ?? 99, rev, pausedAt, nextAt, now: this.#now } };
    }
    const before = there && !op.code ? { id: there.id, rev } : null;
    const kind = { origin: op.code ? "code" : "api", spec: `{"at":${this.#now}}`, input: `${op.which}` } as const;
    return { put: { boot, namespace: 1, name, ...kind, before, nextAt: op.keep ? "keep" : nextAt, now: this.#now } };
  }

  #drain({ kind, of, which, park, late, stale }: DrainOp): Call {
    const boot = this.#lives - (stale ? 1 : 0);
    if (kind === "resume") return { resume: { boot, build: `b${which}` } };
    return { drain: { boot, drain: { kind: of, name: `b${which}`, park, at: this.#now + (late ? drainKeptMs + 1 : 0) } } };
  }

  #tick(op: CommitOp["ticks"][number]): Tick[] {
    const schedules = [...this.#disk.rows.schedules.values()];
    const row = pick(schedules.some((s) => s.nextAt !== null) ? schedules.filter((s) => s.nextAt !== null) : schedules, op.which);
    if (!row) return [];
    const nextAt = row.nextAt ?? this.#now;
    const runs = op.runs.map(({ born, key }) => {
      const claim = born === "claimed" ? 7 : null;
      const schedule = op.alone ? row.id : null;
      const task = this.#root({ claim, terms: op.alone ? { deadlineAt: null, ttlAt: null, schedule } : null });
      return { key: key < 3 ? `k${key}` : `${row.name}@${nextAt}#${key}`, inputHash: "h", task };
    });
    const skipped = op.skipped ? ({ fromAt: nextAt, toAt: this.#now, why: "missed" } as const) : null;
    const rev = row.rev - (op.stale ? 1 : 0);
    const movedTo = op.last ? null : this.#now + 5;
    return [{ schedule: row.id, rev, nextAt, movedTo, lastAt: this.#now, runs, alone: op.alone, skipped }];
  }

  #root(over: Partial<NewTask>): NewTask {
    const task = root(over.id ?? this.#nextTask++, { createdAt: this.#now, ...over });
    if (!this.#born.has(task.id)) this.#born.set(task.id, task);
    return task;
  }

  #birth(o: { lane: number; prio: number; pass: number; born: string }): Partial<NewTask> {
    return {
      definition: o.lane === 3 ? 2 : 1,
      lane: o.lane,
      prio: o.prio,
      pass: o.pass,
      claim: o.born === "claimed" ? 7 : null,
      dueAt: o.born === "delayed" ? this.#now + o.pass * 5 : null,
    };
  }

  /** Of a task that runs, when there is one. */
  #lease(op: LeaseOp): { task: NewTask; lease: Lease; counts: boolean } | undefined {
    const running = this.#in("running");
    const task = op.anywhere || running.length === 0 ? pick([...this.#stored()], op.which) : pick(running, op.which);
    if (!task) return undefined;
    const place = this.#disk.rows.places.get(task.id);
    const leaseNo = (place?.in === "outcome" ? place.outcome.leaseNo : (place?.leaseNo ?? 0)) + op.aged;
    return { task, lease: { task: task.id, leaseNo }, counts: place?.in === "running" && op.aged === 0 };
  }

  #in(where: string): NewTask[] {
    return [...this.#stored()].filter((t) => this.#disk.rows.places.get(t.id)?.in === where);
  }

  /** Those whose birth was not refused. */
  *#stored(): Generator<NewTask> {
    for (const [id, t] of this.#born) {
      const there = this.#disk.rows.tasks.get(id)?.row;
      // Its code may have moved it to another lane.
      if (there) yield there.lane === t.lane ? t : { ...t, lane: there.lane };
    }
  }

  /** `last`: the acts of each task so far, those of this batch too. */
  #acts(op: ActsOp, last: Map<number, number>): ActBatch[] {
    const held = this.#lease(op.lease);
    if (!held) return [];
    const { task } = held;
    let act = last.get(task.id) ?? this.#disk.rows.gates.get(task.id)?.acts ?? 0;
    const asked = [...this.#disk.rows.tasks.values()].flatMap((t) => (t.row.parent === task.id ? [t.row.act as number] : []));
    if (op.repeated && asked.length > 0)
      return [actsOf(task, held.lease.leaseNo, { children: [child(this.#nextTask++, task, asked[0] as number)] })];
    const children: NewTask[] = [];
    for (const c of op.children) {
      const kid = child(this.#nextTask++, task, ++act, {
        createdAt: this.#now,
        detached: c.detached,
        shielded: c.shielded,
        ...this.#birth(c),
        // Some are nodes of a plan.
        key: c.prio === 0 ? `p>n${c.pass}>${act}` : `k${act}`,
        ...this.#endedBefore(c),
      });
      this.#born.set(kid.id, kid);
      children.push(kid);
    }
    const ended = [...this.#disk.rows.steps.values()].filter((s) => s.seq !== null);
    const steps = op.steps.map((n) => {
      const from = n === null ? undefined : pick(ended, n);
      return { act: ++act, key: `step:${act}`, askedAfter: 0, ...(from ? { adopts: { task: from.task, act: from.act } } : {}) };
    });
    const emits = Array.from({ length: op.emits }, () => ({
      act: ++act,
      key: `emit:${act}`,
      askedAfter: 0,
      name: "found",
      value: `${act}`,
    }));
    const waits = op.waits.map((x) => this.#wait(x, ++act));
    const sends = op.sends.map((x) => this.#send(x, ++act, task, children));
    const before = [...this.#disk.rows.steps.values()].filter((s) => s.task === task.id);
    const open = [...before.filter((s) => s.seq === null), ...steps].map((s) => s.act);
    const any = [...before.map((s) => s.act), act + 1];
    const stepResults = op.results.flatMap((r) => {
      const of = pick(r.astray ? any : open, r.which);
      if (of === undefined) return [];
      return [{ act: of, value: r.failed ? null : `${r.which}`, ref: null, error: r.failed ? failure : null }];
    });
    const waiting = [...this.#disk.rows.waits.values()].filter((x) => x.task === task.id).map((x) => x.act);
    const mine = [...asked, ...children.map((c) => c.act as number), ...waiting, ...waits.map((x) => x.act), act + 1];
    const cancels = op.cancels.map((n) => ({ act: pick(mine, n) as number, reason: `drop ${n}` }));
    if (held.counts) last.set(task.id, act);
    const { lease } = held;
    // All that had settled before this batch.
    const seen = this.#disk.rows.gates.get(task.id)?.lastSeq ?? 0;
    const pinned = op.pin === null ? {} : { pin: op.pin };
    const rest = { ...pinned, armed: op.rest !== "runs", seen, park: op.rest === "parks", unwinds: task.definition === 2 };
    return [actsOf(task, lease.leaseNo, { children, steps, emits, stepResults, waits, sends, cancels, ...rest })];
  }

  #endedBefore(c: ActsOp["children"][number]): Partial<NewTask> {
    const over = { claim: null, dueAt: null };
    if (c.refused) return { ...over, refused: refusal };
    if (c.adopts === null) return {};
    const from = c.adopts === 30 ? 999_999 : pick(this.#in("outcome"), c.adopts)?.id;
    return from === undefined ? {} : { ...over, adopts: from };
  }

  #wait(x: ActsOp["waits"][number], act: number): ActBatch["waits"][number] {
    const good = [...this.#disk.rows.waits.values()].filter((w) => w.kind === x.kind && w.endedAt !== null && !w.error);
    const from = x.adopts === null ? undefined : pick(good, x.adopts);
    const adopted = from ? { adopts: { task: from.task, act: from.act } } : {};
    const asked = { act, key: `wait:${act}`, inputHash: `h${act}`, askedAfter: 0, name: null, detail: null, ...adopted };
    const dueAt = x.inMs === null ? null : this.#now + x.inMs;
    if (x.kind === "timer") return { ...asked, kind: "timer", dueAt: dueAt ?? this.#now };
    if (x.kind === "message") return { ...asked, kind: "message", name: `m${x.name}`, dueAt };
    const yes = { status: "succeeded", value: "false", error: null };
    const expiry = x.name === 0 ? yes : { status: "failed", value: null, error: failure };
    return { ...asked, kind: "approval", detail: JSON.stringify({ expiry }), dueAt };
  }

  #send(x: ActsOp["sends"][number], act: number, task: NewTask, born: readonly NewTask[]): ActBatch["sends"][number] {
    const known = [...this.#disk.rows.tasks.values()].flatMap((t) => (t.row.parent === task.id ? [t.row.act as number] : []));
    const child = pick([...known, ...born.map((c) => c.act as number), act + 1], x.which) as number;
    const to = x.to === "child" ? { act: child } : x.to === "task" ? { task: this.#anyTask(x.which) } : null;
    return { act, key: `send:${act}`, inputHash: `h${act}`, askedAfter: 0, to, name: `m${x.name}`, value: `${act}` };
  }

  /** Also one that never was. */
  #anyTask(n: number): number {
    return n === 30 ? 999_999 : (pick([...this.#born.keys()], n) ?? 1);
  }

  #answer(op: CommitOp["answers"][number]): Answer[] {
    const waits = [...this.#disk.rows.waits.values()];
    const open = waits.filter((x) => x.kind === "approval" && x.endedAt === null);
    const wait = op.astray ? (pick(waits, op.which) ?? { task: 1, act: op.which }) : pick(open, op.which);
    if (!wait) return [];
    return [{ task: wait.task, act: wait.act, value: op.failed ? null : `${op.which}`, error: op.failed ? failure : null }];
  }

  #settle(op: CommitOp["settles"][number], acted: ReadonlyMap<number, number>): Settlement[] {
    const held = this.#lease(op.lease);
    if (!held) return [];
    const { status } = op;
    const good = status === "succeeded" || status === "partial";
    return [
      settleOf(held.task, held.lease.leaseNo, {
        status,
        hasGate: acted.has(held.task.id) || this.#disk.rows.gates.has(held.task.id),
        startedAt: this.#now,
        ...(op.byReference ? { value: null, ref: "abc" } : good ? {} : { value: null, error: failure }),
        spent: spend(op.spent),
        gaps: status === "partial" ? "[1]" : null,
        expires: held.task.terms !== null,
      }),
    ];
  }

  #requeue(op: CommitOp["requeues"][number], acted: ReadonlyMap<number, number>): Requeue[] {
    const held = this.#lease(op.lease);
    if (!held) return [];
    const place = this.#disk.rows.places.get(held.task.id);
    const at = place && place.in !== "outcome" ? place : { attempt: 1, crashes: 0 };
    const next = { attempt: Math.max(0, at.attempt - 1 + op.charged), crashes: at.crashes + op.crashed };
    const ways: Record<typeof op.to, Requeue["next"]> = {
      ready: { to: "ready", ...next, alone: op.alone },
      delayed: { to: "delayed", ...next, alone: op.alone, dueAt: this.#now + op.inMs },
      held: { to: "held", ...next, reason: "HISTORY_MISMATCH" },
      parked: { to: "parked", ...next },
      continued: {
        to: "continued",
        input: `{"again":${op.inMs}}`,
        options: op.inMs % 2 === 0 ? null : `{"timeoutMs":${op.inMs}}`,
        seen: op.inMs % 7,
      },
    };
    const to = ways[op.to];
    return [
      requeueOf(held.task, held.lease.leaseNo, to, {
        attempt: at.attempt,
        how: op.how,
        error: op.how === "lost" ? null : failure,
        spent: spend(op.spent),
        // What asked for something in this batch may have moved: then its end says where it is.
        ...(op.pin !== null || acted.has(held.task.id) ? { pin: true, lane: op.pin ?? held.task.lane } : {}),
      }),
    ];
  }

  #claim(op: CommitOp["claims"][number]): Claim[] {
    const ready = this.#in("ready");
    const task = op.aged.anywhere || ready.length === 0 ? pick([...this.#stored()], op.which) : pick(ready, op.which);
    if (!task) return [];
    const place = this.#disk.rows.places.get(task.id);
    if (place === undefined || place.in === "outcome") return [claimOf(task)];
    const { leaseNo, attempt, crashes, alone } = place;
    // Of a task that is not ready only an older look can be had.
    const aged = place.in === "ready" ? op.aged.aged : -1;
    return [
      claimOf(task, {
        leaseNo: Math.max(0, leaseNo + aged),
        attempt,
        crashes,
        alone,
        worker: this.#nextWorker - 1,
        ...(op.misplaced ? { pass: task.pass + 1 } : {}),
      }),
    ];
  }
}

function pick<T>(list: readonly T[], n: number): T | undefined {
  return list[n % list.length];
}

function inMs(now: number, ms: number | null): number | null {
  return ms === null ? null : now + ms;
}

function spend(n: number | null): Settlement["spent"] {
  return n === null ? null : { microUsd: n, inputTokens: n * 2, outputTokens: 1 };
}
