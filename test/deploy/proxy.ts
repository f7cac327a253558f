// A proxy of connections: each goes to the next server in turn, past those that do not take it.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
}

export async function openTcpProxy(ports: readonly number[]): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {}).on("close", () => sockets.delete(client));
    dial(client, turn++, ports.length);
  });

  function dial(client: Socket, from: number, tries: number): void {
    if (tries === 0) return void client.destroy();
    const target = connect(ports[from % ports.length] as number, "127.0.0.1");
    sockets.add(target);
    let taken = false;
    target.on("connect", () => {
      taken = true;
      client.pipe(target).pipe(client);
    });
    target.on("error", () => {
      if (taken) client.destroy();
      else dial(client, from + 1, tries - 1);
    });
    target.on("close", () => {
      sockets.delete(target);
      if (taken) client.destroy();
    });
    client.on("close", () => target.destroy());
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
