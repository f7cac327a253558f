import { expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../client/agent.ts";
import { workflow } from "../client/workflow.ts";
import type { AnyCallable } from "../core/definition.ts";
import { cardOf } from "./cards.ts";

const input = z.object({ n: z.number() });
const code = (d: AnyCallable) => cardOf(d["~definition"]).code;

test("a workflow is identified by its name, its code and its schemas", () => {
  const one = workflow({ name: "sum", input, run: ({ n }) => n + 1 });
  expect(code(one)).toMatch(/^[\w-]{22}$/);
  expect(code(workflow({ name: "sum", input, run: ({ n }) => n + 1 }))).toBe(code(one));
  expect(code(workflow({ name: "sum2", input, run: ({ n }) => n + 1 }))).not.toBe(code(one));
  expect(code(workflow({ name: "sum", input, run: ({ n }) => n + 2 }))).not.toBe(code(one));
  expect(code(workflow({ name: "sum", input: input.extend({ m: z.string() }), run: ({ n }) => n + 1 }))).not.toBe(code(one));
  expect(code(workflow({ name: "sum", input, output: z.number(), run: ({ n }) => n + 1 }))).not.toBe(code(one));
});

test("spaces and line breaks are not its code, and neither is what is said about it", () => {
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- a formatter would make the two texts one
  const text = (source: string) => new Function("input", source) as (i: { n: number }) => number;
  const one = workflow({ name: "sum", input, run: text("return input.n + 1") });
  const other = { description: "adds", onOrphan: "move-if-unchanged", idleTimeout: "5m" } as const;
  expect(code(workflow({ name: "sum", input, run: text("return  input.n\n   + 1"), ...other }))).toBe(code(one));
});

test("a declared version is all that counts", () => {
  const one = workflow({ name: "sum", version: "2", input, run: ({ n }) => n + 1 });
  expect(code(workflow({ name: "sum", version: "2", input: z.object({}), run: () => 7 }))).toBe(code(one));
  expect(code(workflow({ name: "sum", version: "3", input, run: ({ n }) => n + 1 }))).not.toBe(code(one));
});

test("agents have none: their tasks begin anew", () => {
  expect(cardOf(agent({ name: "a", input, run: () => 1 })["~definition"])).not.toHaveProperty("code");
  // @ts-expect-error it is a workflow's
  expect(() => agent({ name: "a", input, onOrphan: "wait", run: () => 1 })).toThrow(/onOrphan/);
  // @ts-expect-error it is none of its values
  expect(() => workflow({ name: "w", input, onOrphan: "move", run: () => 1 })).toThrow(/onOrphan/);
  expect(cardOf(workflow({ name: "w", input, onOrphan: "move-if-unchanged", run: () => 1 })["~definition"])).toMatchObject({
    onOrphan: "move-if-unchanged",
  });
});
