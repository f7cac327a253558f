// A command line in this process: what it printed, what it answered.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Io, Output } from "../../src/cli/io.ts";
import { serveControlSocket } from "../../src/server/control-socket.ts";
import { fakeOrchestrator } from "./fake-api.ts";
import type { FakeOrchestrator } from "./fake-api.ts";

export interface Printed extends Output {
  readonly text: string;
}

export function output(o: { isTTY?: boolean; columns?: number; onWrite?: ((text: string) => void) | undefined } = {}): Printed {
  let text = "";
  return {
    write(more) {
      text += more;
      o.onWrite?.(more);
    },
    isTTY: o.isTTY ?? false,
    columns: o.columns ?? 80,
    get text() {
      return text;
    },
  };
}

/** Time passes as fast as it is asked for: a timer fires in the next turn and moves the clock to its instant. */
export function hurriedClock(startMs = Date.parse("2026-11-22T10:00:05.000Z")): Clock {
  let now = startMs;
  return {
    now: () => now,
    elapsedMs: () => now,
    after(ms, fn) {
      const pending = setImmediate(() => {
        now += ms;
        fn();
      });
      return { cancel: () => clearImmediate(pending) };
    },
  };
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** What is typed when the command asks. */
  readonly answer?: string;
  readonly tty?: number;
  readonly clock?: Clock;
  /** Told of everything that is written to stderr. */
  readonly onErr?: (text: string) => void;
  /** Given the way to send a stop signal. */
  readonly onReady?: (stop: () => void) => void;
}

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function cli(argv: readonly string[], o: CliOptions = {}): Promise<CliResult> {
  const size = o.tty === undefined ? {} : { isTTY: true, columns: o.tty };
  const [stdout, stderr] = [output(size), output({ ...size, onWrite: o.onErr })];
  const listeners = new Set<(signal: "SIGINT" | "SIGTERM") => void>();
  const io: Io = {
    stdout,
    stderr,
    env: o.env ?? {},
    cwd: o.cwd ?? tempDir(),
    clock: o.clock ?? hurriedClock(),
    user: "ada",
    readStdin: async () => o.stdin ?? "",
    stdinIsTTY: o.stdin === undefined,
    async ask(question) {
      stderr.write(question);
      return o.answer ?? "";
    },
    onStopSignal(fn) {
      listeners.add(fn);
      o.onReady?.(() => [...listeners].forEach((listener) => listener("SIGINT")));
      return () => void listeners.delete(fn);
    },
  };
  const code = await main(argv, io);
  return { code, out: stdout.text, err: stderr.text };
}

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-cli-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A fake orchestrator that answers on the control socket of `.flotilla/dev.db` in a folder of its own. */
export async function fakeFleet(): Promise<{
  fake: FakeOrchestrator;
  cli: (line: string, o?: CliOptions) => Promise<CliResult>;
}> {
  const cwd = tempDir();
  const fake = fakeOrchestrator();
  const database = join(cwd, "a.db");
  const control = await serveControlSocket(fake.api, { database });
  onTestFinished(() => control.close());
  return { fake, cli: (line, o) => cli([...line.split(" "), "--store", `sqlite:${database}`], { cwd, ...o }) };
}
