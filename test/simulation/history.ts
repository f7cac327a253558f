// The checker: it reads the record of a world from its beginning, and says which promise was broken, and when.
//   I1 no accepted task is lost            I5 what a task waits for is told exactly once, and only when it has ended
//   I2 at most one outcome per task        I6 all that is accepted ends when the faults stop
//   I3 a fenced attempt changes nothing    I7 what was acknowledged is there, and stays as it was told
//   I4 no more code than slots             replay: code re-run on what was stored asks and gives the same
import type { ArtifactStore } from "../../src/store/artifact-store.ts";
import type { Assignment, Delivery } from "../../src/protocol/worker.ts";
import type { Store } from "../../src/store/contract.ts";
import { parseRunId } from "../../src/core/id.ts";
import { rerun } from "../replay/rerun.ts";
import { Books, type BookedTask, type Invariant } from "./books.ts";
import type { Recorded } from "./record.ts";
import { workflowNamed } from "./workload.ts";
import type { Lived } from "./world.ts";

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  readonly what: string;
}

/** Workflows of a world that are run once more on their journal. */
const rerunsMax = 40;

export async function check(world: Pick<Lived, "record" | "store" | "artifacts">): Promise<Violation[]> {
  const checker = new Checker(world.artifacts);
  for (const entry of world.record.entries) checker.read(entry);
  checker.end(world.store);
  await checker.deliveredValues();
  await checker.rerunWorkflows();
  return checker.violations;
}

/** The client's side of a run. */
interface Told {
  readonly run: string;
  readonly task: number;
  ended: string | undefined;
}

class Checker {
  readonly violations: Violation[] = [];
  readonly #books: Books;
  readonly #artifacts: ArtifactStore;
  readonly #told = new Map<string, Told>();
  readonly #keys = new Map<string, string>();
  readonly #asked = new Map<number, { name: string; key: string | null }>();
  readonly #workers = new Map<string, { slots: number; executing: number; gone: boolean }>();
  /** The highest seq that a fence's worker has been given. */
  readonly #given = new Map<string, number>();
  readonly #values = new Map<string, Set<string>>();
  readonly #large: { delivery: Delivery; ref: string; task: string }[] = [];
  readonly #names = new Map<number, string>();
  /** When each life was last heard of, and for how long that counts. */
  readonly #beats = new Map<number, { readonly atMs: number; readonly leaseMs: number }>();
  #atMs = 0;

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
    this.#books = new Books((invariant, what) => this.#complain(invariant, what));
  }

  #complain(invariant: Invariant, what: string): void {
    this.violations.push({ invariant, atMs: this.#atMs, what });
  }

  read(e: Recorded): void {
    this.#atMs = e.atMs;
    this.#books.atMs = e.atMs;
    const books = this.#books;
    switch (e.t) {
      case "life":
        this.#beats.set(e.boot, { atMs: e.atMs, leaseMs: e.leaseMs });
        return books.began(e.boot);
      case "beat":
        return this.#beat(e.boot, e.atMs);
      case "over":
        for (const boot of e.boots) this.#over(boot, e.by);
        return books.over(e.boots);
      case "taken back":
        return books.tookBack(e.ready, e.parked);
      case "adopted":
        for (const { held, leaseNo } of e.attempts) books.adopted(e.boot, held, leaseNo);
        return;
      case "told of its adoption": {
        const given = this.#given.get(fenceName(e.fence));
        if (given !== undefined) this.#given.set(fenceName(e.next), given);
        return;
      }
      case "forgotten":
        return this.#complain("I6", `${books.tasks.get(e.task)?.publicId} is ready for ${e.forMs} ms, and ${e.worker} is idle`);
      case "boot":
        return books.booted(e.boot, e.recovered, e.parked);
      case "commit":
        return books.committed(e.boot, e.batch, e.result);
      case "released":
        return books.released(e.boot, e.rows);
      case "defined":
        return this.#defined(e.definitions);
      case "asked":
        return void this.#asked.set(e.client, { name: e.name, key: e.key });
      case "started":
        return this.#started(e.client, e.run, e.existing);
      case "ended":
        return this.#ended(e.run, e.status, e.value);
      case "message taken":
      case "approval taken":
        return;
      case "cancel acknowledged":
        return this.#canceled(e.id);
      case "worker":
        return void this.#workers.set(e.worker, { slots: e.slots, executing: 0, gone: false });
      case "worker gone":
        return void this.#workers.delete(e.worker);
      case "begins":
        return this.#begins(e.worker, e.task);
      case "stops":
        return this.#stops(e.worker, e.task, e.value);
      case "assigned":
        for (const task of e.tasks) this.#assigned(task);
        return;
      case "delivered":
        return this.#delivered(e.fence, e.deliveries);
      case "acked": {
        const task = books.tasks.get(e.fence.task);
        if ((task?.rows.length ?? 0) < e.act)
          this.#complain("I7", `act ${e.act} of ${task?.publicId} was acknowledged, and is not stored`);
        return;
      }
      case "broken":
        return this.#complain("I6", `it broke: ${e.what}`);
      case "logged":
        return this.#logged(e.message, e.fields);
      case "at rest":
        if (e.ready + e.delayed + e.running + e.busy > 0)
          this.#complain(
            "I6",
            `all has ended, and it counts ${e.ready} ready, ${e.delayed} delayed, ${e.running} running, ${e.busy} slots in use`,
          );
        return;
      case "fault":
      case "faults over":
      case "refused":
      case "not started":
        return;
    }
  }

  #beat(boot: number, atMs: number): void {
    const { leaseMs } = this.#beats.get(boot) ?? { leaseMs: 0 };
    this.#beats.set(boot, { atMs, leaseMs });
  }

  /** Only itself ends a life that has been heard of within its lease. */
  #over(boot: number, by: number): void {
    const last = this.#beats.get(boot);
    // Its lease is kept in whole ms.
    if (boot !== by && last && this.#atMs < last.atMs + last.leaseMs - 1)
      this.#complain("I3", `life ${boot} was taken for dead ${Math.round(this.#atMs - last.atMs)} ms after it was heard of`);
  }

  /** What an orchestrator logs when it has caught itself at a mistake. */
  #logged(message: string, fields: unknown): void {
    if (message.startsWith("a committed batch could not be taken over") || message.startsWith("a delivery is missing"))
      this.#complain("I5", `${message}: ${JSON.stringify(fields).slice(0, 600)}`);
  }

  #defined(definitions: readonly { id: number; name: string }[]): void {
    for (const { id, name } of definitions) {
      const before = this.#names.get(id);
      if (before !== undefined && before !== name) this.#complain("I3", `definition ${id} was ${before}, and is ${name}`);
      this.#names.set(id, name);
    }
  }

  // ---------- what clients were told

  #started(client: number, run: string, existing: boolean): void {
    const id = parseRunId(run)?.root ?? 0;
    const task = this.#books.tasks.get(id);
    if (!task) return this.#complain("I1", `${run} was acknowledged, and is not stored`);
    if (!this.#told.has(run)) this.#told.set(run, { run, task: id, ended: undefined });
    const { name, key } = this.#asked.get(client) ?? { name: "", key: null };
    if (key === null) {
      if (existing) this.#complain("I2", `${run} existed before it was asked for`);
      return;
    }
    const owner = this.#keys.get(`${name} ${key}`);
    if (owner !== undefined && owner !== run) this.#complain("I2", `key ${key} of ${name} gave ${owner}, and then ${run}`);
    this.#keys.set(`${name} ${key}`, run);
  }

  #ended(run: string, status: string, value: string | null): void {
    const told = this.#told.get(run);
    const task = this.#books.tasks.get(parseRunId(run)?.root ?? 0);
    if (!told || !task?.outcome) return this.#complain("I7", `the end of ${run} was told, and is not stored`);
    if (task.outcome.status !== status || (task.outcome.ref === null && task.outcome.value !== value))
      this.#complain("I7", `${run} was told to be ${status} ${value}, and is ${task.outcome.status} ${task.outcome.value}`);
    const end = `${status} ${value}`;
    if (told.ended !== undefined && told.ended !== end)
      this.#complain("I2", `${run} was told to be ${told.ended}, and then ${end}`);
    told.ended = end;
  }

  #canceled(id: string): void {
    const task = id.startsWith("r_") ? this.#books.tasks.get(parseRunId(id)?.root ?? 0) : this.#books.byPublicId.get(id);
    // A workflow that has begun is told, and ends by itself.
    if (task?.place !== "over" && !task?.toldOfCancel)
      this.#complain("I7", `the cancel of ${id} was acknowledged, and it is ${task?.place}`);
  }

  // ---------- what workers were told, and did

  #begins(worker: string, task: string): void {
    const on = this.#workers.get(worker);
    if (!this.#books.byPublicId.has(task)) this.#complain("I7", `${task} runs, and is not stored`);
    if (on && ++on.executing > on.slots) this.#complain("I4", `${worker} executes ${on.executing} attempts in ${on.slots} slots`);
  }

  #stops(worker: string, task: string, value: string | null): void {
    const on = this.#workers.get(worker);
    if (on) on.executing--;
    if (value === null) return;
    const values = this.#values.get(task);
    if (values) values.add(value);
    else this.#values.set(task, new Set([value]));
  }

  #assigned(a: Assignment): void {
    const task = this.#books.tasks.get(a.fence.task);
    if (!task || task.publicId !== a.publicId) return this.#complain("I7", `${a.publicId} was assigned, and is not stored`);
    const live = task.place === "running" && task.leaseNo === a.fence.leaseNo && a.fence.boot === task.boot;
    // Behind the times is fine: the fence says so. Ahead of the store is not.
    if (a.fence.leaseNo > task.leaseNo)
      this.#complain("I3", `${a.publicId} was assigned under lease ${a.fence.leaseNo}, which is not stored`);
    const same = (row: Assignment["journal"][number], i: number): boolean => {
      const stored = task.rows[task.baseAct + i];
      return (
        stored?.key === row.key &&
        stored.kind === row.kind &&
        stored.askedAfter === row.askedAfter &&
        stored.inputHash === row.inputHash
      );
    };
    if (live && !a.journal.every(same))
      this.#complain("replay", `${a.publicId} was assigned a journal that is not what was stored`);
    const acts = a.journal.length + (a.journalLeft ?? 0);
    if (live && acts !== task.rows.length - task.baseAct)
      this.#complain("replay", `${a.publicId} was assigned ${acts} of ${task.rows.length - task.baseAct} acts`);
    this.#given.set(fenceName(a.fence), a.baseSeq ?? 0);
    this.#delivered(a.fence, a.deliveries);
  }

  #delivered(fence: Assignment["fence"], deliveries: readonly Delivery[]): void {
    const task = this.#books.tasks.get(fence.task);
    const place = fenceName(fence);
    for (const d of deliveries) {
      const given = this.#given.get(place) ?? 0;
      if (d.seq > given + 1) this.#complain("I5", `${task?.publicId} was given seq ${d.seq} after ${given}`);
      if (d.seq === given + 1) this.#given.set(place, d.seq);
      const stored = task?.deliveries[d.seq - 1];
      if (!stored) this.#complain("I7", `${task?.publicId} was given seq ${d.seq}, which is not stored`);
      else if (
        stored.act !== d.act ||
        stored.status !== d.status ||
        stored.at !== d.at ||
        (stored.ref === null && stored.value !== d.value)
      )
        this.#complain("I5", `${task?.publicId} was given another seq ${d.seq} than was stored`);
      else if (stored.ref !== null) this.#large.push({ delivery: d, ref: stored.ref, task: task?.publicId ?? "" });
    }
  }

  /** Large values: what was given is what was put. */
  async deliveredValues(): Promise<void> {
    for (const { delivery, ref, task } of this.#large)
      if ((await this.#artifacts.get(ref)) !== delivery.value)
        this.#complain("I7", `${task} was given another value for seq ${delivery.seq}`);
  }

  // ---------- the end

  end(store: Store): void {
    for (const task of this.#books.tasks.values()) {
      if (task.place !== "over")
        this.#complain("I6", `${task.publicId} (definition ${task.row.definition}) is still ${task.place}`);
      this.#compare(store, task);
    }
    for (const { run, task, ended } of this.#told.values())
      if (ended === undefined && this.#books.tasks.get(task)?.place === "over")
        this.#complain("I6", `the end of ${run} was never told`);
  }

  /** The store holds what its answers said. */
  #compare(store: Store, task: BookedTask): void {
    const where = store.tasks.where(task.row.id) as Awaited<ReturnType<Store["tasks"]["where"]>>;
    const place = where === null ? "nowhere" : where.in === "outcome" ? "over" : where.in;
    if (place !== task.place) this.#complain("I1", `${task.publicId} is ${task.place}, and the store says ${place}`);
    if (where?.in !== "outcome" || !task.outcome) return;
    const { status, value, ref, seq } = where.outcome;
    if (status !== task.outcome.status || value !== task.outcome.value || ref !== task.outcome.ref || seq !== task.outcome.seq)
      this.#complain("I2", `${task.publicId} ended as ${task.outcome.status}, and the store says ${status}`);
    const values = this.#values.get(task.publicId);
    if (status === "succeeded" && value !== null && task.rows.length === 0 && values && !values.has(value))
      this.#complain("I7", `${task.publicId} gave ${[...values].join(" or ")}, and the store says ${value}`);
  }

  /** Workflows that ended by themselves, once more on what was stored, in one attempt. */
  async rerunWorkflows(): Promise<void> {
    let left = rerunsMax;
    for (const task of this.#books.tasks.values()) {
      const { outcome } = task;
      if (!outcome || outcome.status !== "succeeded" || outcome.value === null || task.rows.length === 0) continue;
      // One execution, told nothing from outside but what settled: that is what a re-run is given here.
      if (task.baseAct > 0 || task.toldOfCancel) continue;
      const workflow = this.#workflowOf(task);
      if (!workflow || left-- <= 0) continue;
      const deliveries = await Promise.all(
        task.deliveries.map(async (d): Promise<Delivery> => ({
          ...d,
          value: d.ref === null ? d.value : await this.#artifacts.get(d.ref),
        })),
      );
      const { result, acts } = await rerun(workflow, { rows: task.rows, deliveries }, { ...task, input: task.row.input });
      const asked = acts.filter((a) => a.kind !== "cancel").map((a) => a.kind);
      if (asked.length > 0) this.#complain("replay", `${task.publicId} asks ${asked.join(", ")} beyond what it had asked`);
      if (result?.status !== "succeeded" || result.value !== outcome.value)
        this.#complain("replay", `${task.publicId} gave ${outcome.value}, and once more ${JSON.stringify(result)}`);
    }
  }

  #workflowOf(task: BookedTask): ReturnType<typeof workflowNamed> {
    return workflowNamed(this.#names.get(task.row.definition) ?? "");
  }
}

function fenceName(f: Assignment["fence"]): string {
  return `${f.boot}:${f.task}:${f.leaseNo}`;
}
