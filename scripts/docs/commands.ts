// Commands in the docs exist: scripts of package.json, and commands of the built `flotilla` with the flags that are shown.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../root.ts";
import type { Fence } from "./markdown.ts";

/** What a page may show beside our own commands. */
const known = /^(git clone|cd|npm (install|ci)|export|kill|curl|cat|ls) ?/;

export function checkCommands(blocks: readonly Fence[]): { checked: number; problems: string[] } {
  const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> }).scripts;
  const problems: string[] = [];
  let checked = 0;
  for (const block of blocks.filter((b) => b.language === "sh")) {
    for (const [i, line] of block.text.split("\n").entries()) {
      for (const command of parts(line)) {
        checked++;
        const wrong = check(command, scripts);
        if (wrong) problems.push(`${block.page}:${block.line + 1 + i} ${command}: ${wrong}`);
      }
    }
  }
  return { checked, problems };
}

function parts(line: string): string[] {
  const code = line.replace(/(^|\s)#.*$/, "").replace(/^\$ /, "");
  return code
    .split(/&&|\|\||\||;/)
    .map((c) => c.trim())
    .filter(Boolean);
}

function check(command: string, scripts: Readonly<Record<string, string>>): string | undefined {
  const npm = /^npm (?:run ([\w:-]+)|(start|test))/.exec(command);
  if (npm) return scripts[(npm[1] ?? npm[2]) as string] === undefined ? "package.json has no such script" : undefined;
  const node = /^node ([\w./-]+\.ts)/.exec(command);
  if (node) return existsSync(join(root, node[1] as string)) ? undefined : "no such file";
  const ours = /^(?:npx )?flotilla\s+(.*)$/.exec(command);
  if (ours) return checkOurs((ours[1] as string).split(/\s+/));
  return known.test(command) ? undefined : "a command that this check does not know";
}

const helps = new Map<string, string>();

/** The command's own help is asked: it exists when help names it, and so do its flags. */
function checkOurs(words: readonly string[]): string | undefined {
  const flags = words.filter((w) => w.startsWith("--")).map((w) => w.replace(/=.*$/, ""));
  let path: string[] = [];
  let help = helpOf(path);
  for (const word of words) {
    if (word.startsWith("-") || !new RegExp(`^\\s{2,}${word.replaceAll(/\W/g, "\\$&")}(?:\\||\\s|$)`, "m").test(help)) break;
    path = [...path, word];
    help = helpOf(path);
  }
  if (path.length === 0 && !words[0]?.startsWith("-")) return "flotilla --help does not name it";
  const missing = flags.find((f) => !["--help", "--version"].includes(f) && !help.includes(f) && !helpOf([]).includes(f));
  return missing === undefined ? undefined : `flotilla ${path.join(" ")} --help does not name ${missing}`;
}

function helpOf(path: readonly string[]): string {
  const key = path.join(" ");
  const cached = helps.get(key);
  if (cached !== undefined) return cached;
  const text = spawnSync("node", ["dist/cli/bin.js", ...path, "--help"], { cwd: root, encoding: "utf8", timeout: 10_000 }).stdout;
  helps.set(key, text);
  return text;
}
