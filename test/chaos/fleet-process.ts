// One life of a fleet over definitions.ts.
//   node fleet-process.ts DB WORKFLOW INPUT in-process|child-process COUNT SLOTS
import { createFleet } from "flotilla";
import * as definitions from "./definitions.ts";

const [db, name, input, isolation, count, slots] = process.argv.slice(2) as [
  string,
  "mixed" | "long",
  string,
  "in-process" | "child-process",
  string,
  string,
];
const fleet = await createFleet({
  definitions: Object.values(definitions),
  store: `sqlite:${db}`,
  workers: { count: Number(count), slots: Number(slots), isolation },
  ...(isolation === "child-process" ? { modules: [new URL("./definitions.ts", import.meta.url)] } : {}),
});
const run = await fleet.start(name, JSON.parse(input) as never, { idempotencyKey: name });
console.log(`run ${run.id}`);
for await (const event of run.events({ types: ["task.started", "task.settled", "run.finished"] })) {
  if (event.type === "run.finished") break;
  console.log(`${event.type} ${event.data.task}`);
}
console.log(`outcome ${JSON.stringify(await run.outcome())}`);
await fleet.close();
