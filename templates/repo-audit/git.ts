// Runs git as a reader of somebody else's repository: nothing that the repository configures may run.

import { execFile } from "node:child_process";
import process from "node:process";

const outputBytesMax = 256 * 1024 * 1024;
const commandMsMax = 120_000;

// Each line switches off one way in which a repository's own config starts a program or reaches the network.
const harmless: readonly string[] = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "core.attributesFile=/dev/null",
  "core.excludesFile=/dev/null",
  "core.sshCommand=false",
  "core.pager=cat",
  "core.alternateRefsCommand=",
  "credential.helper=",
  "diff.external=",
  "log.showSignature=false",
  "protocol.allow=never",
  "submodule.recurse=false",
  // A file named here may be missing, and then blame fails.
  "blame.ignoreRevsFile=",
  // Output that means the same on each machine.
  "core.quotePath=false",
  "color.ui=false",
  "log.mailmap=true",
  "log.follow=false",
  "diff.renames=true",
  // Reading a repository that another user owns is what an audit does; with the lines above it runs none of its code.
  "safe.directory=*",
];

const flags = harmless.flatMap((setting) => ["-c", setting]);

function environment(args: readonly string[]): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"] ?? "",
    LC_ALL: "C",
    TZ: "UTC",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    // A file called `[id].ts` means itself, unless a command asks for pathspec magic or takes plain paths anyway.
    ...(args[0]?.startsWith("check-") === true || args.some((arg) => arg.startsWith(":(")) ? {} : { GIT_LITERAL_PATHSPECS: "1" }),
    // A partial clone must not fetch what it lacks.
    GIT_NO_LAZY_FETCH: "1",
    ...(process.env["SystemRoot"] === undefined ? {} : { SystemRoot: process.env["SystemRoot"] }),
  };
}

export class GitError extends Error {
  readonly code = "GIT_FAILED";
  constructor(command: string, detail: string) {
    super(`git ${command} failed: ${detail}`);
  }
}

/** Runs one git command in `root` and gives its output. Commands that show diffs get `--no-ext-diff --no-textconv`. */
export function runGit(root: string, args: readonly string[], input?: string): Promise<string> {
  const [command = "", ...rest] = args;
  const showsDiffs = command === "log" || command === "diff" || command === "diff-tree" || command === "show";
  const full = ["--no-pager", ...flags, command, ...(showsDiffs ? ["--no-ext-diff", "--no-textconv"] : []), ...rest];
  return new Promise((resolve, reject) => {
    const child = execFile(
      "git",
      full,
      { cwd: root, env: environment(args), maxBuffer: outputBytesMax, timeout: commandMsMax, encoding: "utf8" },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new GitError(command, stderr.trim().split("\n")[0] || error.message));
      },
    );
    // A command that does not read its input closes it early; its exit code says what happened.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });
}

/** The parts of NUL-separated output. */
export function nulSeparated(output: string): string[] {
  return output.split("\0").filter((part) => part !== "");
}
