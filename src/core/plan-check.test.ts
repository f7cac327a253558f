import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../client/agent.ts";
import { parsePlan } from "../client/plan.ts";
import { bounds } from "./bounds.ts";

const ls = agent({
  name: "ls",
  input: z.object({ dir: z.string() }),
  output: z.object({ files: z.array(z.object({ name: z.string(), bytes: z.int() })), root: z.string().nullable() }),
  run: () => ({ files: [], root: null }),
});
const review = agent({
  name: "review",
  input: z.object({ name: z.string(), bytes: z.number().optional() }),
  output: z.object({ findings: z.int(), level: z.enum(["low", "high"]) }),
  run: () => ({ findings: 0, level: "low" as const }),
});
const report = agent({
  name: "report",
  input: z.object({
    parts: z.array(z.object({ findings: z.number() })),
    title: z.string().max(10),
    tone: z.enum(["dry", "warm"]),
  }),
  output: z.string(),
  run: () => "",
});
const open = agent({ name: "open", input: z.unknown(), run: () => 1 });
const later = agent({
  name: "later",
  input: z.object({ n: z.number().refine(async (n) => n > 0), m: z.string() }),
  run: () => 1,
});
const catalogue = [ls, review, report, open, later];

const good = {
  kind: "plan",
  nodes: [
    { id: "files", call: "ls", input: { dir: "src" }, note: "what there is" },
    { id: "parts", map: "review", items: { $node: "files", path: "files" }, concurrency: 4, estimate: "30s" },
    {
      id: "report",
      call: "report",
      input: { parts: { $node: "parts" }, title: "Review", tone: "dry" },
      after: ["files"],
      options: { timeout: "5m", retry: { attempts: 2 }, priority: "high", needs: ["gpu"], ifNoWorker: "fail" },
    },
  ],
  result: "report",
};

function issuesOf(json: unknown, o?: Parameters<typeof parsePlan>[2]) {
  const checked = parsePlan(json, catalogue, o);
  return checked.ok ? [] : checked.issues;
}
const briefly = (json: unknown): string[] => issuesOf(json).map((i) => `${i.node}|${i.path}|${i.why}`);
const one = (node: object, ...others: object[]): object => ({
  kind: "plan",
  nodes: [{ id: "a", call: "open", input: null, ...node }, ...others],
  result: "a",
});

describe("a good plan", () => {
  test("is frozen and is its own JSON", () => {
    const checked = parsePlan(good, catalogue);
    if (!checked.ok) throw new Error(JSON.stringify(checked.issues));
    expect(JSON.parse(JSON.stringify(checked.plan))).toEqual(good);
    expect(Object.isFrozen(checked.plan.nodes[0])).toBe(true);
    expect(parsePlan(JSON.parse(JSON.stringify(checked.plan)), catalogue).ok).toBe(true);
  });
  test("is a copy: what becomes of the JSON afterwards does not reach it", () => {
    const json = structuredClone(good);
    const checked = parsePlan(json, catalogue);
    json.nodes.length = 0;
    expect(checked.ok && checked.plan.nodes).toHaveLength(3);
  });
});

describe("issues", () => {
  test.each<[string, unknown, string[]]>([
    ["text", "{}", ["||it is text, not an object"]],
    ["no object", null, ["||it is not an object"]],
    ["no kind", { ...good, kind: "graph" }, ['|kind|"graph" is not "plan"']],
    ["a stray property", { ...good, goal: 1 }, ["|goal|there is no such property"]],
    ["no nodes", { kind: "plan", nodes: [], result: "a" }, ["|nodes|there are no nodes"]],
    [
      "a node that is no object",
      { kind: "plan", nodes: [1], result: "a" },
      ["nodes[0]||it is not an object", '|result|there is no node "a"'],
    ],
    [
      "an id that is none",
      { kind: "plan", nodes: [{ id: "a b", call: "open", input: 1 }], result: "a b" },
      ['nodes[0]|id|"a b" is not an id', '|result|there is no node "a b"'],
    ],
    ["two of one id", one({}, { id: "a", call: "open", input: 1 }), ["a|id|nodes[0] and nodes[1] have the same id"]],
    ["call and map", one({ map: "open" }), ['a||it has both "call" and "map"', '|result|there is no node "a"']],
    [
      "neither",
      { kind: "plan", nodes: [{ id: "a" }], result: "a" },
      ['a||it has neither "call" nor "map"', '|result|there is no node "a"'],
    ],
    ["nobody of that name", one({ call: "opne" }), ['a|call|nobody is called "opne"']],
    ["a missing input", { kind: "plan", nodes: [{ id: "a", call: "open" }], result: "a" }, ["a|input|it is missing"]],
    [
      "settings that are none",
      one({ after: "b", estimate: "soon", note: 1, options: [] }),
      [
        "a|after|it is not a list of ids",
        'a|estimate|"soon" is not a duration',
        "a|note|it is not a short text",
        "a|options|it is not an object",
      ],
    ],
    [
      "options that are none",
      one({
        options: {
          needs: "gpu",
          priority: "urgent",
          ifNoWorker: "cry",
          timeout: "0s",
          retry: { attempts: 0, tries: 3 },
          budget: {},
        },
      }),
      [
        "a|options.budget|there is no such property",
        "a|options.needs|it is not a list of capabilities",
        'a|options.priority|"urgent" is no priority',
        'a|options.ifNoWorker|"cry" is no choice',
        "a|options.timeout|it is zero",
        "a|options.retry.tries|there is no such property",
        "a|options.retry|0 is not a whole number from 1 to 1000",
      ],
    ],
    ["concurrency of a call", one({ concurrency: 2 }), ["a|concurrency|there is no such property"]],
    ["a reference to nobody", one({ input: { x: [{ $node: "aa" }] } }), ['a|input.x[0]|there is no node "aa"']],
    [
      "references that are none",
      one({ input: [{ $node: 1 }, { $node: "a", part: 1 }, { $node: "a", path: "x..y" }] }),
      [
        "a|input[0]|$node is not the id of a node",
        'a|input[1]|a reference has "$node" and "path" and no "part"',
        'a|input[2]|"x..y" is not a path such as "items[0].name"',
        "a||it waits for itself: a needs a",
      ],
    ],
    ["after nobody", one({ after: ["b"] }), ['a|after[0]|there is no node "b"']],
    ["a result that is none", { ...one({}), result: 1 }, ["|result|1 is not the id of a node"]],
    [
      "a circle",
      one({ after: ["b"] }, { id: "b", call: "open", input: { $node: "c" } }, { id: "c", call: "open", input: { $node: "a" } }),
      ["a||it waits for itself: a needs b needs c needs a"],
    ],
    [
      "a circle behind a circle",
      one(
        { input: { $node: "b" } },
        { id: "b", call: "open", input: { $node: "a" } },
        { id: "c", call: "open", input: [{ $node: "a" }, { $node: "d" }] },
        { id: "d", call: "open", input: { $node: "c" } },
      ),
      ["a||it waits for itself: a needs b needs a", "c||it waits for itself: c needs d needs c"],
    ],
    [
      "a literal that does not fit",
      one({ call: "ls", input: { dir: 1 } }),
      ["a|input.dir|Invalid input: expected string, received number"],
    ],
    [
      "a literal item that does not fit",
      { kind: "plan", nodes: [{ id: "a", map: "ls", items: [{ dir: "x" }, {}] }], result: "a" },
      ["a|items[1].dir|Invalid input: expected string, received undefined"],
    ],
    [
      "items that are no list",
      { kind: "plan", nodes: [{ id: "a", map: "ls", items: {} }], result: "a" },
      ["a|items|it is not a list"],
    ],
    [
      "an input that answers later is checked by its JSON Schema",
      one({ call: "later", input: { n: 1, m: 2 } }),
      ["a|input.m|a string is wanted, not a number"],
    ],
    ["what JSON would change", one({ input: 1n }), ["|nodes[0].input|a bigint is not JSON"]],
  ])("%s", (_, json, expected) => {
    expect(briefly(json)).toEqual(expected);
  });

  test("where references stand, by what both schemas say", () => {
    const files = good.nodes[0] as object;
    const parts = { id: "parts", map: "review", items: [{ name: "x" }] };
    const node = (input: unknown) => ({ kind: "plan", nodes: [files, parts, { id: "r", call: "report", input }], result: "r" });
    const tone = "dry";
    expect(briefly(node({ parts: { $node: "files" }, title: "t", tone }))).toEqual([
      "r|input.parts|it gives an object, and a list is wanted",
    ]);
    expect(briefly(node({ parts: { $node: "files", path: "files" }, title: "t", tone }))).toEqual([
      'r|input.parts|in its items it gives no "findings"',
    ]);
    expect(briefly(node({ parts: { $node: "files", path: "file" }, title: "t", tone }))).toEqual([
      'r|input.parts|files: it has no "file", only files, root',
    ]);
    expect(briefly(node({ parts: [{ $node: "parts" }], title: { $node: "files", path: "files[0].bytes" }, tone }))).toEqual([
      "r|input.parts[0]|it gives a list, and an object is wanted",
      "r|input.title|it gives a number, and a string is wanted",
    ]);
    // Beside a reference, literals are read with the JSON Schema: what is missing, too long, not allowed.
    expect(briefly(node({ parts: { $node: "parts" }, title: "far too long" }))).toEqual([
      "r|input.tone|it is missing",
      "r|input.title|at most 10 characters are wanted",
    ]);
    expect(briefly(node({ parts: { $node: "parts" }, title: "t", tone: { $node: "parts", path: "[0].level" } }))).toEqual([
      'r|input.tone|it gives "low" or "high", and "dry" or "warm" is wanted',
    ]);
    // What may fit is left to the value: null or a string, where a string is wanted.
    expect(briefly(node({ parts: { $node: "parts" }, title: { $node: "files", path: "root" }, tone }))).toEqual([]);
    // Nothing is known of an agent without an output schema.
    const unknown = {
      kind: "plan",
      nodes: [
        { id: "o", call: "open", input: 1 },
        { id: "r", call: "ls", input: { dir: { $node: "o", path: "a.b" } } },
      ],
      result: "r",
    };
    expect(briefly(unknown)).toEqual([]);
  });

  test("a map gives a list, and takes a list of its agent's inputs", () => {
    const node = (items: unknown) => ({ kind: "plan", nodes: [good.nodes[0], { id: "m", map: "review", items }], result: "m" });
    expect(briefly(node({ $node: "files" }))).toEqual(["m|items|it gives an object, and a list is wanted"]);
    expect(briefly(node([{ $node: "files", path: "files[0]" }]))).toEqual([]);
    expect(briefly(node([{ name: { $node: "files" } }]))).toEqual(["m|items[0].name|it gives an object, and a string is wanted"]);
  });

  test("all at once, each with what to do", () => {
    const issues = issuesOf({
      kind: "plan",
      nodes: [
        { id: "files", call: "ls", input: { dir: 7 } },
        { id: "parts", map: "reviw", items: { $node: "file" } },
        { id: "report", call: "report", input: { parts: { $node: "parts" }, title: "t" }, after: ["report"] },
      ],
      result: "raport",
    });
    expect(issues.map((i) => `${i.node} ${i.path}`)).toEqual([
      "parts map",
      "parts items",
      " result",
      "report ",
      "files input.dir",
      "report input.tone",
    ]);
    expect(issues.map((i) => i.fix)).toEqual(
      expect.arrayContaining(['did you mean "review"?', 'did you mean "files"?', 'did you mean "report"?']),
    );
    for (const { why, fix } of issues) expect([why, fix]).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)]);
  });

  test("bounds: nodes, depth, bytes, tasks", () => {
    const chain = (n: number) => ({
      kind: "plan",
      nodes: Array.from({ length: n }, (_, i) => ({ id: `n${i}`, call: "open", input: i === 0 ? 1 : { $node: `n${i - 1}` } })),
      result: "n0",
    });
    expect(briefly(chain(bounds.planDepth))).toEqual([]);
    expect(briefly(chain(bounds.planDepth + 1))).toEqual(["|nodes|201 nodes need each other in a row, the limit is 200"]);
    expect(briefly(chain(bounds.planNodes + 1))).toEqual(["|nodes|there are 1001 nodes, the limit is 1000"]);
    expect(briefly(one({ input: "x".repeat(bounds.planBytes) }))).toEqual([
      expect.stringMatching(/^\|\|it takes \d+ bytes, the limit is 1048576$/),
    ]);
    const map = {
      kind: "plan",
      nodes: [
        { id: "a", map: "open", items: [1, 2, 3] },
        { id: "b", call: "open", input: 1 },
      ],
      result: "a",
    };
    expect(issuesOf(map, { budget: { tasks: 4 } })).toEqual([]);
    expect(issuesOf(map, { budget: { tasks: 3 } })).toMatchObject([
      { path: "nodes", why: "it asks for 4 tasks, the budget is 3" },
    ]);
  });

  test("a plan of nothing but mistakes ends soon, and says how many there are", () => {
    const nodes = Array.from({ length: 1_000 }, (_, i) => ({
      id: `n${i}`,
      call: "x".repeat(90) + i,
      input: [{ $node: `${"y".repeat(90)}${i}` }, { $node: `${"z".repeat(90)}${i}` }],
    }));
    const issues = issuesOf({ kind: "plan", nodes, result: "n0" });
    expect(issues).toHaveLength(1_001);
    expect(issues.at(-1)?.why).toBe("there are 2000 issues more than these");
  });
});

test("options of parsePlan are checked", () => {
  const check = (o: object) => () => parsePlan(good, catalogue, o);
  expect(check({ budgets: 1 })).toThrow("budgets");
  expect(check({ budget: { usd: 1 } })).toThrow("usd");
  expect(check({ budget: { tasks: 0 } })).toThrow("tasks");
  expect(() => parsePlan(good, [])).toThrow("no agents");
  expect(() => parsePlan(good, [ls, ls])).toThrow('"ls" is defined twice');
});

describe("any plan", () => {
  /** Node i may need nodes before it only: no circle. */
  const dags = fc
    .integer({ min: 1, max: 30 })
    .chain((n) =>
      fc
        .tuple(
          ...Array.from({ length: n }, (_, i) => fc.array(fc.nat({ max: Math.max(0, i - 1) }), { maxLength: i === 0 ? 0 : 4 })),
        )
        .map((needs) => needs.map((list) => [...new Set(list)])),
    );
  const planOf = (needs: readonly (readonly number[])[]) => ({
    kind: "plan",
    nodes: needs.map((list, i): { id: string; call: string; input: unknown; after: string[] } => ({
      id: `n${i}`,
      call: "open",
      // Half by reference, half by `after`.
      input: { uses: list.filter((_, k) => k % 2 === 0).map((j) => ({ $node: `n${j}` })) },
      after: list.filter((_, k) => k % 2 === 1).map((j) => `n${j}`),
    })),
    result: "n0",
  });

  test("without a circle is accepted", () => {
    fc.assert(
      fc.property(dags, (needs) => {
        expect(briefly(planOf(needs))).toEqual([]);
      }),
    );
  });
  test("with a planted circle is refused, and the circle is named", () => {
    fc.assert(
      fc.property(dags, fc.nat(), fc.integer({ min: 1, max: 5 }), (needs, at, length) => {
        const plan = planOf(needs);
        const ring = Array.from({ length: Math.min(length, plan.nodes.length) }, (_, k) => (at + k) % plan.nodes.length);
        ring.forEach((i, k) => plan.nodes[i]?.after.push(`n${ring[(k + 1) % ring.length]}`));
        const issues = issuesOf(plan);
        expect(issues.length).toBeGreaterThan(0);
        for (const { why } of issues) {
          const circle = why.replace("it waits for itself: ", "").split(" needs ");
          expect(circle[0]).toBe(circle.at(-1));
          circle.slice(1).forEach((id, k) => {
            const node = plan.nodes.find((n) => n.id === circle[k]);
            expect(JSON.stringify([node?.input, node?.after])).toContain(`"${id}"`);
          });
        }
      }),
    );
  });
  test("with a planted reference to nobody, or a planted bad input, is refused at that place", () => {
    fc.assert(
      fc.property(dags, fc.nat(), fc.boolean(), (needs, at, missing) => {
        const plan = planOf(needs);
        const node = plan.nodes[at % plan.nodes.length] as (typeof plan.nodes)[0];
        if (missing) node.after.push("nobody");
        else Object.assign(node, { call: "ls" });
        const places = issuesOf(plan).map((i) => `${i.node} ${i.path}`);
        expect(places).toContain(missing ? `${node.id} after[${node.after.length - 1}]` : `${node.id} input.dir`);
      }),
    );
  });
  test("whatever it is, the check gives an answer", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(parsePlan(json, catalogue).ok).toBe(false);
      }),
    );
    const nodes = fc.array(
      fc.record(
        {
          id: fc.constantFrom("a", "b", "c"),
          call: fc.constantFrom("ls", "open"),
          map: fc.constant("review"),
          input: fc.jsonValue(),
          items: fc.jsonValue(),
          after: fc.jsonValue(),
          options: fc.jsonValue(),
        },
        { requiredKeys: ["id"] },
      ),
    );
    fc.assert(fc.property(nodes, (all) => void parsePlan({ kind: "plan", nodes: all, result: "a" }, catalogue)));
  });
});
