// The processes of a fleet under fire. Each ends when whoever started it does, because its input closes.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const outLinesMax = 100;

export interface Process {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the first line of stdout. @throws when it ends first */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<unknown>;
  /** What it said on stderr at last. */
  said(): string;
  isAlive(): boolean;
}

export function begin(script: URL, args: readonly string[], cache: string): Process {
  const child = spawn(process.execPath, [script.pathname, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, FLOTILLA_ENV: "", NODE_COMPILE_CACHE: cache },
  });
  child.stdin.on("error", () => {});
  let said = "";
  child.stderr.on("data", (d: Buffer) => (said = (said + String(d)).slice(-4_000)));
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close");
  const firstLine = Promise.race([
    once(lines, "line").then(([line]) => line as string),
    ended.then(() => {
      throw new Error(`${script.pathname} ended: ${said}`);
    }),
  ]);
  firstLine.catch(() => {});
  let seen = 0;
  lines.on("line", () => {
    if (++seen > outLinesMax) lines.removeAllListeners("line");
  });
  return {
    child,
    pid: child.pid as number,
    firstLine,
    ended,
    said: () => said,
    isAlive: () => child.exitCode === null && child.signalCode === null,
  };
}
