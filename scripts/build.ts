// Builds dist: `node scripts/build.ts`. npm runs it after `npm install` (the `prepare` script).
//
// It compiles into a folder of its own and swaps that in at the end, so that whoever loads dist meanwhile never finds
// half of it.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { bundle } from "./build/bundle.ts";
import { root } from "./root.ts";

const fresh = join(root, `.dist-${process.pid}`);
const old = join(root, `.dist-${process.pid}-old`);
const dist = join(root, "dist");

const started = performance.now();
try {
  const tsc = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json", "--outDir", fresh],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  if (tsc.status !== 0) {
    console.error("build: tsc refused the code above; dist is left as it was");
    process.exitCode = 1;
  } else {
    await bundle(root, fresh);
    copyMigrations();
    const bin = join(fresh, "cli/bin.js");
    if (existsSync(bin)) chmodSync(bin, 0o755);
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
    console.log(`built dist in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
}

/** tsc copies code only; the store reads its migrations from beside its own file. */
function copyMigrations(): void {
  for (const file of globSync("src/store/**/migrations/*.sql", { cwd: root })) {
    const target = join(fresh, relative("src", file));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(root, file), target);
  }
}
