// The client before a door that asks who is there: tokens, roles, namespaces, and what it says when it is not let in.
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, createFleet, type ConnectOptions, type FleetDefinition } from "flotilla";
import { cli } from "../cli/harness.ts";
import { fleetDefinitions, type Definitions } from "./definitions.ts";

async function guarded() {
  const made = fleetDefinitions();
  const fleet = await createFleet({ definitions: made.definitions });
  const listener = getRequestListener((request, env) => fleet.fetch(request, env), { overrideGlobalObjects: false });
  const server = createServer((req, res) => void listener(req, res));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    await fleet.close();
    server.close();
    server.closeAllConnections();
  });
  const token = async (role: "viewer" | "submitter" | "operator" | "admin", namespace = "default") =>
    (await fleet.tokens.create({ name: role, role, namespace })).token;
  const far = (o: ConnectOptions) => connect<FleetDefinition<Definitions>>(url, o);
  return { ...made, fleet, url, token, far };
}

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "let in",
    (e: { code?: string }) => e.code,
  );

describe("a token", () => {
  test("lets in what its role may, and says plainly what it may not, at once", async () => {
    const w = await guarded();
    const submitter = w.far({ token: await w.token("submitter") });
    expect(await submitter.run("greet", { who: "Ada" })).toEqual({ text: "Hello, Ada" });
    const viewer = w.far({ token: await w.token("viewer") });
    expect(await code(viewer.start("greet", { who: "Bo" }))).toBe("FLOTILLA_FORBIDDEN");
    expect(await code(w.far({}).start("greet", { who: "Bo" }))).toBe("FLOTILLA_UNAUTHENTICATED");
    const refused = await w
      .far({ token: "flt_notatoken" })
      .start("greet", { who: "Bo" })
      .catch((e: unknown) => e);
    expect(refused).toMatchObject({ code: "FLOTILLA_UNAUTHENTICATED", retryable: false });
    expect((refused as { fix: readonly string[] }).fix.join()).toContain("flotilla tokens create");
    expect(JSON.stringify(refused)).not.toContain("notatoken");
    expect(w.ran).toEqual(["greet Ada"]);
  });

  test("of every namespace names the one that is meant", async () => {
    const w = await guarded();
    await w.token("admin", "blue");
    const token = await w.token("operator", "*");
    const blue = w.far({ token, namespace: "blue" });
    const run = await w.far({ token, namespace: "default" }).start("talk", { topic: "tea" });
    expect(await code(blue.get(run.id))).toBe("FLOTILLA_NOT_FOUND");
    expect((await blue.bulk({ action: "cancel" })).count).toBe(0);
    expect((await w.far({ token, namespace: "default" }).bulk({ action: "cancel" })).count).toBe(1);
  });
});

test("who may look counts, who may operate does it, and only an admin deletes in bulk", async () => {
  const w = await guarded();
  await w.fleet.run("greet", { who: "Ada" });
  const run = await w.fleet.start("talk", { topic: "tea" });
  const clients = {
    viewer: w.far({ token: await w.token("viewer") }),
    operator: w.far({ token: await w.token("operator") }),
    admin: w.far({ token: await w.token("admin") }),
  };
  const counted = async (who: keyof typeof clients, action: "cancel" | "purge") => {
    const bulk = await clients[who].bulk({ action, where: action === "purge" ? { status: ["succeeded"] } : {} });
    return `${bulk.count}: ${String(await code(bulk.execute()))}`;
  };
  expect(await counted("viewer", "cancel")).toBe("1: FLOTILLA_FORBIDDEN");
  expect(await counted("operator", "purge")).toBe("1: FLOTILLA_FORBIDDEN");
  expect(await counted("operator", "cancel")).toBe("1: let in");
  expect(await run.outcome()).toMatchObject({ status: "canceled" });
  expect(await counted("admin", "purge")).toBe("1: let in");
});

test("the command line: FLOTILLA_TOKEN and FLOTILLA_NAMESPACE", async () => {
  const w = await guarded();
  const token = await w.token("operator", "*");
  await w.fleet.run("greet", { who: "Ada" });
  const env = { FLOTILLA_URL: w.url, FLOTILLA_TOKEN: token, FLOTILLA_NAMESPACE: "default" };
  expect((await cli(["runs", "ls"], { env })).out).toContain("greet");
  const none = await cli(["runs", "ls"], { env: { ...env, FLOTILLA_TOKEN: "" } });
  expect([none.code, none.err]).toEqual([4, expect.stringContaining("FLOTILLA_UNAUTHENTICATED")]);
  expect(JSON.stringify([await cli(["runs", "ls", "-o", "json"], { env })])).not.toContain(token);
});
