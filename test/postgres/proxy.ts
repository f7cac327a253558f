// Stands between a store and its server, and cuts connections at the worst moment: when a COMMIT is under way.
import { connect, createServer, type Socket } from "node:net";

export interface Proxy {
  /** The URL that leads through it. */
  readonly url: string;
  /**
   * What becomes of the next COMMIT. `lose`: it is done and its answer never comes. `drop`: it never arrives. `hold`: the
   * client is cut off, and the COMMIT arrives when `release` is called.
   */
  next(how: "lose" | "drop" | "hold"): Promise<void>;
  release(): void;
  close(): Promise<void>;
}

const commit = Buffer.from("COMMIT\0");

export async function openProxy(target: string): Promise<Proxy> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  let armed: { how: "lose" | "drop" | "hold"; done: () => void } | undefined;
  let held: (() => void) | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname);
    for (const s of [client, upstream]) {
      sockets.add(s);
      s.on("error", () => {});
      s.on("close", () => sockets.delete(s));
    }
    let cut = false;
    client.on("data", (bytes) => {
      if (armed === undefined || !bytes.includes(commit)) return void upstream.write(bytes);
      const { how, done } = armed;
      armed = undefined;
      cut = true;
      if (how === "lose") {
        // Its first byte says that the COMMIT is done, or will be: what was sent before it is answered by then.
        upstream.once("close", done);
        upstream.write(bytes);
        upstream.end();
        return;
      }
      client.destroy();
      if (how === "drop") {
        upstream.once("close", done);
        upstream.destroy();
      } else {
        held = () => {
          upstream.write(bytes);
          upstream.end();
        };
        done();
      }
    });
    upstream.on("data", (bytes) => {
      if (!cut) client.write(bytes);
    });
    upstream.on("close", () => client.destroy());
    client.on("close", () => {
      if (!cut) upstream.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(target);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    next: (how) => new Promise<void>((done) => (armed = { how, done })),
    release: () => held?.(),
    async close() {
      for (const s of sockets) s.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
