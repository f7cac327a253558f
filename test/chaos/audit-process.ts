// One life of an audit: opens the store, starts or finds the run, says each task that settles, and ends with the run.
//   node audit-process.ts DB REPO OUT in-process|child-process
import { createFleet } from "flotilla";
import config from "../../templates/repo-audit/flotilla.config.ts";
import { repoAudit } from "../../templates/repo-audit/workflow.ts";

const [db, repo, out, isolation] = process.argv.slice(2) as [string, string, string, "in-process" | "child-process"];
const { definitions, modules } = config.config;
const fleet = await createFleet({
  definitions,
  store: `sqlite:${db}`,
  workers: isolation === "in-process" ? { slots: 12 } : { count: 4, slots: 2, isolation },
  ...(modules ? { modules } : {}),
});
const run = await fleet.start(repoAudit, { repo, out }, { idempotencyKey: "audit" });
console.log(`run ${run.id}`);
for await (const event of run.events({ types: ["task.started", "task.settled", "run.finished"] })) {
  if (event.type === "run.finished") break;
  console.log(`${event.type} ${event.data.task}`);
}
const outcome = await run.outcome();
console.log(`outcome ${JSON.stringify(outcome.status === "succeeded" ? outcome.status : outcome)}`);
await fleet.close();
