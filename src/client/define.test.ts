import { describe, expect, test } from "vitest";
import * as z from "zod";
import { isFlotillaError } from "../core/error.ts";
import { agent } from "./agent.ts";
import { contract, contractOf } from "./contract.ts";
import { limit } from "./limit.ts";
import { message } from "./message.ts";
import { workflow } from "./workflow.ts";

const input = z.object({ who: z.string() });
const run = () => 1;

/** The field that a definition was refused for. */
function fieldOf(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (e) {
    if (isFlotillaError(e, "FLOTILLA_CONFIG_INVALID")) return e.details.field;
    throw e;
  }
}

describe("defaults", () => {
  test("an agent is tried three times, a workflow once", () => {
    expect(agent({ name: "a", input, run })["~definition"].retry.attempts).toBe(3);
    expect(workflow({ name: "w", input, run })["~definition"].retry.attempts).toBe(1);
  });

  test("what is not given is resolved, and nothing changes afterwards", () => {
    const definition = agent({ name: "a", input, run, timeout: "5m" })["~definition"];
    expect(definition).toMatchObject({
      kind: "agent",
      description: "",
      version: "",
      implements: null,
      needs: [],
      errors: {},
      timeoutMs: 300_000,
      idleTimeoutMs: null,
      idempotent: false,
      unenforced: [],
    });
    expect(Object.isFrozen(definition)).toBe(true);
    expect(Object.isFrozen(definition.needs)).toBe(true);
  });

  test("equal needs are equal lists, however they were written", () => {
    expect(agent({ name: "a", input, run, needs: ["b", "a", "b"] })["~definition"].needs).toEqual(["a", "b"]);
  });
});

describe("refused where it is written, naming the field", () => {
  // Each is a mistake that the types forbid and that plain JavaScript, a config or a cast lets through.
  const bad: readonly (readonly [field: string, make: () => unknown])[] = [
    ["agent()", () => agent(undefined as never)],
    ["agent().name", () => agent({ name: "", input, run })],
    ["agent().name", () => agent({ name: "-a", input, run })],
    ["agent().name", () => agent({ name: "a b", input, run })],
    ["agent().name", () => agent({ name: "a".repeat(101), input, run })],
    ["agent().name", () => agent({ input, run } as never)],
    ['agent("a").input', () => agent({ name: "a", run } as never)],
    ['agent("a").input', () => agent({ name: "a", input: { type: "object" }, run } as never)],
    ['agent("a").output', () => agent({ name: "a", input, output: 5, run } as never)],
    ['agent("a").run', () => agent({ name: "a", input } as never)],
    ['agent("a").retires', () => agent({ name: "a", input, run, retires: 3 } as never)],
    ['agent("a").timeout', () => agent({ name: "a", input, run, timeout: "5 minutes" as never })],
    ['agent("a").timeout', () => agent({ name: "a", input, run, timeout: "0s" })],
    ['agent("a").idleTimeout', () => agent({ name: "a", input, run, idleTimeout: "soon" as never })],
    ['agent("a").retry.attempts', () => agent({ name: "a", input, run, retry: { attempts: 0 } })],
    ['agent("a").retry.times', () => agent({ name: "a", input, run, retry: { times: 3 } as never })],
    ['agent("a").needs', () => agent({ name: "a", input, run, needs: "gpu" as never })],
    ['agent("a").needs[1]', () => agent({ name: "a", input, run, needs: ["gpu", ""] })],
    ['agent("a").errors.No', () => agent({ name: "a", input, run, errors: { No: 5 as never } })],
    ['agent("a").idempotent', () => agent({ name: "a", input, run, idempotent: "yes" as never })],
    ['workflow("w").retry', () => workflow({ name: "w", input, run, retry: { attempts: 2 } } as never)],
    [
      'workflow("c").retry',
      () => contract({ name: "c", input, output: input }).workflow({ run, retry: { attempts: 2 } } as never),
    ],
    ['workflow("w").run', () => workflow({ name: "w", input } as never)],
    ['contract("c").output', () => contract({ name: "c", input } as never)],
    ['contract("c").run', () => contract({ name: "c", input, output: input, run } as never)],
    [
      'agent("d").input',
      () => contract({ name: "c", input, output: input }).agent({ name: "d", input, run: () => ({ who: "" }) } as never),
    ],
    ["message().name", () => message("", input)],
    ['message("m").schema', () => message("m", 5 as never)],
    ['limit("l").perMinute', () => limit("l", { perMinute: 5 } as never)],
    ['limit("l").inFlight', () => limit("l", { inFlight: 0 })],
  ];
  test.each(bad)("%s", (field, make) => {
    expect(fieldOf(make)).toBe(field);
  });

  test("a name may hold what URLs and metrics hold", () => {
    expect(fieldOf(() => agent({ name: "team.fr/translate:v2_x-1", input, run }))).toBeUndefined();
  });
});

describe("options that are not enforced yet are kept by name", () => {
  test("and none is when they ask for nothing", () => {
    const l = limit("l", {});
    const asking = agent({ name: "a", input, run, limits: [l], budget: { usd: 1 }, prefers: ["x"], resources: { gpu: 1 } });
    expect(asking["~definition"].unenforced.toSorted()).toEqual(["budget", "limits", "prefers", "resources"]);
    const calm = agent({ name: "a", input, run, limits: [], budget: {}, prefers: [], resources: {} });
    expect(calm["~definition"].unenforced).toEqual([]);
  });
});

describe("contracts", () => {
  const translate = contract({
    name: "translate",
    needs: ["net"],
    input,
    output: z.object({ text: z.string() }),
    errors: { No: input },
  });

  test("an implementation carries the contract's schemas, errors and needs", () => {
    const fr = translate.agent({ name: "translate.fr", needs: ["lang:fr"], run: () => ({ text: "" }) });
    expect(fr).toMatchObject({ kind: "agent", name: "translate.fr" });
    expect(fr["~definition"]).toMatchObject({ implements: "translate", needs: ["lang:fr", "net"] });
    expect(fr["~definition"].input).toBe(input);
    expect(Object.keys(fr["~definition"].errors)).toEqual(["No"]);
    expect(contractOf(fr)).toBe(translate["~definition"]);
  });

  test("and what the contract asks for that is not enforced", () => {
    const heavy = contract({ name: "heavy", input, output: input, resources: { gpu: 1 } });
    expect(heavy.agent({ run: () => ({ who: "" }) })["~definition"].unenforced).toEqual(["resources"]);
  });

  test("its name is the contract's when none is given", () => {
    const only = translate.workflow({ run: () => ({ text: "" }) });
    expect(only).toMatchObject({ kind: "workflow", name: "translate" });
    expect(only["~definition"].retry.attempts).toBe(1);
  });
});
