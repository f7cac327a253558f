// The load of the fleet on SQLite, and what only a fleet of machines is asked to keep: long tasks that no blip repeats.
import { randomUUID } from "node:crypto";
import * as z from "zod";
import { agent, workflow } from "../../src/index.ts";
import { createLoad, word } from "../chaos/nemesis/definitions.ts";
import { note } from "../chaos/nemesis/history.ts";
import type { Tap } from "../chaos/nemesis/tap.ts";

/** @param tap what writes down here; undefined where no code runs */
export function createFleetLoad(tap: Tap | undefined) {
  const load = createLoad(tap);

  /** Heeds its signal, unlike the small ones: what was stopped and what was repeated can be told apart. */
  const long = agent({
    name: "long",
    input: z.object({ n: z.int(), ms: z.int() }),
    timeout: "10m",
    async run({ n, ms }, ctx) {
      if (!tap) throw new Error("the load runs in worker processes only");
      const { task, leaseNo } = tap.fenceOf(ctx.task.id);
      const token = randomUUID();
      const of = { pid: process.pid, task, leaseNo, token };
      note(tap.log, { e: "begun", ...of, long: true });
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        ctx.signal.addEventListener("abort", () => {
          clearTimeout(timer);
          note(tap.log, { e: "told", ...of, why: String(ctx.signal.reason) });
          reject(ctx.signal.reason as Error);
        });
      });
      note(tap.log, { e: "ended", ...of });
      return { n, token };
    },
  });

  /** Waits for a long task and for a message, in either order. */
  const vigil = workflow({
    name: "vigil",
    input: z.object({ n: z.int(), ms: z.int() }),
    async run({ n, ms }, ctx) {
      const [said, done] = await Promise.all([ctx.waitFor(word), ctx.call(long, { n, ms })]);
      return { n, word: said, token: done.token };
    },
  });

  /** As quick as it goes: says that the whole way round works. */
  const probe = workflow({
    name: "probe",
    input: z.object({ n: z.int(), word: z.string() }),
    async run({ n, word: said }, ctx) {
      await ctx.call(load.piece, { n, ms: 1 });
      return { n, word: said };
    },
  });

  return [load.piece, load.flaky, load.late, load.batch, load.wave, long, vigil, probe] as const;
}
