// Ends a child whose parent died, also while its main loop is blocked: a thread of its own looks four times a second.
// Given as text, not as a file: it starts in 15 ms instead of 40 (no type stripping, no loader of the user's), and a
// bundle cannot lose it.
import { Worker } from "node:worker_threads";

const code = `
const { workerData: { parent, everyMs } } = require("node:worker_threads");
const alive = () => { try { process.kill(parent, 0); return true; } catch (e) { return e.code === "EPERM"; } };
setInterval(() => {
  // An orphan gets another parent on Unix; on Windows the old number stays and its process is gone.
  if (process.ppid !== parent || !alive()) process.kill(process.pid, "SIGKILL");
}, everyMs);
`;

export function watchParent(parent: number, everyMs = 250): void {
  const thread = new Worker(code, {
    eval: true,
    workerData: { parent, everyMs },
    execArgv: [],
    stdout: false,
    stderr: false,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
  });
  thread.unref();
}
