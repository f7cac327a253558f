// Holds the other end of workers that have nothing to do: says hello, and answers pings.
import { WebSocket } from "ws";
import { connectPath, subprotocol } from "../../src/protocol/wire/frames.ts";

const atOnce = 64;

process.once("message", ({ port, workers }: { port: number; workers: number }) => {
  let begun = 0;
  let opened = 0;
  const open = (): void => {
    if (opened >= workers) return;
    const n = opened++;
    const ws = new WebSocket(`ws://127.0.0.1:${port}${connectPath}`, [subprotocol], { perMessageDeflate: false });
    let sent = 0;
    ws.once("open", () => ws.send(JSON.stringify({ t: "begin", fenceMs: 10_000, hello: hello(n) })));
    ws.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as { t: string; n: number; m?: { t: string; n: number }[] };
      if (frame.t === "begun") {
        if (++begun === workers) process.send?.("joined");
        open();
      }
      for (const m of frame.m ?? []) {
        if (m.t !== "ping") continue;
        ws.send(JSON.stringify({ t: "messages", n: ++sent, a: frame.n, m: [{ t: "pong", n: m.n, holds: 0 }] }));
      }
    });
    ws.on("close", (code) => {
      process.stderr.write(`a link was closed with ${code}\n`);
      process.exit(1);
    });
  };
  for (let i = 0; i < atOnce; i++) open();
});

function hello(n: number): object {
  const schema = {
    type: "object",
    properties: { path: { type: "string" }, bytes: { type: "integer" } },
    required: ["path", "bytes"],
  };
  const definitions = ["review", "summarize", "fix", "report"].map((name) => ({
    name,
    kind: "agent",
    implements: null,
    description: `A definition called ${name}`,
    version: "1",
    needs: ["git"],
    retry: { attempts: 3, backoff: "exponential", fromMs: 1_000, toMs: 300_000 },
    timeoutMs: null,
    idleTimeoutMs: null,
    idempotent: false,
    inputSchema: schema,
    outputSchema: schema,
  }));
  return {
    t: "hello",
    protocol: 1,
    name: `w-${n}`,
    pid: 1_000 + n,
    isolation: "remote",
    slots: 8,
    offers: ["git"],
    build: "b1",
    definitions,
  };
}
