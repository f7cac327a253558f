// Signed requests that start runs: senders sign with other code than ours, the orchestrator behind the door is a real one.
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../../src/client/agent.ts";
import { createFleet } from "../../src/runtime/create-fleet.ts";
import { Webhook } from "standardwebhooks";
import { resolveHooks } from "../../src/runtime/webhooks.ts";
import { createApp } from "../../src/server/app.ts";
import { card, openWorld, testClock, type World } from "../orchestrator/world.ts";
import { secret } from "./receiver.ts";

const plain = "it-is-a-plain-secret";
const start = 1_700_000_000_000;

async function open(hooks: Readonly<Record<string, object>>) {
  const world = await openWorld({ clock: testClock(start) });
  const worker = world.worker({ definitions: [card("work")] });
  const settings = resolveHooks(
    Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, { target: "work", ...hook }])),
  );
  const app = createApp(world.orchestrator, { hooks: settings, clock: world.clock });
  const post = async (name: string, body: string | Uint8Array, headers: Readonly<Record<string, string>>) => {
    const reply = await app.request(`/api/v1/hooks/${name}`, { method: "POST", body: body as string, headers });
    return { status: reply.status, headers: reply.headers, json: (await reply.json()) as Record<string, unknown> };
  };
  return { world, worker, post };
}

const standard = { scheme: "standard", secret };

function signed(id: string, body: string, o: { at?: number; key?: string } = {}): Record<string, string> {
  const at = o.at ?? start;
  const signature = new Webhook(o.key ?? secret).sign(id, new Date(at), body);
  return { "webhook-id": id, "webhook-timestamp": String(Math.floor(at / 1_000)), "webhook-signature": signature };
}

async function runs(world: World): Promise<number> {
  return (await world.orchestrator.runs({})).items.length;
}

describe("a signed request", () => {
  test("starts a run with its body, and says which", async () => {
    const { world, worker, post } = await open({ in: standard });
    await using _ = world;
    const body = '{ "n": 1 }';
    const reply = await post("in", body, signed("msg_1", body));
    expect(reply.status).toBe(202);
    expect(reply.headers.get("location")).toBe(`/api/v1/runs/${reply.json["id"] as string}`);
    expect(reply.json["existing"]).toBe(false);
    await world.turn();
    expect(worker.assigned.map((a) => JSON.parse(a.input) as unknown)).toEqual([{ n: 1 }]);
    expect(await world.orchestrator.run(reply.json["id"] as string)).toMatchObject({ name: "work" });
  });

  test("that is sent again starts nothing, whatever its bytes are by then", async () => {
    const { world, post } = await open({ in: standard, other: standard });
    await using _ = world;
    const first = await post("in", '{"n":1}', signed("msg_1", '{"n":1}'));
    const again = await post("in", '{"n":1,"try":2}', signed("msg_1", '{"n":1,"try":2}'));
    expect(again.json).toEqual({ id: first.json["id"], existing: true });
    expect(await runs(world)).toBe(1);
    // Another hook's deliveries are others.
    expect((await post("other", "1", signed("msg_1", "1"))).json["existing"]).toBe(false);
  });

  test("picks the input that the hook says, for the tenant and the namespace that it says", async () => {
    const { world, worker, post } = await open({
      in: { ...standard, input: { pick: "/data/items/1/a~1b" }, tenant: "acme", namespace: "billing" },
    });
    await using _ = world;
    const body = '{"data":{"items":[0,{"a/b":"found"}]}}';
    const { json, status } = await post("in", body, signed("m", body));
    expect(status).toBe(202);
    await world.turn();
    expect(worker.assigned.map((a) => [JSON.parse(a.input) as unknown, a.tenant])).toEqual([["found", "acme"]]);
    const billing = world.orchestrator.within(await world.orchestrator.access.internNamespace("billing"));
    expect((await billing.runs({})).items.map((r) => r.id)).toEqual([json["id"]]);
    expect(await runs(world)).toBe(0);
    for (const other of ['{"data":{}}', '{"data":{"items":[1]}}', "[]", "null"])
      expect(await post("in", other, signed(`m${other.length}`, other))).toMatchObject({
        status: 400,
        json: { code: "FLOTILLA_CONFIG_INVALID" },
      });
  });

  test("with bytes that are no JSON, or input that does not fit, is refused where it is known who asks", async () => {
    const { world, post } = await open({ in: { ...standard, target: "strict" }, lost: { ...standard, target: "nowhere" } });
    await using _ = world;
    const inputSchema = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
    world.worker({ definitions: [card("strict", { inputSchema })] });
    const refused = async (name: string, body: string) => (await post(name, body, signed(`m-${body}`, body))).json["code"];
    expect(await refused("in", "{")).toBe("FLOTILLA_CONFIG_INVALID");
    expect(await refused("in", '{"n":"1"}')).toBe("FLOTILLA_INPUT_INVALID");
    expect(await refused("lost", "1")).toMatch(/FLOTILLA_(UNKNOWN_DEFINITION|NOT_FOUND)/);
    expect(await runs(world)).toBe(0);
  });

  test("of a sender that replaces its secret counts by the old one and by the new one", async () => {
    const fresh = `whsec_${Buffer.alloc(24, 3).toString("base64")}`;
    const { world, post } = await open({ in: { ...standard, secret: `${fresh} ${secret}` } });
    await using _ = world;
    expect((await post("in", "1", signed("a", "1"))).status).toBe(202);
    expect((await post("in", "1", signed("b", "1", { key: fresh }))).status).toBe(202);
    const both = signed("c", "1", { key: `whsec_${Buffer.alloc(24, 4).toString("base64")}` });
    const own = signed("c", "1")["webhook-signature"] as string;
    expect((await post("in", "1", { ...both, "webhook-signature": `${both["webhook-signature"]} ${own}` })).status).toBe(202);
  });
});

describe("what is not signed as it must be", () => {
  const body = '{"n":1}';
  const good = signed("msg_1", body);
  const { "webhook-id": _id, ...noId } = good;
  const { "webhook-timestamp": _timestamp, ...noTimestamp } = good;
  const { "webhook-signature": _signature, ...noSignature } = good;
  test.each<[string, string, string, Record<string, string>]>([
    ["no header at all", "in", body, {}],
    ["no id", "in", body, noId],
    ["no timestamp", "in", body, noTimestamp],
    ["no signature", "in", body, noSignature],
    ["an empty signature", "in", body, { ...good, "webhook-signature": "" }],
    ["another body", "in", `${body} `, good],
    ["another id", "in", body, { ...good, "webhook-id": "msg_2" }],
    ["another time", "in", body, { ...good, "webhook-timestamp": String(start / 1_000 + 1) }],
    ["another secret", "in", body, signed("msg_1", body, { key: `whsec_${Buffer.alloc(32, 8).toString("base64")}` })],
    [
      "a signature of another version",
      "in",
      body,
      { ...good, "webhook-signature": (good["webhook-signature"] as string).replace("v1,", "v1a,") },
    ],
    ["a time that is none", "in", body, { ...good, "webhook-timestamp": "now" }],
    ["a signature of long ago", "in", body, signed("msg_1", body, { at: start - 301_000 })],
    ["a signature of the future", "in", body, signed("msg_1", body, { at: start + 301_000 })],
    ["a hook that does not exist", "out", body, good],
    ["a hook with a name of an object's own", "__proto__", body, good],
  ])("%s: one answer for all, and nothing starts", async (_, name, sent, headers) => {
    const { world, post } = await open({ in: standard });
    await using __ = world;
    const reply = await post(name, sent, headers);
    const reference = await post("in", body, noSignature);
    expect(reply.status).toBe(401);
    expect(reply.json).toEqual({ ...reference.json, details: { hook: name } });
    expect(reply.json["code"]).toBe("FLOTILLA_SIGNATURE_INVALID");
    expect(JSON.stringify(reply.json)).not.toContain("work");
    expect(await runs(world)).toBe(0);
  });

  test("a body beyond the cap is not read to its end", async () => {
    const { world, post } = await open({ in: standard });
    await using _ = world;
    expect((await post("in", "x".repeat(1_200_000), good)).status).toBe(413);
  });

  test("a fleet without hooks answers as one without this hook", async () => {
    await using world = await openWorld();
    const app = createApp(world.orchestrator);
    expect((await app.request("/api/v1/hooks/in", { method: "POST", body: "1" })).status).toBe(401);
  });
});

test("a fleet that is mounted into another server has the hooks of its config", async () => {
  const greet = agent({ name: "greet", input: z.object({ who: z.string() }), run: ({ who }) => `Hello, ${who}!` });
  await using fleet = await createFleet({
    definitions: [greet],
    hooks: { in: { target: greet, scheme: "standard", secret } },
  });
  const body = '{"who":"Ada"}';
  const post = (headers: Record<string, string>) =>
    fleet.fetch(new Request("http://127.0.0.1/api/v1/hooks/in", { method: "POST", body, headers }));
  const reply = await post(signed("m", body, { at: Date.now() }));
  expect(reply.status).toBe(202);
  const { id } = (await reply.json()) as { id: string };
  expect(await (await fleet.get(id)).outcome()).toMatchObject({ status: "succeeded", value: "Hello, Ada!" });
  expect((await post({})).status).toBe(401);
});

test("whatever is sent without the secret: refused in the one way, and nothing starts", async () => {
  const scheme = { header: "x-sig", prefix: "v=", id: { pick: "/id" } };
  const { world, post } = await open({
    standard,
    github: { scheme: "github", secret: plain },
    stripe: { scheme: "stripe", secret: plain },
    any: { scheme, secret: plain },
  });
  await using _ = world;
  const value = fc.oneof(
    fc.string({ maxLength: 80 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, "").trim()),
    fc.base64String().map((text) => `v1,${text} v1,${text}`),
    fc.nat().map((t) => `t=${t},v1=${"0".repeat(64)}`),
    fc.nat().map(String),
  );
  const names = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-hub-signature-256",
    "x-github-delivery",
    "stripe-signature",
    "x-sig",
  ];
  const headers = fc.dictionary(fc.constantFrom(...names), value);
  const hook = fc.constantFrom("standard", "github", "stripe", "any", "none");
  await fc.assert(
    fc.asyncProperty(hook, headers, fc.uint8Array({ maxLength: 64 }), async (name, sent, body) => {
      const reply = await post(name, body, sent);
      expect([reply.status, reply.json["code"]]).toEqual([401, "FLOTILLA_SIGNATURE_INVALID"]);
    }),
    { numRuns: 300 },
  );
  expect(await runs(world)).toBe(0);
});

describe("other schemes", () => {
  const hex = (text: string, algorithm = "sha256") => createHmac(algorithm, plain).update(text).digest("hex");

  test("GitHub: X-Hub-Signature-256, told apart by X-GitHub-Delivery", async () => {
    const { world, post } = await open({ gh: { scheme: "github", secret: plain } });
    await using _ = world;
    const body = '{"action":"opened"}';
    const headers = { "x-hub-signature-256": `sha256=${hex(body)}`, "x-github-delivery": "d-1" };
    expect((await post("gh", body, headers)).json["existing"]).toBe(false);
    expect((await post("gh", body, headers)).json["existing"]).toBe(true);
    expect((await post("gh", body, { ...headers, "x-hub-signature-256": hex(body) })).status).toBe(401);
    expect((await post("gh", body, { ...headers, "x-hub-signature-256": `sha256=${hex("other")}` })).status).toBe(401);
    const { "x-github-delivery": __, ...noId } = headers;
    expect(await post("gh", body, noId)).toMatchObject({ status: 400, json: { details: { field: "header x-github-delivery" } } });
  });

  test("Stripe: t and v1 of Stripe-Signature, told apart by the event's id", async () => {
    const { world, post } = await open({ pay: { scheme: "stripe", secret: plain } });
    await using _ = world;
    const t = start / 1_000;
    const send = (body: string, at = t) => post("pay", body, { "stripe-signature": `t=${at},v0=x,v1=${hex(`${at}.${body}`)}` });
    expect((await send('{"id":"evt_1"}')).json["existing"]).toBe(false);
    expect((await send('{"id":"evt_1","pending_webhooks":1}')).json["existing"]).toBe(true);
    expect((await send('{"id":"evt_2"}', t - 301)).status).toBe(401);
    expect((await post("pay", "{}", { "stripe-signature": `v1=${hex(".{}")}` })).status).toBe(401);
    expect((await send("{}")).status).toBe(400);
  });

  test("any HMAC over the body: header, prefix, algorithm, encoding and where the id stands are the hook's", async () => {
    const scheme = { header: "X-Sig", prefix: "v=", algorithm: "sha512", encoding: "base64", id: { pick: "/no" } };
    const { world, post } = await open({ any: { scheme, secret: plain } });
    await using _ = world;
    const send = (body: string) =>
      post("any", body, { "x-sig": `v=${createHmac("sha512", plain).update(body).digest("base64")}` });
    expect((await send('{"no":7}')).json["existing"]).toBe(false);
    expect((await send('{"no":"7"}')).json["existing"]).toBe(true);
    expect((await send('{"no":8}')).json["existing"]).toBe(false);
    expect((await send("{}")).status).toBe(400);
  });
});
