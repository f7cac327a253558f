import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { exerciseWorker } from "./conformance.ts";

const subject = fileURLToPath(new URL("subject.ts", import.meta.url));
const python = fileURLToPath(new URL("../../examples/python-worker/conformance.py", import.meta.url));
const found = spawnSync("python3", ["-c", "import sys; sys.exit(0 if sys.version_info >= (3, 9) else 1)"]);

exerciseWorker("a worker in TypeScript", { command: (url) => [process.execPath, subject, url] });
exerciseWorker("a worker in Python", {
  command: (url) => ["python3", python, url],
  skip: found.status === 0 ? undefined : "there is no python3 of 3.9 or later here",
});
