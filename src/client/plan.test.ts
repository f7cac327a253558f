import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "./agent.ts";
import { message } from "./message.ts";
import { parsePlan, plan, planSchema } from "./plan.ts";

const ls = agent({
  name: "ls",
  description: "Lists a folder",
  input: z.object({ dir: z.string() }),
  output: z.array(z.object({ name: z.string() })),
  run: () => [],
});
const review = agent({ name: "review", input: z.object({ name: z.string() }), output: z.int(), run: () => 1 });
const join = agent({
  name: "join",
  input: z.object({ parts: z.array(z.number()), first: z.string(), tree: z.json().optional() }),
  output: z.string(),
  run: () => "",
});

describe("plan()", () => {
  test("is the JSON that a person would write", () => {
    const built = plan((p) => {
      const files = p.call(ls, { dir: "src" });
      const parts = p.map(review, files, { concurrency: 2, estimate: "10s" });
      return p.call(
        join,
        { parts, first: p.part(files, 0, "name") },
        { key: "report", after: [files], timeout: "1m", note: "for the team" },
      );
    });
    expect(JSON.parse(JSON.stringify(built))).toEqual({
      kind: "plan",
      nodes: [
        { id: "ls", call: "ls", input: { dir: "src" } },
        { id: "review", map: "review", items: { $node: "ls" }, concurrency: 2, estimate: "10s" },
        {
          id: "report",
          call: "join",
          input: { parts: { $node: "review" }, first: { $node: "ls", path: "[0].name" } },
          after: ["ls"],
          note: "for the team",
          options: { timeout: "1m" },
        },
      ],
      result: "report",
    });
  });
  test("numbers what has no key, and leaves written keys alone", () => {
    const built = plan((p) => {
      p.call(ls, { dir: "a" });
      p.call(ls, { dir: "b" }, { key: "ls-2" });
      return p.call(ls, { dir: "c" });
    });
    expect(built.nodes.map((n) => n.id)).toEqual(["ls", "ls-2", "ls-3"]);
  });
  test("takes a copy of its inputs", () => {
    const input = { dir: "a" };
    const built = plan((p) => p.call(ls, input));
    input.dir = "b";
    expect(built.nodes[0]).toMatchObject({ input: { dir: "a" } });
  });
  test("refuses where it is written", () => {
    expect(() => plan((p) => p.call(ls, { dir: 1 as never }))).toThrow(
      expect.objectContaining({
        code: "FLOTILLA_PLAN_INVALID",
        details: { issues: [expect.objectContaining({ path: "input.dir" })] },
      }),
    );
    expect(() => plan((p) => p.call(ls, { dir: "a" }, { key: "a b" }))).toThrow("not an id");
    expect(() => plan((p) => p.call(ls, { dir: 1n as never }))).toThrow("bigint");
    expect(() => plan((p) => p.call({} as never, {}))).toThrow("not an agent");
    expect(() => plan((p) => p.part(p.call(ls, { dir: "a" }), 0))).toThrow("part of a node");
    expect(() => plan(() => ({ $node: "x" }))).toThrow("not a node of this plan");
  });
  test("knows a reference of another plan", () => {
    let stolen: { readonly $node: string } | undefined;
    plan((p) => (stolen = p.call(ls, { dir: "a" })));
    expect(() => plan((p) => p.map(review, stolen as never))).toThrow("not a node of this plan");
    expect(() => plan((p) => p.call(ls, { dir: "b" }, { after: [stolen as never] }))).toThrow("not a node of this plan");
  });
});

describe("planSchema()", () => {
  const tree = z.object({
    name: z.string(),
    get children() {
      return z.array(tree);
    },
  });
  const walk = agent({ name: "walk", input: tree, run: () => 1 });
  const odd = agent({ name: "a/b:c.d", input: z.object({ when: z.date() }), run: () => 1 });
  const catalogue = [ls, review, join, walk, odd];
  const schema = planSchema(catalogue);
  const validate = new Ajv2020({ strict: false }).compile(schema);
  const of = (...nodes: object[]) => ({ kind: "plan", nodes, result: "a" });

  test("names the agents, says what they are for, and is JSON", () => {
    expect(schema["$defs"]).toMatchObject({
      agent: { enum: ["ls", "review", "join", "walk", "a/b:c.d"], description: expect.stringContaining("ls: Lists a folder") },
    });
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
  test.each<[string, object]>([
    ["a call", of({ id: "a", call: "ls", input: { dir: "x" } })],
    [
      "a reference as the input",
      of({ id: "a", call: "ls", input: { $node: "b" } }, { id: "b", call: "walk", input: { name: "x", children: [] } }),
    ],
    [
      "references inside",
      of(
        { id: "a", call: "join", input: { parts: [1, { $node: "b" }], first: { $node: "c", path: "[0].name" } } },
        { id: "b", call: "review", input: { name: "n" } },
        { id: "c", call: "ls", input: { dir: "x" } },
      ),
    ],
    [
      "a map over a result",
      of({ id: "a", map: "review", items: { $node: "b" }, concurrency: 3 }, { id: "b", call: "ls", input: { dir: "x" } }),
    ],
    [
      "a recursive input",
      of(
        { id: "a", call: "walk", input: { name: "x", children: [{ name: { $node: "b" }, children: [] }] } },
        { id: "b", call: "join", input: { parts: [], first: "x" } },
      ),
    ],
    [
      "all that a node may say",
      of({
        id: "a",
        call: "ls",
        input: { dir: "x" },
        after: [],
        estimate: "5m",
        note: "n",
        options: { timeout: "1s", needs: ["gpu"], retry: { attempts: 2 } },
      }),
    ],
  ])("takes %s, as parsePlan does", (_, json) => {
    expect([validate(json), validate.errors]).toEqual([true, null]);
    expect(parsePlan(json, catalogue)).toMatchObject({ ok: true });
  });
  test.each<[string, object]>([
    ["an agent that is none", of({ id: "a", call: "rm", input: {} })],
    ["an input that does not fit", of({ id: "a", call: "ls", input: { dir: 1 } })],
    ["an item that does not fit", of({ id: "a", map: "review", items: [{ name: 1 }] })],
    ["a deep one that does not fit", of({ id: "a", call: "walk", input: { name: "x", children: [{ name: 1, children: [] }] } })],
    ["a reference that is none", of({ id: "a", call: "ls", input: { dir: { $node: "a", field: "x" } } })],
    ["a stray property", of({ id: "a", call: "ls", input: { dir: "x" }, retries: 3 })],
    ["no id", of({ call: "ls", input: { dir: "x" } })],
    ["no nodes", of()],
  ])("refuses %s, as parsePlan does", (_, json) => {
    expect(validate(json)).toBe(false);
    expect(parsePlan(json, catalogue).ok).toBe(false);
  });
});

test("names of Flotilla's own messages are taken", () => {
  expect(() => message("flotilla.plan", z.unknown())).toThrow("a name of Flotilla's own");
});
