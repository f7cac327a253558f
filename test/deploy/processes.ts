// The services of docker-compose.yml as plain processes of this machine: the same commands and variables, with the names of
// containers replaced by addresses of loopback.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { folder, type Service } from "./compose.ts";

const bin = fileURLToPath(new URL("../../dist/cli/bin.js", import.meta.url));
/** Where the image has its definitions: `/app`. */
const app = fileURLToPath(new URL("app/", folder));

export interface Started {
  readonly child: ChildProcess;
  readonly out: readonly string[];
  /** What it said on stderr. */
  readonly said: readonly string[];
  /** Resolves with the first line of stdout that fits. @throws when the process ends first */
  line(fits: (line: string) => boolean): Promise<string>;
  /** The same of stderr. */
  saidLine(fits: (line: string) => boolean): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
}

export function start(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Started {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(command, args, { cwd: app, env: { PATH, HOME, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const out = new Lines(child, child.stdout);
  const said = new Lines(child, child.stderr);
  return {
    child,
    out: out.all,
    said: said.all,
    line: (fits) => out.first(fits, said.all),
    saidLine: (fits) => said.first(fits, said.all),
    kill: (signal) => void child.kill(signal),
    ended: once(child, "close").then(([code]) => code as number | null),
  };
}

/** A service of ours. `more`: what a test needs besides, such as a port that is free. */
export function startService(
  service: Service,
  o: { readonly env: Readonly<Record<string, string>>; readonly more?: readonly string[] },
): Started {
  return start(process.execPath, [bin, ...(service.command ?? []), ...(o.more ?? [])], { ...service.environment, ...o.env });
}

/** What a command prints. */
export async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const started = start(process.execPath, [bin, ...args], env);
  const code = await started.ended;
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${started.said.join("\n")}`);
  return started.out.join("\n");
}

class Lines {
  readonly all: string[] = [];
  #ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcess, stream: NodeJS.ReadableStream) {
    createInterface({ input: stream }).on("line", (line) => {
      this.all.push(line);
      this.#wake();
    });
    child.once("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  async first(fits: (line: string) => boolean, said: readonly string[]): Promise<string> {
    for (;;) {
      const found = this.all.find(fits);
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`it ended: ${said.join("\n")}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }
}
