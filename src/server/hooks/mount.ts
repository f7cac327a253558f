import type { Context, Hono } from "hono";
import { base } from "../base.ts";
import { readBytes } from "../body.ts";
import { deliveryBytesMax, HookReceiver, type HookDoor, type Received } from "./receive.ts";

/** `POST /hooks/:name`. Before any gate that asks for tokens: a sender has a secret of its own. */
export function mountHooks(app: Hono, door: HookDoor, respond: (reply: Received) => Response): void {
  const receiver = new HookReceiver(door);
  app.post(`${base}/hooks/:name`, async (c: Context) => {
    const body = await readBytes(c.req.raw, deliveryBytesMax);
    return respond(await receiver.receive(c.req.param("name") ?? "", { header: (name) => c.req.header(name), body }));
  });
}
