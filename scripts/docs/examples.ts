// Code in the docs is code: every `ts` block is compiled against the built package, and those marked `ts run` are run and
// must print what the `text` block after them shows. A block that begins with `// name.ts` is that file, so that others on
// the page can import it.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../root.ts";
import type { Fence } from "./markdown.ts";

interface Example {
  readonly fence: Fence;
  readonly file: string;
  readonly prints: string | undefined;
}

export function checkExamples(blocks: readonly Fence[]): { compiled: number; ran: number; problems: string[] } {
  // Inside the repository, so that "flotilla" and "zod" are found as a user's project would find them.
  const folder = mkdtempSync(join(root, ".docs-"));
  try {
    const examples = collect(folder, blocks);
    if (examples.length === 0) return { compiled: 0, ran: 0, problems: [] };
    const problems = compile(folder, examples);
    const toRun = examples.filter((e) => e.fence.words.includes("run"));
    if (problems.length === 0) for (const example of toRun) problems.push(...run(example));
    return { compiled: examples.length, ran: toRun.length, problems };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function collect(folder: string, blocks: readonly Fence[]): Example[] {
  return blocks.flatMap((fence, i) => {
    if (fence.language !== "ts") return [];
    const name = /^\/\/ ([\w./-]+\.ts)\n/.exec(fence.text)?.[1] ?? `line-${fence.line}.ts`;
    const file = join(folder, fence.page.replace(/\.md$/, ""), name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, fence.text);
    const next = blocks[i + 1];
    const prints = next?.page === fence.page && next.language === "text" ? next.text : undefined;
    return [{ fence, file, prints }];
  });
}

function compile(folder: string, examples: readonly Example[]): string[] {
  const compilerOptions = {
    noEmit: true,
    moduleDetection: "force",
    noUnusedLocals: false,
    noUnusedParameters: false,
    rootDir: ".",
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../tsconfig.base.json", compilerOptions, include: ["**/*.ts"] }),
  );
  const tsc = spawnSync("tsc", ["-p", folder, "--pretty", "false"], { cwd: folder, encoding: "utf8" });
  if (tsc.status === 0) return [];
  // tell the page and its line, not the file that was made of it
  return tsc.stdout.split("\n").flatMap((line) => {
    const at = /^(\S+\.ts)\((\d+),\d+\): (.*)$/.exec(line);
    const example = at && examples.find((e) => e.file === join(folder, at[1] as string));
    if (at && example) return [`${example.fence.page}:${example.fence.line + Number(at[2])} ${at[3]}`];
    return line.trim() === "" ? [] : [line];
  });
}

function run({ fence, file, prints }: Example): string[] {
  const node = spawnSync("node", [file], { cwd: dirname(file), encoding: "utf8", timeout: 30_000 });
  const at = `${fence.page}:${fence.line}`;
  if (node.status !== 0)
    return [`${at} ends with ${node.status ?? node.signal}: ${node.stderr.trim().split("\n").slice(0, 6).join(" / ")}`];
  if (prints === undefined || node.stdout.trim() === prints.trim()) return [];
  return [`${at} prints\n${node.stdout.trim()}\n  and the page shows\n${prints.trim()}`];
}
