// What clients ask of the fleet: runs over HTTP through one address, each by a key, so that one that was not heard of is
// asked again and is the same run.
import { setTimeout as pause } from "node:timers/promises";
import { connect, type RemoteFleet } from "../../src/client/connect.ts";
import { errorJson, isFlotillaError } from "../../src/core/error.ts";
import { createRandom, type Random } from "../../src/core/random.ts";
import { word } from "../chaos/nemesis/definitions.ts";
import { note, wordFor } from "../chaos/nemesis/history.ts";

/** Numbers of runs: each kind has its own. */
const firstOf = { wave: 1, vigil: 1_000_001, probe: 2_000_001 } as const;
const againMs = 200;

type Kind = keyof typeof firstOf;

export interface LoadOptions {
  readonly url: string;
  readonly token: string;
  readonly log: string;
  readonly seed: number;
  /** Waves under way at a time. */
  readonly waves: number;
  readonly vigils: number;
  readonly longMs: number;
}

export class Load {
  readonly #o: LoadOptions;
  readonly #fleet: RemoteFleet<never>;
  readonly #next: Record<Kind, number> = { ...firstOf };
  readonly #open = new Set<Promise<void>>();
  #enough = false;
  #closed = false;
  /** Starts that were refused, by their codes: not accepted, so nothing is promised of them. */
  readonly refused = new Map<string, number>();

  constructor(o: LoadOptions) {
    this.#o = o;
    this.#fleet = connect(o.url, { token: o.token });
  }

  begin(): void {
    for (const [kind, n] of [
      ["wave", this.#o.waves],
      ["vigil", this.#o.vigils],
    ] as const)
      for (let i = 0; i < n; i++) this.#follow(kind);
  }

  /** A run that is as quick as it can be; resolves with how long it took, its refusals included. */
  async probe(): Promise<number> {
    const began = performance.now();
    await this.#run("probe", this.#next.probe++);
    return performance.now() - began;
  }

  /** Nothing new is asked for; resolves when all that was accepted has ended. */
  async finish(): Promise<void> {
    this.#enough = true;
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  get open(): number {
    return this.#open.size;
  }

  async close(): Promise<void> {
    this.#enough = true;
    this.#closed = true;
    await this.#fleet.close();
  }

  #follow(kind: "wave" | "vigil"): void {
    if (this.#enough) return;
    const following = this.#run(kind, this.#next[kind]++).finally(() => {
      this.#open.delete(following);
      this.#follow(kind);
    });
    this.#open.add(following);
  }

  /** Asks for one run until it is acknowledged, and waits for its end. */
  async #run(kind: Kind, n: number): Promise<void> {
    const { log } = this.#o;
    const input = this.#input(kind, n);
    let sent = kind === "probe";
    for (;;) {
      try {
        const run = await this.#fleet.start(kind as never, input as never, { idempotencyKey: `${kind}-${n}` });
        note(log, { e: "submitted", n, run: run.id });
        if (!sent) {
          await run.send(word, wordFor(n), { idempotencyKey: "word" }).catch((e: unknown) => {
            // A try of which nothing was heard had arrived, and the run has ended with it meanwhile.
            if (!isFlotillaError(e, "FLOTILLA_TOO_LATE")) throw e;
          });
          note(log, { e: "sent", n, run: run.id });
          sent = true;
        }
        const outcome = await run.outcome();
        const value = "value" in outcome ? outcome.value : outcome.error;
        note(log, { e: "result", n, run: run.id, status: outcome.status, value });
        return;
      } catch (e) {
        if (this.#closed) return;
        const { code, message } = errorJson(e);
        this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
        note(log, { e: "said", pid: process.pid, level: "info", message: `${kind} ${n} was refused: ${message}`, error: code });
        await pause(againMs);
      }
    }
  }

  #input(kind: Kind, n: number): unknown {
    if (kind === "probe") return { n, word: wordFor(n) };
    if (kind === "vigil") return { n, ms: this.#o.longMs };
    const random = createRandom(this.#o.seed * 100_000 + n);
    return { n, batches: [1, 2].map((b) => ({ n: n * 10 + b, parts: Array.from({ length: 6 }, (_, i) => part(i, random)) })) };
  }
}

function part(i: number, random: Random) {
  const ms = 20 + Math.floor(random() * 180);
  return { kind: i === 0 ? ("flaky" as const) : i === 1 && random() < 0.5 ? ("late" as const) : ("piece" as const), ms };
}
