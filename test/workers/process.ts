// `flotilla worker` in a process of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { token } from "./world.ts";

const bin = fileURLToPath(new URL("../../src/cli/bin.ts", import.meta.url));
const fleetFile = (name: string): string => fileURLToPath(new URL(`fleet/${name}.ts`, import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

export interface WorkerProcess {
  readonly process: ChildProcess;
  /** What it wrote to stderr. */
  readonly said: () => string;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string | null>;
  /** Resolves when it has said so. */
  until(text: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function spawnWorker(
  url: string,
  args: readonly string[] = [],
  as: string | undefined = token,
  { fleet = "agents", build }: { readonly fleet?: string; readonly build?: string } = {},
): WorkerProcess {
  const child = spawn(process.execPath, [bin, "worker", "--connect", url, "--config", fleetFile(fleet), ...args], {
    cwd: root,
    env: {
      ...process.env,
      ...(as === undefined ? {} : { FLOTILLA_TOKEN: as }),
      ...(build === undefined ? {} : { FLOTILLA_BUILD: build }),
      NO_COLOR: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const waiting = new Set<() => void>();
  const tell = (): void => {
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      tell();
    });
  }
  const exited = new Promise<number | string | null>((resolve) =>
    child.once("close", (code, signal) => {
      resolve(signal ?? code);
      tell();
    }),
  );
  return {
    process: child,
    said: () => said,
    exited,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (said.includes(text)) resolve();
          else if (child.exitCode !== null || child.signalCode !== null) reject(new Error(`it ended and said: ${said}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}
