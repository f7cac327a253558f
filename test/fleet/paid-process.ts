// A fleet with an orchestrator and a worker, in a process that is killed as a whole.
import { createFleet } from "../../src/index.ts";
import { order, paid } from "./paid.ts";

const [store = ""] = process.argv.slice(2);
await createFleet({ definitions: [paid, order], store: store as `postgres://${string}`, workers: { count: 1, slots: 4 } });
console.log("up");
setInterval(() => {}, 60_000);
