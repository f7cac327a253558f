import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { openApiDocument } from "../../src/server/openapi/document.ts";
import { schemas } from "../../src/server/openapi/schemas.ts";
import { probes, routes } from "../../src/server/routes.ts";
import { makeThings, openDoor, pathOf, type Ask } from "./door.ts";

interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly "x-least-role"?: string;
  readonly parameters: readonly { name: string; in: string; required?: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: { $ref: string } }> };
  readonly responses: Record<string, { content: Record<string, { schema: { $ref: string } }> }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, object> };
}

const all = [...routes, ...probes];
// What is told must be described, to the last field.
const document = openApiDocument(all, { closed: true }) as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
  Object.entries(byMethod).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
for (const [name, schema] of Object.entries(document.components.schemas)) ajv.addSchema(schema, `#/components/schemas/${name}`);
const fits = (name: string, value: unknown) => {
  const check = ajv.getSchema(`#/components/schemas/${name}`);
  if (!check) throw new Error(`no schema ${name}`);
  return check(value) === true
    ? []
    : (check.errors ?? []).map((e) => `${name}${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
};

describe("the document", () => {
  test("is what the server serves, and it is JSON of OpenAPI 3.1", async () => {
    await using door = await openDoor();
    const served = await door.ask("GET", "openapi.json");
    expect(served.body).toEqual(JSON.parse(JSON.stringify(openApiDocument(all))));
    expect(served.body).toMatchObject({ openapi: "3.1.0", info: { title: "Flotilla" } });
  });

  test("has every route, and nothing else", () => {
    const described = operations.map((o) => `${o.method} ${o.path}`).toSorted();
    const served = all.map((r) => `${r.method} /api/v1${r.path.replaceAll(/:(\w+)/g, "{$1}")}`).toSorted();
    expect(described).toEqual(served);
  });

  test("names every operation once, its path parameters, its role and its errors", () => {
    expect(new Set(operations.map((o) => o.operation.operationId)).size).toBe(operations.length);
    for (const { path, method, operation } of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
      const named = operation.parameters.filter((p) => p.in === "path").map((p) => p.name);
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      const route = all.find((r) => `/api/v1${r.path.replaceAll(/:(\w+)/g, "{$1}")}` === path && r.method === method);
      expect([operation["x-least-role"] ?? null, operation.security?.length]).toEqual([
        route?.least,
        route?.least === null ? 0 : undefined,
      ]);
      expect(operation.responses["default"]?.content["application/json"]?.schema.$ref).toBe("#/components/schemas/Error");
    }
  });

  test("every reference leads to a schema of JSON Schema 2020-12, and every schema is used", () => {
    const text = JSON.stringify(document);
    const used = new Set([...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name));
    for (const name of used) expect(document.components.schemas).toHaveProperty(name as string);
    const queries = new Set(all.map((r) => r.query));
    expect(Object.keys(schemas).filter((name) => !used.has(name) && !queries.has(name as never))).toEqual([]);
    for (const [name, schema] of Object.entries(document.components.schemas))
      expect([name, ajv.validateSchema({ $schema: "https://json-schema.org/draft/2020-12/schema", ...schema })]).toEqual([
        name,
        true,
      ]);
  });

  test("what a query takes is described as the server checks it", () => {
    const runs = document.paths["/api/v1/runs"]?.["get"];
    expect(runs?.parameters.map((p) => `${p.in} ${p.name}`).toSorted()).toEqual([
      "header flotilla-namespace",
      "query after",
      "query limit",
      "query name",
      "query status",
    ]);
  });
});

describe("what the server says fits what the document says", () => {
  const bodies: Readonly<Record<string, readonly unknown[]>> = {
    "POST /runs": [{ name: "work", input: { a: 1 } }, { name: "nobody" }, { input: 1 }],
    "POST /runs/:id/cancel": [{ reason: "enough" }],
    "POST /runs/:id/messages": [{ name: "m", value: 1, key: "k" }],
    "POST /tasks/:id/fork": [{ input: {} }, {}],
    "POST /approvals/:id/approve": [{ by: "ada", note: "fine" }],
    "POST /approvals/:id/reject": [{ reason: "no" }, {}],
    "PUT /schedules/:name": [{ target: "work", cron: "0 3 * * *", timeZone: "UTC" }, { target: "work", everyMs: 120_000 }, {}],
    "POST /tokens": [
      { name: "t", role: "viewer", expiresAt: "2099-01-01T00:00:00Z" },
      { name: "t", role: "root" },
    ],
    "POST /workers/drain": [{ worker: "w1" }, { build: "b", park: true }, {}],
    "POST /workers/resume": [{ build: "b" }, {}],
    "POST /purge": [{ tenant: "nobody" }, {}],
    "POST /backup": [{ folder: "relative" }],
    "POST /bulk/count": [
      { action: "cancel", where: { name: "flow" } },
      { action: "explode", where: {} },
    ],
  };

  test.each(all.filter((r) => r.type !== "text/event-stream").map((r) => [`${r.method} ${r.path}`, r] as const))(
    "%s",
    async (name, route) => {
      await using door = await openDoor();
      const token = await door.token("admin", "*");
      const things = await makeThings(door, token);
      const operation = document.paths[`/api/v1${route.path.replaceAll(/:(\w+)/g, "{$1}")}`]?.[route.method.toLowerCase()];
      const asked: Ask[] = [...(bodies[name] ?? [undefined]).map((body) => ({ token, body })), { token: "nonsense" }];
      const seen: number[] = [];
      for (const o of asked) {
        const asking = door.ask(route.method, pathOf(route.path, things), o);
        // For a long poll, and for code that is asked and does not answer.
        for (let i = 0; i < 3; i++) setImmediate(() => door.world.clock.advance(30_000));
        const { status, body, text, headers } = await asking;
        seen.push(status);
        // A body that the document refuses, the server refuses; it may know more reasons.
        const unfit = o.body !== undefined && route.body !== undefined && fits(route.body, o.body).length > 0;
        expect(unfit && status < 400).toBe(false);
        const described = operation?.responses[String(status)] ?? operation?.responses["default"];
        const type = status < 400 ? (route.type ?? "application/json") : "application/json";
        expect(headers.get("content-type")).toContain(type);
        const schema = described?.content[type]?.schema.$ref.split("/").at(-1) ?? "none";
        expect(fits(schema, type === "text/plain" ? text : body)).toEqual([]);
        expect(status >= 400 || String(status) in route.replies).toBe(true);
      }
      // Something of it was an answer, unless there is nothing here to ask for.
      const neverHere = [
        "POST /runs/:id/repair",
        "POST /tasks/:id/redrive",
        "GET /runs/:id/query/:name",
        "POST /backup",
        "POST /workers/resume",
        "DELETE /tokens/:id",
        "POST /hooks/:name",
        "POST /webhook-calls/:id/retry",
      ];
      expect(seen.some((status) => status < 300)).toBe(!neverHere.includes(name));
    },
  );

  test("lists that have rows, and things that have ended", async () => {
    await using door = await openDoor();
    const token = await door.token("admin", "*");
    const things = await makeThings(door, token);
    for (const task of things.worker.assigned.filter((t) => t.definition === "work"))
      things.worker.fail(task, { terminal: true });
    await door.world.turn();
    await door.ask("POST", `runs/${things.run}/cancel`, { token });
    await door.ask("POST", `runs/${things.run}/cancel`, { token });
    await door.world.turn();
    const revoked = await door.ask("POST", "tokens", { token, body: { name: "t", role: "viewer" } });
    expect(fits("TokenRevoked", (await door.ask("DELETE", `tokens/${revoked.body.id}`, { token })).body)).toEqual([]);
    const paths = {
      RunPage: "runs",
      RunView: `runs/${things.run}`,
      TaskPage: `runs/${things.run}/tasks`,
      TaskDetail: `tasks/${things.task}.1`,
      OutcomeReply: `runs/${things.run}/outcome`,
      Explanation: `tasks/${things.task}/explain`,
      SchedulePage: "schedules",
      TokenPage: "tokens",
      WorkerViews: "workers",
      HealthView: "health",
    };
    for (const [schema, path] of Object.entries(paths)) {
      const { status, body } = await door.ask("GET", path, { token });
      expect([path, status, fits(schema, body)]).toEqual([path, 200, []]);
      expect([path, Array.isArray(body.items) && body.items.length === 0]).toEqual([path, false]);
    }
    const redriven = await door.ask("POST", `tasks/${things.task}.1/redrive`, { token });
    expect([redriven.status, fits("StartReply", redriven.body)]).toEqual([201, []]);
    const repaired = await door.ask("POST", `runs/${things.run}/repair`, { token });
    expect([repaired.status, fits("StartReply", repaired.body)]).toEqual([201, []]);
  });
});
