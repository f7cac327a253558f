// A way between two processes that a test can cut, deafen and slow down: TCP connections to the next of its targets.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

interface Pair {
  readonly near: Socket;
  far: Socket | undefined;
  /** Nothing passes any more, and nobody is told. */
  dead: boolean;
}

export class Way {
  readonly port: number;
  readonly #server: Server;
  readonly #targets: () => readonly number[];
  readonly #pairs = new Set<Pair>();
  #turn = 0;
  #open: "yes" | "refused" | "swallowed" = "yes";
  #delayMs = 0;

  /** @param targets ports, as they are when a connection comes: the first that takes it gets it */
  static async open(targets: () => readonly number[]): Promise<Way> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Way(server, targets);
  }

  private constructor(server: Server, targets: () => readonly number[]) {
    this.#server = server;
    this.#targets = targets;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (near) => this.#take(near));
  }

  get connections(): number {
    return [...this.#pairs].filter((p) => !p.dead && p.far).length;
  }

  #take(near: Socket): void {
    near.on("error", () => {});
    if (this.#open === "refused") return void near.destroy();
    const pair: Pair = { near, far: undefined, dead: this.#open === "swallowed" };
    this.#pairs.add(pair);
    near.on("close", () => {
      this.#pairs.delete(pair);
      // Whoever is cut off silently does not learn that the other has gone.
      if (!pair.dead) pair.far?.destroy();
    });
    near.setNoDelay(true);
    if (pair.dead) near.resume();
    else this.#reach(pair, this.#targets(), this.#turn++, 0);
  }

  #reach(pair: Pair, ports: readonly number[], from: number, tried: number): void {
    if (tried >= ports.length || pair.near.destroyed) return void pair.near.destroy();
    const far = connect(ports[(from + tried) % ports.length] as number, "127.0.0.1");
    let taken = false;
    far.on("connect", () => {
      taken = true;
      far.setNoDelay(true);
      pair.far = far;
      this.#carry(pair, pair.near, far);
      this.#carry(pair, far, pair.near);
    });
    far.on("error", () => {
      if (!taken) this.#reach(pair, ports, from, tried + 1);
    });
    far.on("close", () => {
      if (taken && !pair.dead) pair.near.destroy();
    });
    pair.near.on("close", () => {
      if (!pair.dead) far.destroy();
    });
  }

  #carry(pair: Pair, from: Socket, to: Socket): void {
    let late: Promise<void> | undefined;
    const pass = (data: Buffer): void => {
      if (pair.dead || to.destroyed || to.write(data)) return;
      from.pause();
      to.once("drain", () => from.resume());
    };
    from.on("data", (data: Buffer) => {
      if (pair.dead) return;
      if (this.#delayMs === 0 && !late) return pass(data);
      const at = performance.now() + this.#delayMs;
      // One after the other: what came later must not overtake what was slowed down.
      const mine: Promise<void> = (late ?? Promise.resolve())
        .then(() => pause(Math.max(0, at - performance.now())))
        .then(() => {
          if (late === mine) late = undefined;
          pass(data);
        });
      late = mine;
    });
  }

  /** Closes all that is open, on both ends. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far?.destroy();
    }
  }
  /** What is open leads nowhere from now on, and nobody is told. */
  freeze(): void {
    for (const pair of this.#pairs) pair.dead = true;
  }
  /** What becomes of connections that are made from now on. */
  admit(open: "yes" | "refused" | "swallowed"): void {
    this.#open = open;
    // What was swallowed is given up, as a firewall's forgotten connection is once it answers with a reset.
    if (open === "yes") for (const pair of this.#pairs) if (pair.dead && !pair.far) pair.near.destroy();
  }
  /** Each piece takes so much longer. */
  slow(ms: number): void {
    this.#delayMs = ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.cut();
    for (const { far } of this.#pairs) far?.destroy();
    await once(this.#server, "close");
  }
}
