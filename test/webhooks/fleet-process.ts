// One life of a fleet that tells a webhook of its runs.
//   node fleet-process.ts DB URL RUNS        HOOK_SECRET in the environment
import * as z from "zod";
import { agent, createFleet } from "../../src/index.ts";

const [db, url, runs] = process.argv.slice(2) as [string, string, string];
const work = agent({ name: "work", input: z.int(), run: (n) => n });
const fleet = await createFleet({
  definitions: [work],
  store: `sqlite:${db}`,
  webhooks: [{ url, events: ["run.finished"], secretEnv: "HOOK_SECRET" }],
});
for (let n = 0; n < Number(runs); n++) {
  const run = await fleet.start(work, n, { idempotencyKey: `run-${n}` });
  await run.outcome();
  console.log(`finished ${run.id}`);
}
await fleet.close();
