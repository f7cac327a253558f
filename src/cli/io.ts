// What a command may touch of its process. Tests hand in their own.
import type { Clock } from "../core/clock.ts";

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width in cells; read anew for each drawing, as windows are resized. */
  readonly columns: number;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Who runs the command, where the system knows a name. */
  readonly user: string | undefined;
  readStdin(): Promise<string>;
  readonly stdinIsTTY: boolean;
  /** Asks a person on stderr, and gives the line that was typed. */
  ask(question: string): Promise<string>;
  /** Calls `fn` for each Ctrl-C or SIGTERM until the returned function is called. */
  onStopSignal(fn: (signal: "SIGINT" | "SIGTERM") => void): () => void;
}
