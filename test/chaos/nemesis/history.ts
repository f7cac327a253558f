// The append-only log beside the file: who was told what, which effects happened, which faults were inflicted. Each line is
// one write with O_APPEND, so it survives a kill -9 of whoever wrote it, and lines of many processes do not mix.
import { appendFileSync, closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { FleetFaultKind } from "../../fleet-chaos/faults.ts";
import type { FaultKind } from "./faults.ts";

/** A worker process has begun. */
interface Hello {
  readonly e: "hello";
  readonly pid: number;
  readonly parent: number;
}
/** An assignment reached a worker process; `swallowed`: and was lost there, as it was ordered to. */
interface Assigned {
  readonly e: "assigned" | "swallowed";
  readonly pid: number;
  readonly task: number;
  readonly boot: number;
  readonly leaseNo: number;
}
/** What a worker had brought along goes on under another lease. */
interface Adopted {
  readonly e: "adopted";
  readonly pid: number;
  readonly task: number;
  readonly boot: number;
  readonly leaseNo: number;
  readonly next: number;
}
/** Code of an attempt was told to stop. */
interface Told {
  readonly e: "told";
  readonly pid: number;
  readonly task: number;
  readonly leaseNo: number;
  readonly token: string;
  readonly why: string;
}
/** Code of an attempt has begun or ended: `token` is drawn by this attempt and is its result. */
interface Effect {
  readonly e: "begun" | "ended";
  readonly pid: number;
  readonly task: number;
  readonly leaseNo: number;
  readonly token: string;
  /** A task that is not to be repeated without need. */
  readonly long?: true;
}
/** A start was acknowledged. */
interface Submitted {
  readonly e: "submitted";
  readonly n: number;
  readonly run: string;
}
/** A message to a run was acknowledged. */
interface Sent {
  readonly e: "sent";
  readonly n: number;
  readonly run: string;
}
/** A client saw the end of a run. */
interface Result {
  readonly e: "result";
  readonly n: number;
  readonly run: string;
  readonly status: string;
  readonly value: unknown;
}
/** A fleet process is up. */
interface Life {
  readonly e: "life";
  readonly pid: number;
}
/** The fleet's own log, warnings and errors. */
interface Said {
  readonly e: "said";
  readonly pid: number;
  readonly level: string;
  readonly message: string;
  readonly error: string | null;
}
/** A fault was inflicted, on a worker or on the fleet process. */
interface Fault {
  readonly e: "fault";
  readonly kind: FaultKind | FleetFaultKind;
  readonly pid: number;
  readonly note: string | null;
}
type Entry = Hello | Assigned | Adopted | Told | Effect | Submitted | Sent | Result | Life | Said | Fault;
/** `at`: ms since the epoch, by the system's clock: nobody makes that one jump. */
export type Line = Entry & { readonly at: number };

export function note(log: string, entry: Entry): void {
  appendFileSync(log, `${JSON.stringify({ at: performance.timeOrigin + performance.now(), ...entry })}\n`);
}

/** What the run of a wave is sent, and ends with. */
export function wordFor(n: number): string {
  return `word for ${n}`;
}

const pollMs = 10;

/** Reads a log while it grows. */
export class Tail {
  readonly lines: Line[] = [];
  readonly #fd: number;
  readonly #onLine: (line: Line) => void;
  readonly #buffer = Buffer.alloc(262_144);
  readonly #decoder = new StringDecoder();
  #offset = 0;
  #rest = "";

  constructor(log: string, onLine: (line: Line) => void = () => {}) {
    appendFileSync(log, "");
    this.#fd = openSync(log, "r");
    this.#onLine = onLine;
  }

  /** Takes in what has been written since. */
  read(): void {
    for (;;) {
      const n = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, this.#offset);
      if (n === 0) return;
      this.#offset += n;
      const parts = (this.#rest + this.#decoder.write(this.#buffer.subarray(0, n))).split("\n");
      this.#rest = parts.pop() as string;
      for (const part of parts) {
        const line = JSON.parse(part) as Line;
        this.lines.push(line);
        this.#onLine(line);
      }
    }
  }

  /** Resolves with true when `holds` does, looked at whenever the log grows; false when that takes longer than `ms`. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    for (;;) {
      this.read();
      if (holds()) return true;
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
