import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { text } from "node:stream/consumers";
import { systemClock } from "../core/clock.ts";
import type { Io, Output } from "./io.ts";

export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    get user() {
      return userName();
    },
    readStdin: () => text(process.stdin),
    stdinIsTTY: process.stdin.isTTY,
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
    onStopSignal(fn) {
      const signals = ["SIGINT", "SIGTERM"] as const;
      for (const signal of signals) process.on(signal, fn);
      return () => signals.forEach((signal) => process.off(signal, fn));
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => void stream.write(text),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.isTTY ? Math.max(20, stream.columns || 80) : 80;
    },
  };
}

function userName(): string | undefined {
  try {
    return userInfo().username || undefined;
  } catch {
    return undefined; // a container may run under a number that no user has
  }
}
