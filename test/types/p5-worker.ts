// on another machine, in an existing service
import { serveWorker } from "flotilla";
import { review } from "./p2-fanout.ts";
import { ocr } from "./p5-fleet.ts";
const worker = await serveWorker({
  definitions: [review],
  connect: "wss://fleet.example:4700",
  token: "t",
  slots: 8,
  offers: ["git"],
  pool: "light",
});
void (async () => {
  await worker.drain({ within: "30s" });
});
// @ts-expect-error a contract has no code to serve
await serveWorker({ definitions: [ocr], connect: "wss://x", token: "t" });
