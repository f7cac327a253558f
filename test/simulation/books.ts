// The checker's own account of the store: it takes over each commit as the contract says it must be understood, knows
// nothing of tables, and complains where the store's answer is not what follows from what went before.
import { childTaskId, rootTaskId } from "../../src/core/id.ts";
import type { JournalEntry } from "../../src/protocol/worker.ts";
import type { Tick } from "../../src/store/schedules.ts";
import type { ActBatch, Batch, BatchResult, Closed, Lease, NewTask, ReadyRow, StoredDelivery } from "../../src/store/contract.ts";

export type Invariant = "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7" | "replay";
export type Complain = (invariant: Invariant, what: string) => void;

export interface BookedTask {
  readonly row: NewTask;
  readonly publicId: string;
  place: "ready" | "delayed" | "held" | "running" | "parked" | "over";
  leaseNo: number;
  /** The life that runs it. */
  boot: number;
  outcome: { status: string; value: string | null; ref: string | null; error: unknown; seq: number | null } | undefined;
  /** What its code asked and learned. */
  readonly rows: JournalEntry[];
  readonly deliveries: StoredDelivery[];
  startedAt: number;
  /** The execution that counts (`continueAs`) began after this act and this seq. */
  baseAct: number;
  baseSeq: number;
  /** Its code was told that it is canceled. */
  toldOfCancel: boolean;
  /** When it ended, in the world's time. */
  overMs: number;
  /** Children that a parent waits for, and that have not ended. */
  unsettled: number;
}

/** By then the children of a parent that has ended are canceled, whatever was slow, full or frozen meanwhile. */
const outlivesMs = 60_000;

export class Books {
  readonly tasks = new Map<number, BookedTask>();
  readonly byPublicId = new Map<string, BookedTask>();
  /** Lives that may write. Of a store with one owner it is the last one. */
  readonly alive = new Set<number>();
  #lastBoot = 0;
  /** The world's time of what is read now. */
  atMs = 0;
  readonly #keys = new Map<string, number>();
  /** Values of messages that were taken: each was sent once. */
  readonly #messages = new Set<string>();
  readonly #complain: Complain;
  /** Whose commit is read now. */
  #boot = 0;
  /** Children whose end this commit must tell their parents. */
  #ended: BookedTask[] = [];

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  /** `parked`: of those that ran, the ones that were idle. */
  booted(boot: number, recovered: number, parked: readonly number[]): void {
    this.alive.clear();
    this.began(boot);
    const idle = new Set(parked);
    let running = 0;
    for (const [id, task] of this.tasks) {
      if (task.place !== "running") continue;
      task.place = idle.has(id) ? "parked" : "ready";
      if (task.place === "ready") running++;
    }
    if (running !== recovered) this.#complain("I1", `boot ${boot} put back ${recovered} tasks, ${running} were running`);
  }

  /** A life begins, beside those that go on. */
  began(boot: number): void {
    if (boot <= this.#lastBoot) this.#complain("I3", `boot ${boot} follows boot ${this.#lastBoot}`);
    this.#lastBoot = boot;
    this.alive.add(boot);
  }

  over(boots: readonly number[]): void {
    for (const boot of boots)
      if (!this.alive.delete(boot)) this.#complain("I3", `life ${boot} was found dead, and had ended before`);
  }

  /** What lives that are over were running. */
  tookBack(ready: readonly number[], parked: readonly number[]): void {
    for (const id of [...ready, ...parked]) {
      const task = this.tasks.get(id);
      if (task && this.alive.has(task.boot))
        this.#complain("I3", `${task.publicId} was taken from life ${task.boot}, which goes on`);
    }
    for (const id of ready) this.#move(id, "running", "ready", "taken back");
    for (const id of parked) this.#move(id, "running", "parked", "taken back");
  }

  /** It goes on under another lease: nobody else may begin it. */
  adopted(boot: number, held: Lease & { readonly boot: number }, leaseNo: number): void {
    const task = this.tasks.get(held.task);
    // Asked again, because the first answer was lost.
    if (task?.place === "running" && task.boot === boot && task.leaseNo === leaseNo) return;
    if (task?.place !== "running" || task.leaseNo !== held.leaseNo || task.boot !== held.boot)
      return this.#complain("I3", `${nameOf(task, held.task)} was taken over under a lease that it had not`);
    if (leaseNo <= task.leaseNo) this.#complain("I3", `${task.publicId} was taken over under lease ${leaseNo}`);
    task.boot = boot;
    task.leaseNo = leaseNo;
  }

  released(boot: number, rows: readonly ReadyRow[]): void {
    if (!this.alive.has(boot)) this.#complain("I3", `boot ${boot} released held tasks, and its life is over`);
    for (const row of rows) this.#move(row.task, "held", "ready", "released");
  }

  committed(boot: number, batch: Batch, result: BatchResult): void {
    if (boot !== batch.boot || !this.alive.has(boot))
      this.#complain("I3", `a batch of boot ${batch.boot} was stored in the life of boot ${[...this.alive].join()}`);
    this.#boot = boot;
    this.#ended = [];
    const before = new Set([...this.#parentsOf(batch, result)].filter((p) => this.tasks.get(p)?.place === "over"));
    const closed = new Map(result.closed.map((c) => [c.task, c]));
    const fencedActs = names(result.fencedActs);
    const parked = new Set(result.parked);
    const woken = new Set(result.woken.map((row) => row.task));
    for (const acts of batch.acts) {
      this.#acts(acts, fencedActs, closed);
      const task = this.tasks.get(acts.lease.task);
      // An earlier lease of the same task may have asked for it as well, in the same batch.
      if (acts.park && task?.place === "running" && parked.has(acts.lease.task) && !fencedActs.has(name(acts.lease)))
        task.place = "parked";
    }
    const fenced = names(result.fenced);
    for (const s of batch.settles) {
      const task = this.#leased(s.lease, fenced, "settle");
      if (task) this.#end(task, s);
    }
    for (const r of batch.requeues) {
      const task = this.#leased(r.lease, fenced, "requeue");
      if (!task) continue;
      // What settled for it in the same batch did so before.
      if (r.next.to === "continued")
        this.#continue(task, result.deliveries.filter((d) => d.parent === r.lease.task && d.act > 0).length);
      else task.place = r.next.to;
      if (r.how === "mismatch") this.#complain("replay", `${task.publicId} does not fit its own journal: ${r.error?.message}`);
    }
    for (const c of closed.values()) {
      // Woken first, and then closed where it lay.
      const task = this.tasks.get(c.task);
      if (task?.place === "parked" && c.was === "ready" && woken.delete(c.task)) task.place = "ready";
      this.#close(c);
    }
    for (const id of woken) {
      if (this.tasks.get(id)?.place !== "ready") this.#move(id, "parked", "ready", "woken");
    }
    for (const row of result.due) this.#move(row.task, "delayed", "ready", "due");
    for (const [i, t] of batch.ticks.entries()) this.#tick(t, result.ticked[i]?.started ?? []);
    for (const [i, t] of batch.tasks.entries()) this.#root(i, t, result);
    this.#claims(batch, result);
    this.#deliveries(result.deliveries, before);
    this.#settleAfterwards();
  }

  // ---------- the parts of a batch

  #acts(acts: ActBatch, fenced: ReadonlySet<string>, closed: Map<number, Closed>): void {
    const parent = this.#leased(acts.lease, fenced, "acts");
    if (!parent) {
      const task = this.tasks.get(acts.lease.task);
      if (task?.place === "over" && task.leaseNo === acts.lease.leaseNo && task.outcome?.status === "succeeded")
        this.#complain("replay", `${task.publicId} ended before all that it had asked was stored`);
      return;
    }
    if (parent.rows.length === 0 && parent.deliveries.length === 0) parent.startedAt = acts.startedAt;
    const rows: JournalEntry[] = [];
    for (const c of acts.children) {
      const child = this.#born(c);
      if (!child) continue;
      if (!c.detached && !c.refused) parent.unsettled++;
      if (c.refused) this.#ended.push(child);
      const { act, key, askedAfter, inputHash } = c;
      rows.push({
        act: act as number,
        kind: "child",
        key: key as string,
        inputHash: inputHash as string,
        askedAfter: askedAfter as number,
        seq: null,
      });
    }
    for (const s of acts.steps) rows.push({ ...s, kind: "step", inputHash: "", seq: null });
    for (const e of acts.emits)
      rows.push({ act: e.act, key: e.key, askedAfter: e.askedAfter, kind: "emit", inputHash: "", seq: null });
    for (const w of acts.waits) rows.push(rowOf(w, w.kind));
    for (const m of acts.sends) rows.push(rowOf(m, "send"));
    for (const row of rows.toSorted((a, b) => a.act - b.act)) {
      if (row.act !== parent.rows.length + 1)
        this.#complain("replay", `${parent.publicId} stored act ${row.act} after act ${parent.rows.length}`);
      if (parent.rows.some((r) => r.act > parent.baseAct && r.key === row.key))
        this.#complain("replay", `${parent.publicId} stored ${row.key} twice`);
      parent.rows.push(row);
    }
    for (const c of acts.cancels) {
      // A message that the code has left is the next wait's: it may be taken again.
      const row = parent.rows[c.act - 1];
      if (row?.kind === "message" && row.seq !== null) this.#messages.delete(parent.deliveries[row.seq - 1]?.value ?? "");
      const child = [...closed.values()].find((x) => x.parent === acts.lease.task && this.tasks.get(x.task)?.row.act === c.act);
      if (!child) continue;
      closed.delete(child.task);
      this.#close(child);
    }
  }

  /** The same task begins anew: what was asked and learned before counts no more. */
  #continue(task: BookedTask, settling: number): void {
    task.place = "ready";
    task.baseAct = task.rows.length;
    task.baseSeq = task.deliveries.length + settling;
    task.unsettled = 0;
    // A cancel is the first thing that the next execution learns.
    const told = task.deliveries.findLast((d) => d.act === 0);
    if (told) this.#afterwards.push(() => task.deliveries.push({ ...told, seq: task.baseSeq + 1 }));
    if (settling === 0) this.#settleAfterwards();
  }
  /** What follows from a batch when all that it tells has been told. */
  #afterwards: (() => void)[] = [];
  #settleAfterwards(): void {
    for (const follow of this.#afterwards.splice(0)) follow();
  }

  #claims(batch: Batch, result: BatchResult): void {
    const missed = names(result.unclaimed);
    for (const c of batch.claims) {
      const task = this.tasks.get(c.task);
      if (missed.has(name(c))) {
        if (task?.place === "ready" && task.leaseNo === c.leaseNo)
          this.#complain("I6", `${task.publicId} is ready, and could not be claimed`);
        continue;
      }
      if (task?.place !== "ready") this.#complain("I3", `${nameOf(task, c.task)} was claimed, and is ${task?.place}`);
      else if (task.leaseNo !== c.leaseNo)
        this.#complain("I3", `${task.publicId} was claimed after lease ${c.leaseNo}, and its last is ${task.leaseNo}`);
      if (!task) continue;
      const parent = task.row.parent === null || task.row.detached ? undefined : this.tasks.get(task.row.parent);
      if (parent?.place === "over" && this.atMs > parent.overMs + outlivesMs)
        this.#complain("I5", `${task.publicId} begins ${Math.round(this.atMs - parent.overMs)} ms after its parent has ended`);
      task.place = "running";
      task.boot = this.#boot;
      task.leaseNo = c.leaseNo + 1;
    }
  }

  #root(index: number, t: NewTask, result: BatchResult): void {
    const key = t.idempotency ? `${t.definition} ${t.idempotency.key}` : undefined;
    const existing = result.existing.get(index);
    const owner = key === undefined ? undefined : this.#keys.get(key);
    if (existing?.task !== owner) this.#complain("I2", `key ${key} names ${owner}, and the store says ${existing?.task}`);
    if (existing) return;
    if (key !== undefined) this.#keys.set(key, t.id);
    this.#born(t);
  }

  /** Each tick has one run, whoever saw that it was due. */
  #tick(tick: Tick, started: readonly number[]): void {
    for (const { key, task } of tick.runs) {
      if (!started.includes(task.id)) continue;
      const of = `${task.definition} ${key}`;
      if (this.#keys.has(of)) this.#complain("I2", `tick ${key} has started ${this.#keys.get(of)}, and then ${task.id}`);
      this.#keys.set(of, task.id);
      this.#born(task);
    }
  }

  #born(t: NewTask): BookedTask | undefined {
    if (this.tasks.has(t.id)) {
      this.#complain("I1", `task ${t.id} was stored twice`);
      return undefined;
    }
    const root = this.tasks.get(t.run);
    const secret = t.secret ?? root?.row.secret ?? "";
    const publicId = t.path === null ? rootTaskId(secret, t.run) : `${rootTaskId(secret, t.run)}.${t.path}`;
    const parent = t.parent === null ? undefined : this.tasks.get(t.parent);
    if (parent && publicId !== childTaskId(parent.publicId, t.act as number))
      this.#complain("I1", `${publicId} is no child of ${parent.publicId}`);
    if (parent?.place === "over") this.#complain("I5", `${publicId} was born under ${parent.publicId}, which has ended`);
    const task: BookedTask = {
      row: t,
      publicId,
      place: t.refused ? "over" : t.claim !== null ? "running" : t.dueAt !== null ? "delayed" : "ready",
      leaseNo: t.claim === null ? 0 : 1,
      boot: this.#boot,
      outcome: t.refused ? { status: "failed", value: null, ref: null, error: t.refused, seq: null } : undefined,
      rows: [],
      deliveries: [],
      startedAt: 0,
      baseAct: 0,
      baseSeq: 0,
      toldOfCancel: false,
      overMs: 0,
      unsettled: 0,
    };
    this.tasks.set(t.id, task);
    this.byPublicId.set(publicId, task);
    return task;
  }

  /** The task, when the lease is the one that counts. The store must have seen it alike. */
  #leased(lease: Lease, fenced: ReadonlySet<string>, what: string): BookedTask | undefined {
    const task = this.tasks.get(lease.task);
    const counts = task?.place === "running" && task.leaseNo === lease.leaseNo && task.boot === this.#boot;
    const refused = fenced.has(name(lease));
    if (counts && refused)
      this.#complain("I3", `${what} of ${nameOf(task, lease.task)} under its live lease ${lease.leaseNo} was fenced`);
    if (!counts && !refused) {
      const why = task ? `is ${task.place} under lease ${task.leaseNo} of life ${task.boot}` : "does not exist";
      this.#complain(
        task?.place === "over" && what === "settle" ? "I2" : "I3",
        `${what} under lease ${lease.leaseNo} changed ${nameOf(task, lease.task)}, which ${why}`,
      );
    }
    return refused ? undefined : task;
  }

  #end(task: BookedTask, o: { status: string; value: string | null; ref: string | null; error: unknown }): void {
    if (task.outcome) this.#complain("I2", `${task.publicId} ended as ${task.outcome.status}, and again as ${o.status}`);
    task.place = "over";
    task.overMs = this.atMs;
    task.outcome = { status: o.status, value: o.value, ref: o.ref, error: o.error, seq: null };
    this.#ended.push(task);
  }

  #close(c: Closed): void {
    const task = this.tasks.get(c.task);
    if (!task) return this.#complain("I1", `task ${c.task} was canceled, and does not exist`);
    if (task.place !== c.was || task.leaseNo !== c.leaseNo)
      this.#complain(task.place === "over" ? "I2" : "I3", `${task.publicId} was canceled as ${c.was}, and is ${task.place}`);
    this.#end(task, { status: "canceled", value: null, ref: null, error: null });
  }

  #move(id: number, from: BookedTask["place"], to: BookedTask["place"], how: string): void {
    const task = this.tasks.get(id);
    if (task?.place !== from) this.#complain("I3", `${nameOf(task, id)} was ${how}, and is ${task?.place}`);
    if (task) task.place = to;
  }

  /** Each end of an awaited child, and each step's result, is told once, in the next place of its parent's order. */
  #deliveries(deliveries: readonly StoredDelivery[], over: ReadonlySet<number>): void {
    const told = new Set<string>();
    for (const d of deliveries) {
      const parent = this.tasks.get(d.parent);
      if (!parent || over.has(d.parent)) {
        this.#complain("I5", `${nameOf(parent, d.parent)} has ended, and is told of its act ${d.act}`);
        continue;
      }
      told.add(`${d.parent} ${d.act}`);
      if (d.act === 0) {
        if (parent.toldOfCancel) this.#complain("I5", `${parent.publicId} is told twice that it is canceled`);
        parent.toldOfCancel = true;
        this.#next(parent, d);
        continue;
      }
      const row = parent.rows[d.act - 1];
      this.#next(parent, d);
      if (!row) this.#complain("I5", `${parent.publicId} is told of act ${d.act}, which it never asked`);
      else if (row.seq !== null) this.#complain("I5", `${parent.publicId} is told twice of act ${d.act}: gate opened again`);
      else parent.rows[d.act - 1] = { ...row, seq: d.seq };
      if (row?.kind === "message" && d.status === "succeeded") {
        if (this.#messages.has(d.value as string)) this.#complain("I5", `message ${d.value} was taken twice`);
        this.#messages.add(d.value as string);
      }
      if (row?.kind === "child") this.#toldOfChild(parent, d);
    }
    for (const child of this.#ended) {
      const { parent, act, detached } = child.row;
      const above = parent === null ? undefined : this.tasks.get(parent);
      if (!above || detached || above.place === "over" || (act as number) <= above.baseAct) continue;
      if (!told.has(`${parent} ${act}`)) this.#complain("I5", `${child.publicId} ended, and its parent is not told`);
    }
  }

  #next(parent: BookedTask, d: StoredDelivery): void {
    if (d.seq !== parent.deliveries.length + 1)
      this.#complain("I5", `${parent.publicId} is told seq ${d.seq} after ${parent.deliveries.length}`);
    parent.deliveries.push(d);
  }

  #toldOfChild(parent: BookedTask, d: StoredDelivery): void {
    const child = this.byPublicId.get(childTaskId(parent.publicId, d.act));
    if (child?.place !== "over" || !child.outcome)
      return this.#complain("I5", `${parent.publicId} is told of act ${d.act}, which is ${child?.place}`);
    child.outcome.seq = d.seq;
    if (!child.row.refused && d.act > parent.baseAct) parent.unsettled--;
    if (parent.unsettled < 0) this.#complain("I5", `${parent.publicId} was told of more ends than it has children`);
    const { status, value, ref } = child.outcome;
    if (status !== d.status || value !== d.value || ref !== d.ref)
      this.#complain(
        "I5",
        `${child.publicId} ended as ${status} ${value ?? ref}, its parent is told ${d.status} ${d.value ?? d.ref}`,
      );
  }

  #parentsOf(batch: Batch, result: BatchResult): Set<number> {
    const parents = new Set(result.deliveries.map((d) => d.parent));
    for (const s of batch.settles) if (s.parent !== null) parents.add(s.parent);
    return parents;
  }
}

function name(l: Lease): string {
  return `${l.task}:${l.leaseNo}`;
}
function names(leases: readonly Lease[]): ReadonlySet<string> {
  return new Set(leases.map(name));
}
function nameOf(task: BookedTask | undefined, id: number): string {
  return task?.publicId ?? `task ${id}`;
}
function rowOf(
  a: { readonly act: number; readonly key: string; readonly inputHash: string; readonly askedAfter: number },
  kind: JournalEntry["kind"],
): JournalEntry {
  return { act: a.act, kind, key: a.key, inputHash: a.inputHash, askedAfter: a.askedAfter, seq: null };
}
