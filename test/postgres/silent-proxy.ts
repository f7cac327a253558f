// A way to the database that goes dead without a word, as behind a firewall that forgot the connection.
import { connect, createServer, type Socket } from "node:net";

export interface SilentProxy {
  /** `url` by way of the proxy. */
  readonly url: string;
  /** From now on nothing passes, and nobody is told; new connections are taken and lead nowhere. */
  freeze(): void;
  /** New connections pass again; those that were frozen never do. */
  thaw(): void;
  close(): Promise<void>;
}

export async function openSilentProxy(url: string): Promise<SilentProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let frozen = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const server = createServer((near) => {
    keep(near);
    if (frozen) return;
    const far = connect(Number(target.port), target.hostname);
    keep(far);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const by = new URL(url);
  by.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    url: by.href,
    freeze() {
      frozen = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    thaw() {
      frozen = false;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
