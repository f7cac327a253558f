// A worker in a process of its own, seen from its parent. The fork gets an allow-listed environment and the parent's
// loaders; what it prints goes to the parent's stderr, each line with the worker's name.
import { fork, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../core/clock.ts";
import { errorFromJson, errorJson, FlotillaError } from "../../core/error.ts";
import type { FromWorker, Hello, ToWorker, WorkerLink } from "../../protocol/worker.ts";
import { childEnvironment, childFlags } from "./child-environment.ts";
import { batched, opened, type FromChild, type ImportFailure, type ToChild } from "./child-protocol.ts";

export interface ChildProcessOptions {
  readonly name: string;
  readonly slots: number;
  /** Waiting workflows in its memory. @default 10_000 */
  readonly continuations?: number;
  readonly offers: readonly string[];
  readonly build: string;
  /** URLs or paths of the files that export its definitions. */
  readonly modules: readonly string[];
  /** Names of further variables of this process that it gets. @default none */
  readonly passEnv?: readonly string[];
  /** Variables set for it. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Node's flags; debuggers, watchers and the like are left out. @default those of this process */
  readonly execArgv?: readonly string[];
  /** How long it may take to import its modules. Raise it for very large programs. @default 60_000 */
  readonly startMs?: number;
  /** How long `stop` waits before it kills. @default 6_000 */
  readonly stopMs?: number;
  /** Where its output goes. @default this process's stderr */
  readonly output?: (text: string) => void;
  /** What to make of an error of an import. */
  readonly explain: (error: unknown, file: string) => Error;
}
export interface ChildEvents {
  onMessage(message: FromWorker): void;
  /** Once, after `startChildProcess` has resolved. */
  onExit(exit: ChildExit): void;
}
export interface ChildExit {
  /** For people: "was killed by SIGKILL", "exited with code 3". */
  readonly how: string;
  /** It was asked to stop, and did. */
  readonly expected: boolean;
}
export interface ChildWorker {
  readonly hello: Hello;
  readonly link: WorkerLink;
  readonly pid: number;
  /** Asks it to stop, kills it when it does not, and resolves when it is gone. */
  stop(): Promise<void>;
}

/** Resolves when the child has said hello. @throws FLOTILLA_DEFINITION_UNREADABLE, FLOTILLA_WORKER_LOST */
export function startChildProcess(o: ChildProcessOptions, deps: { clock: Clock }, events: ChildEvents): Promise<ChildWorker> {
  return new Promise((resolve, reject) => new Child(o, deps.clock, events, resolve, reject));
}

/** From the sources as from the build: the file beside this one. */
const entry = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./child-entry.ts" : "./child-entry.js", import.meta.url));

const startMs = 60_000;
/** A second more than a worker's own grace for code that ignores its signal. */
const stopMs = 6_000;

/** A line of a child's output that is longer is passed on in pieces. */
const lineMax = 65_536;

class Child implements ChildWorker {
  hello!: Hello;
  readonly link: WorkerLink;
  readonly #o: ChildProcessOptions;
  readonly #clock: Clock;
  readonly #events: ChildEvents;
  readonly #process: ChildProcess;
  readonly #gone: Promise<void>;
  #stopping = false;
  #killedFor: string | undefined;
  #lastLine = "";
  #settle: { resolve(child: ChildWorker): void; reject(error: Error): void } | undefined;

  constructor(
    o: ChildProcessOptions,
    clock: Clock,
    events: ChildEvents,
    resolve: (child: ChildWorker) => void,
    reject: (error: Error) => void,
  ) {
    this.#o = o;
    this.#clock = clock;
    this.#events = events;
    this.#settle = { resolve, reject };
    this.#process = fork(entry, {
      env: childEnvironment(process.env, o.passEnv ?? [], o.env ?? {}),
      execArgv: childFlags(o.execArgv ?? process.execArgv),
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      serialization: "json",
    });
    const send = batched<ToWorker>(
      (batch) => this.#write(batch),
      undefined,
      (part, error) => this.#refused(part, error),
    );
    this.link = { send, kill: (reason) => this.#kill(reason) };
    const late = clock.after(o.startMs ?? startMs, () => this.#kill("it did not say hello in time"));
    this.#gone = new Promise((gone) => {
      // 'close', not 'exit': what it said last has been read by then.
      this.#process.on("close", (code, signal) => {
        late.cancel();
        this.#closed(code, signal);
        gone();
      });
    });
    this.#process.on("error", (e) =>
      this.#fail(
        new FlotillaError("FLOTILLA_WORKER_LOST", { worker: o.name, how: `could not be started: ${e.message}` }, { cause: e }),
      ),
    );
    this.#process.on("message", (sent: unknown) => {
      // An agent's own process.send arrives here too: whatever is not in our envelope is not for us.
      const message = opened(sent);
      if (!message) return;
      late.cancel();
      try {
        this.#receive(message);
      } catch (e) {
        this.#kill(`it said what cannot be understood: ${String(e)}`);
      }
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) this.#forward(stream as Readable);
    this.#write({
      t: "begin",
      parent: process.pid,
      name: o.name,
      slots: o.slots,
      continuations: o.continuations ?? 10_000,
      offers: o.offers,
      build: o.build,
      modules: o.modules,
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#write({ t: "stop" });
    const late = this.#clock.after(this.#o.stopMs ?? stopMs, () => this.#process.kill("SIGKILL"));
    // Until it is gone this process has to stay.
    this.#process.ref();
    await this.#gone;
    late.cancel();
  }

  #write(message: ToChild): void {
    // A dead channel reports itself by 'close', so the callback has nothing to add.
    if (!this.#process.connected) return;
    try {
      this.#process.send(message, () => {});
    } catch (e) {
      // It has missed a message: only its end puts that right.
      this.#kill(`a message could not be sent to it: ${String(e)}`);
    }
  }

  /** Too large for this link: the attempt that it is for ends by it, and nothing else. */
  #refused(m: ToWorker, thrown: Error): void {
    const error = errorJson(thrown);
    if (m.t === "reply") return this.link.send({ ...m, value: null, error });
    if (m.t === "deliver") this.link.send({ t: "cancel", fence: m.fence, reason: thrown.message });
    const fences = m.t === "assign" ? m.tasks.map((a) => a.fence) : m.t === "deliver" ? [m.fence] : [];
    for (const fence of fences) {
      const settle = { t: "settle" as const, fence, result: { status: "failed" as const, error, terminal: true }, spent: null };
      // Not from within `send`: the orchestrator is in the middle of something.
      setImmediate(() => this.#events.onMessage(settle));
    }
  }

  #kill(reason: string): void {
    this.#killedFor ??= reason;
    this.#process.kill("SIGKILL");
  }

  #receive(message: FromChild): void {
    if ("t" in message) return this.#fail(this.#explained(message));
    for (const m of message) {
      if (m.t === "hello") this.#begun(m);
      else this.#events.onMessage(m);
    }
  }

  #begun(hello: Hello): void {
    this.hello = hello;
    // From here on the fleet decides what keeps this process alive.
    this.#process.unref();
    this.#process.channel?.unref();
    for (const stream of [this.#process.stdout, this.#process.stderr])
      (stream as unknown as { unref?(): void } | null)?.unref?.();
    this.#settle?.resolve(this);
    this.#settle = undefined;
  }

  #explained(f: ImportFailure): Error {
    if (f.ours) return errorFromJson(f.ours);
    const error = f.name === "SyntaxError" ? new SyntaxError(f.message) : new Error(f.message);
    error.name = f.name;
    error.stack = f.stack;
    return this.#o.explain(f.code === null ? error : Object.assign(error, { code: f.code }), f.file);
  }

  #fail(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    const expected = this.#stopping && this.#killedFor === undefined && (code === 0 || signal === "SIGKILL");
    const how = this.#how(code, signal);
    if (this.#settle)
      this.#fail(new FlotillaError("FLOTILLA_WORKER_LOST", { worker: this.#o.name, how: `${how} before it was ready` }));
    else if (this.hello as Hello | undefined) this.#events.onExit({ how, expected });
  }

  #how(code: number | null, signal: NodeJS.Signals | null): string {
    const said = this.#lastLine === "" ? "" : ` (it said: ${this.#lastLine})`;
    if (this.#killedFor !== undefined) return `was killed: ${this.#killedFor}`;
    if (signal === "SIGKILL")
      return `was killed by SIGKILL${this.#stopping ? ": it did not stop in time" : ", as a system that is out of memory does"}`;
    if (signal === "SIGABRT" || code === 134) return `aborted, as Node does when its heap is full${said}`;
    return signal === null ? `exited with code ${code}${code === 0 ? "" : said}` : `was ended by ${signal}`;
  }

  #forward(stream: Readable): void {
    const output = this.#o.output ?? ((text: string) => void process.stderr.write(text));
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      // Only the new text is split: a flood without a line end would be searched again and again.
      const lines = text.split("\n");
      lines[0] = rest + (lines[0] as string);
      rest = lines.pop() ?? "";
      if (rest.length > lineMax) {
        lines.push(rest);
        rest = "";
      }
      for (const line of lines) {
        if (line.length <= lineMax && /\S/.test(line) && !/^\s+at |^Node\.js v/.test(line))
          this.#lastLine = line.trim().slice(0, 300);
      }
      if (lines.length > 0) output(lines.map((line) => `[${this.#o.name}] ${line}\n`).join(""));
    });
    stream.on("end", () => {
      if (rest !== "") output(`[${this.#o.name}] ${rest}\n`);
    });
  }
}
