// The OpenAPI 3.1 document, made from the table of routes and from the schemas that the server checks with.
import { z } from "zod";
import { version } from "../../core/version.ts";
import { namespaceHeader } from "../../protocol/http.ts";
import { base } from "../base.ts";
import type { Route } from "../route.ts";
import { schemas, type Schemas } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;
type Name = keyof Schemas;

/** Whether objects of replies may hold more than is described: a client must live with it, a test must not. */
export interface DocumentOptions {
  /** @default false */
  readonly closed?: boolean;
}

export function openApiDocument(routes: readonly Route[], { closed = false }: DocumentOptions = {}): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = base + route.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Flotilla",
      version,
      description:
        "Start runs, follow them, answer what they ask, and look after the fleet. Errors have one shape; branch on `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: componentSchemas(closed),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "A token of the fleet (flt_...), or a JWT of the configured issuer.",
        },
      },
    },
  };
}

function operation(route: Route): Json {
  const replies = Object.entries(route.replies).map(([status, name]) => [
    status,
    { description: name, content: { [route.type ?? "application/json"]: { schema: ref(name) } } },
  ]);
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.least === null ? { security: [] } : { "x-least-role": route.least, "x-scope": route.scope }),
    parameters: [
      ...pathParameters(route),
      ...queryParameters(route),
      ...(route.least === null || route.scope === "fleet" ? [] : [namespaceParameter]),
      ...(route.type === "text/event-stream" && route.method === "GET" ? [lastEventId] : []),
    ],
    ...(route.body === undefined ? {} : { requestBody: { content: { "application/json": { schema: ref(route.body) } } } }),
    responses: {
      ...Object.fromEntries(replies),
      default: { description: "Refused", content: { "application/json": { schema: ref("Error") } } },
    },
  };
}

const namespaceParameter = {
  name: namespaceHeader,
  in: "header",
  description: "Of a caller with access to every namespace: the one that is meant.",
  schema: { type: "string" },
};
const lastEventId = {
  name: "last-event-id",
  in: "header",
  description: "The cursor of the last event that was seen.",
  schema: { type: "string" },
};

/** `GET /runs/:id/tasks` is `getRunsByIdTasks`: names of generated clients. */
function operationId({ method, path }: Route): string {
  const words = path
    .replace(".json", "")
    .split(/[/-]/)
    .filter((word) => word !== "");
  const named = words.map((word) => (word.startsWith(":") ? `By${capital(word.slice(1))}` : capital(word)));
  return method.toLowerCase() + named.join("");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function pathParameters({ path }: Route): readonly Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function queryParameters({ query }: Route): readonly Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schemas[query], { io: "input" }) as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: required.includes(name), schema }));
}

function ref(name: Name): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function componentSchemas(closed: boolean): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      // What comes in is described as it is sent, and is strict by itself; what goes out may grow.
      const { $schema: _, ...json } = z.toJSONSchema(schema, { io: closed ? "output" : "input", unrepresentable: "any" });
      return [name, json];
    }),
  );
}
