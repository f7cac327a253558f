// One remote worker of the fleet under fire, as `flotilla worker --connect` starts one.
//   node worker.ts LOG TOKEN SLOTS URL...
import { systemClock } from "../../src/core/clock.ts";
import { connectPath } from "../../src/protocol/wire/frames.ts";
import { startRemoteWorker } from "../../src/runtime/remote-worker.ts";
import { note } from "../chaos/nemesis/history.ts";
import { createFleetLoad } from "./definitions.ts";
import { linkTap } from "./tap.ts";

const [log, token, slots, ...urls] = process.argv.slice(2) as [string, string, string, ...string[]];
process.stdin.on("close", () => process.exit(1)).resume();
const tap = linkTap(log, token);
const worker = await startRemoteWorker(
  {
    name: `worker-${process.pid}`,
    definitions: createFleetLoad(tap).map((d) => d["~definition"]),
    urls: urls.map((url) => `${url}${connectPath}`),
    token,
    slots: Number(slots),
    offers: [],
    pool: undefined,
    build: "nemesis",
    // As `serveWorker` has them when nothing is said.
    graceMs: undefined,
    fenceMs: 10_000,
    dial: (url) => tap.dial(url),
  },
  {
    clock: systemClock,
    random: Math.random,
    log(level, message, fields) {
      if (level !== "warn" && level !== "error") return;
      const error = fields?.["error"];
      note(log, { e: "said", pid: process.pid, level, message, error: typeof error === "string" ? error : null });
    },
  },
);
note(log, { e: "life", pid: process.pid });
// Leaves at once, with a goodbye: what it was doing is others'.
process.once("SIGTERM", () => void worker.stop().then(() => process.exit(0)));
