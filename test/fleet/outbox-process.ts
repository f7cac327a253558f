// A fleet with a worker, in a process of its own that is killed: says `ran n` as it runs them.
import { createFleet } from "../../src/index.ts";
import { noted, told } from "./noted.ts";

told.ran = (n) => console.log(`ran ${n}`);
const [store = ""] = process.argv.slice(2);
await createFleet({ definitions: [noted], store: store as `postgres://${string}`, workers: { count: 1, slots: 4 } });
console.log("up");
setInterval(() => {}, 60_000);
