import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../root.ts";
import type { Stage } from "./stages.ts";

export interface Result {
  readonly stage: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly shareS: number;
  /** Why it failed, one line each; empty when it did not. */
  readonly failures: readonly string[];
}

interface Exit {
  readonly code: number | null;
  readonly late: boolean;
}

/** Runs one stage and says how it went; output of the commands goes straight to the terminal. */
export async function runStage(stage: Stage, o: { long: boolean }): Promise<Result> {
  const shareS = o.long ? stage.shareS * 5 : stage.shareS;
  const started = performance.now();
  const leftMs = (): number => shareS * 1000 - (performance.now() - started);
  const env = { ...process.env, FLOTILLA_LONG: o.long ? "1" : "", ...(o.long ? stage.longEnv : {}) };

  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  for (const check of stage.checks ?? []) {
    console.log(`\n── ${stage.name}: ${check.name}`);
    const exit = await exec(check.run, leftMs(), env);
    if (exit.code === 0 && !exit.late) counts.passed++;
    else {
      counts.failed++;
      failures.push(`${check.name}: ${explain(exit, shareS)}  (${check.run.join(" ")})`);
    }
  }
  if (stage.tests) {
    console.log(`\n── ${stage.name}: vitest run ${stage.tests.join(" ")}`);
    const told = await runTests(stage.tests, leftMs(), env);
    counts.passed += told.passed;
    counts.failed += told.failed;
    counts.skipped += told.skipped;
    failures.push(...told.failures);
    // Stopped, crashed or empty: no test says so, therefore the stage does.
    if (told.exit.late || (told.exit.code !== 0 && told.failed === 0)) {
      counts.failed++;
      failures.push(explain(told.exit, shareS));
    }
  }
  const seconds = (performance.now() - started) / 1000;
  return { stage: stage.name, ...counts, seconds, shareS, failures };
}

function explain(exit: Exit, shareS: number): string {
  return exit.late ? `stopped: the stage may take ${shareS} s` : `exit code ${exit.code ?? "none: killed"}`;
}

/** Test files that no stage would run. */
export function unlisted(stages: readonly Stage[]): string[] {
  const folders = stages.flatMap((s) => s.tests ?? []);
  return globSync("{src,test,templates,scripts,bench,examples}/**/*.test.ts", {
    cwd: root,
    exclude: (name) => name === "node_modules",
  })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !folders.some((folder) => file.startsWith(`${folder}/`)));
}

interface VitestJson {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

async function runTests(folders: readonly string[], ms: number, env: NodeJS.ProcessEnv) {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-verify-"));
  const file = join(folder, "vitest.json");
  // A trailing slash: vitest takes a filter as a part of the path, and "src" alone would also match "scripts/src-x".
  const filters = folders.map((f) => join(root, f) + "/");
  try {
    const exit = await exec(
      ["vitest", "run", ...filters, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
      ms,
      env,
    );
    const json = readJson(file);
    if (!json) return { exit, passed: 0, failed: 0, skipped: 0, failures: [] };
    const broken = json.testResults.filter((r) => r.status === "failed");
    const failures = broken.flatMap((r) => {
      const names = r.assertionResults.filter((a) => a.status === "failed").map((a) => a.fullName);
      return names.length > 0
        ? names.map((n) => `${relative(r.name)}: ${n}`)
        : [`${relative(r.name)}: ${r.message.split("\n")[0]}`];
    });
    // A file that does not even load holds no test that could fail: it counts as one.
    const unloaded = broken.filter((r) => !r.assertionResults.some((a) => a.status === "failed")).length;
    return {
      exit,
      passed: json.numPassedTests,
      failed: json.numFailedTests + unloaded,
      skipped: json.numPendingTests + json.numTodoTests,
      failures,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function relative(path: string): string {
  return path.startsWith(root) ? path.slice(root.length + 1) : path;
}

function readJson(file: string): VitestJson | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as VitestJson;
  } catch {
    return undefined;
  }
}

/** A command in a process group of its own, so that being late ends everything it started. */
function exec(command: readonly [string, ...string[]], ms: number, env: NodeJS.ProcessEnv): Promise<Exit> {
  if (ms <= 0) return Promise.resolve({ code: null, late: true });
  const [name, ...args] = command;
  const path = `${join(root, "node_modules/.bin")}:${env["PATH"] ?? ""}`;
  const child = spawn(name, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
    env: { ...env, PATH: path },
  });
  return new Promise((done) => {
    let late = false;
    const killGroup = (): void => {
      try {
        process.kill(-(child.pid as number), "SIGKILL");
      } catch {
        // it has just ended by itself
      }
    };
    const timer = setTimeout(() => {
      late = true;
      killGroup();
    }, ms);
    process.once("exit", killGroup);
    const end = (code: number | null): void => {
      clearTimeout(timer);
      process.off("exit", killGroup);
      done({ code, late });
    };
    child.once("error", (e) => {
      console.error(e.message);
      end(127);
    });
    child.once("exit", end);
  });
}
