// Two fleets on one PostgreSQL that tell the same receiver: whichever ends a run, and whichever tells it.
import { afterAll, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../../src/client/agent.ts";
import { createFleet } from "../../src/runtime/create-fleet.ts";
import { dropSchema, freshUrl } from "../postgres/server.ts";
import { openReceiver, secret, verify } from "./receiver.ts";

const urls: string[] = [];
afterAll(async () => {
  for (const url of urls) await dropSchema(url);
});

test("each run is told once where nobody dies, whichever of them has it, and its signature is right", async () => {
  const store = (await freshUrl("told")) as `postgres://${string}`;
  urls.push(store);
  await using to = await openReceiver();
  const double = agent({ name: "double", input: z.int(), run: (n) => n * 2 });
  const open = () =>
    createFleet({ definitions: [double], store, webhooks: [{ url: to.url, events: ["run.finished"], secret, name: "r" }] });
  const fleets = [await open(), await open()] as const;
  try {
    const runs = 15;
    const handles = await Promise.all(fleets.flatMap((fleet) => Array.from({ length: runs }, (_, n) => fleet.start(double, n))));
    for (const handle of handles) expect((await handle.outcome()).status).toBe("succeeded");
    await to.count(runs * 2);
    const told = to.received.map((r) => r.json["runId"] as string);
    expect(told.toSorted()).toEqual(handles.map((h) => h.id).toSorted());
    for (const r of to.received) verify(r);
  } finally {
    for (const fleet of fleets) await fleet.close();
  }
  expect(to.received).toHaveLength(30);
}, 60_000);
