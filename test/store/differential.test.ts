// SQLite against the model, on sequences of batches that nobody thought of; and the search itself against stores that are
// wrong in known ways.
import { isDeepStrictEqual } from "node:util";
import { runInThisContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BatchResult, Boot, ReadyRow } from "../../src/store/contract.ts";
import { firstSeed } from "../simulation/seeds.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { perform, catalogue, type Call } from "./differential/calls.ts";
import { defects, openDefective } from "./differential/defects.ts";
import { replay } from "./differential/differ.ts";
import { sequences } from "./differential/ops.ts";
import { codeOf } from "./differential/print.ts";
import { Script } from "./differential/script.ts";
import { findDifference } from "./differential/search.ts";
import { emptyDisk, name, type Disk, type Rows } from "./model/disk.ts";
import { Watch } from "./model/invariants.ts";
import { openModelStore } from "./model/open.ts";
import * as words from "./rows.ts";

const { actsOf, batch, child, claimOf, root, settleOf } = words;
const long = process.env["FLOTILLA_LONG"] === "1";
const runs = Number(process.env["FLOTILLA_STORE_SEQUENCES"] ?? 2_000);

test("sqlite does what the model does", { timeout: long ? 900_000 : 120_000 }, async () => {
  // Each commit tries others, and the same commit the same ones.
  const found = await findDifference(() => openSqliteStore({ path: ":memory:" }), { runs, seed: firstSeed() });
  if (found !== null) throw new Error(found);
});

describe("the search", () => {
  test.each(defects)("finds a store in which $name", async (defect) => {
    // A fixed draw: what is tested here is that there are sequences that tell, not luck.
    const found = await findDifference(() => openDefective(defect), { runs: 1_000, seed: 1, shorten: false });
    expect(found).toContain("const calls: Call[]");
  });

  test("makes what it found short", async () => {
    const defect = defects.find((d) => d.name === "any lease settles") as (typeof defects)[number];
    const found = await findDifference(() => openDefective(defect), { runs: 1_000, seed: 1 });
    // A life, the first tasks, and one batch that settles what it must not.
    expect(found?.match(/\{ commit: /g)).toHaveLength(2);
    expect(found).toContain("settleOf(");
  });

  test("finds nothing in a store that is right", async () => {
    expect(await findDifference(() => openModelStore(), { runs: 200 })).toBeNull();
  });

  test("comes by everything that can happen", async () => {
    const seen = new Map<string, number>();
    const saw = (what: string, n = 1) => seen.set(what, (seen.get(what) ?? 0) + n);
    for (const ops of fc.sample(sequences, { numRuns: 800, seed: 1 }))
      for (const c of await performed(ops)) tally(c.call, c.answer, saw);
    const rare = everything.filter((what) => (seen.get(what) ?? 0) < 5);
    expect(rare).toEqual([]);
  });

  test("prints what it found as code that says the same", async () => {
    for (const ops of fc.sample(sequences, { numRuns: 100, seed: 2 })) {
      const calls = (await performed(ops)).map((p) => p.call);
      // What would stand in a test, but for the type.
      const code = codeOf(calls).replace(": Call[]", "");
      const said = runInThisContext(`({ ${Object.keys(words).join(", ")} }) => { ${code}\nreturn calls; }`) as (
        w: object,
      ) => Call[];
      expect(isDeepStrictEqual(said(words), calls)).toBe(true);
    }
  });
});

/** What a sequence asks of the model, and what the model answers. */
async function performed(ops: Parameters<typeof Script.prototype.call>[0][]): Promise<{ call: Call; answer: unknown }[]> {
  const disk = emptyDisk();
  const store = openModelStore(disk);
  await store.catalogue.defineAll(catalogue);
  const script = new Script(disk);
  const done: { call: Call; answer: unknown }[] = [];
  const act = async (call: Call) => done.push({ call, answer: await perform(store, call) });
  for (const call of script.begin()) await act(call);
  for (const op of ops) await act(script.call(op));
  return done;
}

const everything = [
  "fencedActs, fenced, unclaimed, due, woken, parked, existing, moreCancels, nextDueAt, recovered, parked at boot, released",
  "delivered succeeded, delivered failed, delivered canceled, delivered partial, delivered quarantined, told of a cancel",
  "closed running, closed ready, closed delayed, closed held, closed parked, event emit, event settled, event approval",
  "unsent ended, unsent duplicate, unanswered, answered, several parents at once, continued",
  "put true, put false, move true, move false, drop true, drop false, expired deadline, expired ttl, ticked, not ticked, overlapped, nextTickAt",
  "refused FLOTILLA_STORE_LOCKED, refused a rule of the store",
].flatMap((line) => line.split(", "));

function tally(call: Call, answer: unknown, saw: (what: string, n?: number) => void): void {
  if (typeof answer === "object" && answer !== null && "refused" in answer) return saw(`refused ${String(answer.refused)}`);
  for (const what of ["put", "move", "drop"] as const) if (what in call) return saw(`${what} ${String(answer)}`);
  if ("release" in call) return saw("released", (answer as ReadyRow[]).length);
  if ("boot" in call) {
    saw("parked at boot", (answer as Boot).parked);
    return saw("recovered", (answer as Boot).recovered);
  }
  if (!("commit" in call)) return;
  const r = answer as BatchResult;
  for (const list of ["fencedActs", "fenced", "unclaimed", "due", "woken", "parked"] as const) saw(list, r[list].length);
  for (const d of r.deliveries) saw(d.act === 0 ? "told of a cancel" : `delivered ${d.status}`);
  for (const why of r.unsent.values()) saw(`unsent ${why}`);
  saw("unanswered", r.unanswered.size);
  saw("answered", call.commit.answers.length - r.unanswered.size);
  saw("continued", call.commit.requeues.filter((q) => q.next.to === "continued").length);
  for (const c of r.closed) saw(`closed ${c.was}`);
  for (const c of r.closed) if (c.status === "failed") saw(`expired ${(c.error.details as { after?: string }).after}`);
  for (const t of r.ticked) saw(t.overlapped ? "overlapped" : t.taken ? "ticked" : "not ticked", 1);
  if (typeof r.nextTickAt === "number") saw("nextTickAt");
  for (const e of r.events) saw(`event ${e.type}`);
  saw("existing", r.existing.size);
  if (r.moreCancels) saw("moreCancels");
  if (r.nextDueAt !== null) saw("nextDueAt");
  if (new Set(r.deliveries.map((d) => d.parent)).size > 1) saw("several parents at once");
}

describe("the watch on the model", () => {
  /** A parent that runs with one child under way, one that has settled, and a root that has ended. */
  async function someRows(): Promise<Disk> {
    const disk = emptyDisk();
    const store = openModelStore(disk);
    await store.catalogue.defineAll(catalogue);
    const parent = root(1, { claim: 7 });
    const ended = root(2, { claim: 7 });
    const kids = [child(3, parent, 1, { claim: 7 }), child(4, parent, 2)] as const;
    await store.commit(batch({ tasks: [parent, ended] }));
    await store.commit(batch({ acts: [actsOf(parent, 1, { children: kids })], settles: [settleOf(ended, 1)] }));
    await store.commit(batch({ settles: [settleOf(kids[0], 1)], claims: [claimOf(kids[1])] }));
    return disk;
  }
  const gate = (rows: Rows, change: object) =>
    rows.gates.set(1, { ...(rows.gates.get(1) as never as object), ...change } as never);
  const outcome = (rows: Rows, task: number, change: object) => {
    const place = rows.places.get(task) as { outcome: object };
    rows.places.set(task, { in: "outcome", outcome: { ...place.outcome, ...change } as never });
  };
  const nothing = {
    givenBack: false,
    name: null,
    detail: null,
    value: null,
    error: null,
    seq: null,
    status: null,
    key: "k",
    inputHash: "h",
    askedAfter: 0,
  };
  const cases: { what: string; harm: (rows: Rows) => void; says: string }[] = [
    { what: "a task that is nowhere", harm: (r) => r.places.delete(4), says: "task 4 is nowhere" },
    { what: "a place of nobody", harm: (r) => r.tasks.delete(2), says: "there is no task 2" },
    { what: "a gate that counts too many", harm: (r) => gate(r, { remaining: 2 }), says: "says 2 and 1 children" },
    { what: "a gate that counts too few", harm: (r) => gate(r, { remaining: 0 }), says: "says 0 and 1 children" },
    {
      what: "a gate of an ended task",
      harm: (r) => r.gates.set(2, r.gates.get(1) as never),
      says: "task 2 has ended and has a gate",
    },
    { what: "a child that nobody stops", harm: (r) => r.gates.delete(1), says: "task 4 is under way for nobody" },
    { what: "a place left out of an order", harm: (r) => outcome(r, 3, { seq: 2 }), says: "in the order 2" },
    { what: "a last place that is not the last", harm: (r) => gate(r, { lastSeq: 2 }), says: "its gate says 2" },
    {
      what: "an outcome that changes",
      harm: (r) => outcome(r, 2, { value: '"other"' }),
      says: "the outcome of task 2 has changed",
    },
    {
      what: "a lease number that falls",
      harm: (r) => r.places.set(4, { ...(r.places.get(4) as never as object), leaseNo: 0 } as never),
      says: "the lease number of task 4 fell to 0",
    },
    {
      what: "a parked task that nothing can wake",
      harm: (r) => r.places.set(2, { in: "parked", leaseNo: 1, attempt: 0, crashes: 0, alone: false, since: 0 }),
      says: "task 2 is parked for ever",
    },
    {
      what: "a wait of an ended task",
      harm: (r) => r.waits.set(name(2, 1), { task: 2, act: 1, kind: "timer", begunAt: 1, dueAt: 1, endedAt: null, ...nothing }),
      says: "task 2 has ended and waits",
    },
    {
      what: "an ended task that expires",
      harm: (r) => r.expiries.set(name(2, "deadline"), { at: 1, task: 2, kind: "deadline" }),
      says: "task 2 has ended and expires",
    },
    {
      what: "an event number that is left out",
      harm: (r) => r.events.push({ run: 1, cursor: 9, type: "settled", task: 4, act: null }),
      says: "run 1 has event 9 after 1",
    },
    {
      what: "a step that was told at a place that is taken",
      harm: (r) =>
        r.steps.set(name(1, 9), {
          task: 1,
          act: 9,
          key: "k",
          askedAfter: 0,
          seq: 1,
          endedAt: 1,
          value: null,
          ref: null,
          error: null,
        }),
      says: "in the order 1, 1",
    },
  ];
  test.each(cases)("sees $what", async ({ harm, says }) => {
    const { rows } = await someRows();
    const watch = new Watch();
    expect(watch.look(rows)).toBeNull();
    harm(rows);
    expect(watch.look(rows)).toContain(says);
  });
});

describe("what the search has found", () => {
  const same = (calls: readonly Call[]) => replay(openSqliteStore({ path: ":memory:" }), calls);
  const t1 = root(1, { claim: 7 });
  const boot = { boot: { nonce: "n", pid: 1, now: words.now } };

  test("a claim made on an older look took a task with a lease number that had been given before", async () => {
    const again = { to: "ready", attempt: 0, crashes: 0, alone: false } as const;
    const calls: Call[] = [
      boot,
      { commit: batch({ tasks: [t1] }) },
      { commit: batch({ requeues: [words.requeueOf(t1, 1, again)] }) },
      { commit: batch({ claims: [claimOf(t1)] }) },
    ];
    expect(await same(calls)).toBeNull();
  });

  test("a second result of a step took the place of the first, at another place in the order", async () => {
    const result = (value: string) => ({
      commit: batch({ acts: [actsOf(t1, 1, { stepResults: [{ act: 1, value, ref: null, error: null }] })] }),
    });
    const calls: Call[] = [
      boot,
      { commit: batch({ tasks: [t1], acts: [] }) },
      { commit: batch({ acts: [actsOf(t1, 1, { steps: [{ act: 1, key: "mail", askedAfter: 0 }] })] }) },
      result("1"),
      result("2"),
    ];
    expect(await same(calls)).toBeNull();
  });

  test("a detached child that was refused took a place in its parent's order, and its parent's history had none there", async () => {
    const calls: Call[] = [
      boot,
      { commit: batch({ tasks: [t1] }) },
      { commit: batch({ acts: [actsOf(t1, 1, { children: [child(2, t1, 1, { detached: true, refused: words.refusal })] })] }) },
    ];
    expect(await same(calls)).toBeNull();
  });
});
