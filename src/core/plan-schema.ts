// The JSON Schema of plans over a catalogue: what a model is given, so that it writes plans that pass. What a schema cannot
// say (ids that exist, no circle, the budget) the check says.
import { bounds } from "./bounds.ts";
import type { Definition } from "./definition.ts";
import { nodeIdShape } from "./plan-check.ts";
import type { Definitions } from "./plan.ts";
import { jsonSchema } from "./schema.ts";
import { priorities } from "./task.ts";

type Json = Readonly<Record<string, unknown>>;

const duration = { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h|d)$", description: 'such as "30s" or "5m"' };
const reference: Json = {
  title: "Reference",
  description: "stands for what another node gives, or for a part of it",
  type: "object",
  properties: {
    $node: { type: "string", description: "id of the other node" },
    path: { type: "string", description: 'a part of what it gives, such as "items[0].name"' },
  },
  required: ["$node"],
  additionalProperties: false,
};
const toReference = { $ref: "#/$defs/reference" };

export function schemaOfPlans(definitions: Definitions): Json {
  const all = [...definitions.values()];
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Plan",
    description:
      "A graph of calls. A node starts when every node that its input refers to, and every node in `after`, has succeeded; nodes that need nothing of each other run at the same time.",
    type: "object",
    properties: {
      kind: { const: "plan" },
      nodes: {
        type: "array",
        minItems: 1,
        maxItems: bounds.planNodes,
        items: { anyOf: [{ $ref: "#/$defs/call" }, { $ref: "#/$defs/map" }] },
      },
      result: { type: "string", description: "id of the node whose value the plan gives" },
    },
    required: ["kind", "nodes", "result"],
    additionalProperties: false,
    $defs: {
      agent: { enum: all.map((d) => d.name), description: all.map(line).join("\n") },
      reference,
      call: {
        title: "One task",
        ...nodeSchema("call", "input", {}),
        anyOf: all.map((d) => choice(d, "call", "input", late(inputRef(d)))),
      },
      map: {
        title: "One task for each item",
        ...nodeSchema("map", "items", { concurrency: { type: "integer", minimum: 1, description: "items under way at a time" } }),
        anyOf: all.map((d) => choice(d, "map", "items", late({ type: "array", items: late(inputRef(d)) }))),
      },
      ...Object.fromEntries(all.map((d) => [inputName(d), inputSchema(d)])),
    },
  };
}

/** What a person would tell a colleague of an agent. */
function line(d: Definition): string {
  const output = jsonSchema(d.output, "output");
  const { $schema: _, ...gives } = (output ?? {}) as Json;
  return `${d.name}${d.description === "" ? "" : `: ${d.description}`}${output === null ? "" : ` Gives ${JSON.stringify(gives)}`}`;
}

function nodeSchema(target: string, input: string, more: Json): Json {
  return {
    type: "object",
    properties: {
      id: { type: "string", pattern: nodeIdShape, description: "names the node; unique in the plan" },
      [target]: { $ref: "#/$defs/agent" },
      [input]: {},
      ...more,
      after: { type: "array", items: { type: "string" }, description: "ids of nodes that must have succeeded first" },
      options: {
        type: "object",
        properties: {
          needs: { type: "array", items: { type: "string" }, maxItems: bounds.needsMax },
          priority: { enum: priorities },
          retry: {
            type: "object",
            properties: {
              attempts: { type: "integer", minimum: 1, maximum: 1000 },
              backoff: { enum: ["exponential", "fixed"] },
              from: duration,
              to: duration,
            },
            additionalProperties: false,
          },
          timeout: duration,
          ifNoWorker: { enum: ["wait", "fail"] },
        },
        additionalProperties: false,
      },
      estimate: { ...duration, description: 'how long it is expected to take, such as "30s"' },
      note: { type: "string", maxLength: bounds.planNoteLength, description: "for people: why it is there" },
    },
    required: ["id", target, input],
    additionalProperties: false,
  };
}

function choice(d: Definition, target: string, input: string, schema: Json): Json {
  return { properties: { [target]: { const: d.name }, [input]: schema } };
}

function inputName(d: Definition): string {
  return `input of ${d.name}`;
}

function inputRef(d: Definition): Json {
  return { $ref: `#/$defs/${pointerPart(inputName(d))}` };
}

function pointerPart(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

/** An agent's input schema with a reference allowed in every place of it. */
function inputSchema(d: Definition): unknown {
  const schema = jsonSchema(d.input, "input");
  if (schema === null) return {};
  const { $schema: _, ...rest } = schema as Json;
  return inside(rest, `#/$defs/${pointerPart(inputName(d))}`);
}

function late(schema: unknown): Json {
  return { anyOf: [schema, toReference] };
}

const lists = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const maps = new Set(["properties", "$defs", "definitions", "patternProperties"]);

/** `base`: where the document now stands, for its own `$ref`s. */
function inside(schema: unknown, base: string): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === "$ref" && typeof value === "string" && value.startsWith("#")) return [key, base + value.slice(1)];
    if (maps.has(key)) {
      const wrap = key === "properties" || key === "patternProperties" ? late : (one: unknown) => one;
      return [key, Object.fromEntries(Object.entries(value as Json).map(([name, one]) => [name, wrap(inside(one, base))]))];
    }
    if (lists.has(key) && Array.isArray(value)) {
      const wrap = key === "prefixItems" ? late : (one: unknown) => one;
      return [key, value.map((one) => wrap(inside(one, base)))];
    }
    if (key === "items" || key === "additionalProperties")
      return [key, typeof value === "object" ? late(inside(value, base)) : value];
    return [key, value];
  });
  return Object.fromEntries(entries);
}
