// Runs `npm start` as the README shows it, and looks for the report that it promises.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { root } from "./root.ts";

const started = Date.now();
const npm = spawnSync("npm", ["start"], { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });

const problems: string[] = [];
if (npm.status !== 0) problems.push(`npm start ended with ${npm.status ?? npm.signal}`);
const report = /"html": "([^"]+)"/.exec(npm.stdout)?.[1];
if (report === undefined) problems.push("npm start named no report");
else if (!isFresh(report)) problems.push(`${report} was not written by this run`);

const shown = npm.stderr.trim().split("\n").slice(-4).join("\n");
console.log(`${shown}\n${((Date.now() - started) / 1000).toFixed(1)} s, ${report ?? "no report"}`);
for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error(`${npm.stdout.slice(-2_000)}\n${npm.stderr.slice(-4_000)}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function isFresh(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  return file !== undefined && file.size > 1_000 && file.mtimeMs >= started - 1_000;
}
