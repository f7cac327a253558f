// What only a store that several lives write to at once can get wrong.
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { brokenRule } from "./invariants.ts";
import { blocked, holdRun } from "./steps.ts";
import { dropSchemas, inSchema, takeStore } from "./stores.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { firstSeed } from "../simulation/seeds.ts";
import { catalogue } from "../store/differential/calls.ts";
import { differTogether, type Life, type Pair, type Together } from "../store/differential/lives.ts";
import { sequences, type CommitOp } from "../store/differential/ops.ts";
import { now } from "../store/rows.ts";

afterAll(dropSchemas);

const long = process.env["FLOTILLA_LONG"] === "1";
const runs = Number(process.env["FLOTILLA_POSTGRES_PAIRS"] ?? 20);

/** Two lives on one schema. */
async function openLives() {
  const { url, store, done } = await takeStore();
  const { store: second } = await openPostgresStore({ url });
  const lives: Life[] = [];
  for (const s of [store, second]) lives.push({ store: s, boot: (await s.boot({ nonce: "n", pid: 1, now })).boot });
  const [a, b] = lives as [Life, Life];
  await a.store.catalogue.defineAll({ ...catalogue, boot: a.boot });
  return {
    url,
    lives: [a, b] as [Life, Life],
    async close() {
      await second.close();
      done();
    },
  };
}

function stepping(url: string, held: () => boolean): Together {
  return {
    async holders() {
      const rows = await inSchema<{ task: string; orchestrator: string }>(url, "SELECT task, orchestrator FROM running");
      return new Map(rows.map((r) => [Number(r.task), Number(r.orchestrator)]));
    },
    async together(runIds, both) {
      if (!held()) return await Promise.all(both.map((work) => work()));
      const lock = await holdRun(url, ...runIds);
      let done = 0;
      const working = both.map((work) => work().finally(() => (done += 1)));
      // Each waits for a lock, or needs none of them.
      await blocked(url, () => both.length - done);
      await lock.release();
      return await Promise.all(working);
    },
  };
}

const commits = sequences.map((ops) => ops.filter((op): op is CommitOp => op.kind === "commit"));
const slices = fc.constantFrom(0, 0, 0, 0, 1, 2, 3);

test(
  "what two lives commit at once is what one after the other would have done",
  { timeout: long ? 900_000 : 120_000 },
  async () => {
    const property = fc.asyncProperty(
      commits,
      fc.array(slices, { minLength: 18, maxLength: 18 }),
      fc.array(fc.boolean(), { minLength: 18, maxLength: 18 }),
      async (ops, kinds, stepped) => {
        const { url, lives, close } = await openLives();
        const pairs: Pair[] = [];
        for (let i = 2; i + 1 < ops.length; i += 2)
          pairs.push({ first: ops[i] as CommitOp, second: ops[i + 1] as CommitOp, slices: kinds[i] ?? 0 });
        let step = 0;
        try {
          const found = await differTogether(
            lives,
            stepping(url, () => stepped[step++] ?? false),
            ops.slice(0, 2),
            pairs,
          );
          if (found !== null) throw new Error(found);
          const broken = await brokenRule(url);
          if (broken !== null) throw new Error(broken);
        } finally {
          await close();
        }
      },
    );
    await fc.assert(property, { numRuns: runs, seed: firstSeed(), endOnFailure: true });
    expect(runs).toBeGreaterThan(0);
  },
);
