// `npm start [-- <folder>] [-- --input key=value ...]`: a fleet of twelve workers audits a git repository, this one if none is
// named, and writes a report. Everything happens on this machine: no account, no key, no model.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { root } from "./root.ts";

const given = process.argv.slice(2);
const folder = given[0]?.startsWith("-") === false ? given[0] : undefined;
const rest = folder === undefined ? given : given.slice(1);
// npm runs scripts in the package's folder; INIT_CWD is where the user stood when they typed the path
const repo = folder === undefined ? root : resolve(process.env["INIT_CWD"] ?? process.cwd(), folder);

const bin = join(root, "dist/cli/bin.js");
if (!existsSync(bin)) {
  console.error("dist is missing\n  fix   npm install, which builds it, or npm run build");
  process.exit(1);
}
const config = join(root, "templates/repo-audit/flotilla.config.ts");
const flotilla = spawnSync(
  process.execPath,
  [bin, "up", "--config", config, "--run", "repo-audit", "--input", `repo=${repo}`, ...rest],
  {
    cwd: root,
    stdio: "inherit",
  },
);
process.exitCode = flotilla.status ?? 130;
