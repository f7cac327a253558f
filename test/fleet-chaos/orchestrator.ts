// One orchestrator of the fleet under fire, as `flotilla orchestrator` serves one.
//   node orchestrator.ts LOG STORE
// Prints one line of JSON: where it listens. With `setup` as a third word it makes the tokens, prints them and ends.
import { systemClock } from "../../src/core/clock.ts";
import { serveFleet } from "../../src/runtime/serve.ts";
import { note } from "../chaos/nemesis/history.ts";

const [log, store, setup] = process.argv.slice(2) as [string, `postgres://${string}`, string | undefined];
process.stdin.on("close", () => process.exit(1)).resume();
const served = await serveFleet(
  { definitions: [], store, workers: { count: 0 }, server: { listen: "127.0.0.1:0", requestsPerMinute: 60_000 } },
  {
    clock: systemClock,
    random: Math.random,
    log(level, message, fields) {
      if (level === "debug") return;
      const error = fields?.["error"];
      note(log, { e: "said", pid: process.pid, level, message, error: typeof error === "string" ? error : null });
    },
  },
);
if (setup === "setup") {
  const { tokens } = served.fleet;
  const worker = await tokens.create({ name: "workers", role: "worker", namespace: "default" });
  const client = await tokens.create({ name: "load", role: "operator", namespace: "default" });
  console.log(JSON.stringify({ worker: worker.token, client: client.token }));
  await served.close();
  process.exit(0);
}
note(log, { e: "life", pid: process.pid });
console.log(JSON.stringify({ url: served.server.url }));
process.once("SIGTERM", () => void served.close().then(() => process.exit(0)));
