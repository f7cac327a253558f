// Builds, packs, and checks the tarball as npm would publish it: publint for its package.json, attw for its types.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./root.ts";

const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { cwd: root, stdio: "inherit" });

const folder = mkdtempSync(join(tmpdir(), "flotilla-pack-"));
try {
  run("node", "scripts/build.ts");
  // without scripts: `prepare` would build once more
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
  });
  const [tarball] = JSON.parse(packed) as { filename: string; size: number; unpackedSize: number; entryCount: number }[];
  if (!tarball) throw new Error("npm pack made nothing");
  const file = join(folder, tarball.filename);
  console.log(`${tarball.filename}: ${tarball.entryCount} files, ${Math.round(tarball.size / 1024)} KiB packed`);
  run("publint", "run", file, "--strict");
  // The package is ESM only and says so; how CommonJS of old would see it is of no interest.
  run("attw", file, "--profile", "esm-only", "--no-color", "--no-emoji");
} catch (e) {
  // the command has printed what is wrong
  console.error(e instanceof Error ? e.message : e);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
