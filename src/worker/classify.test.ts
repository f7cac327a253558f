import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../client/agent.ts";
import { workflow } from "../client/workflow.ts";
import { bounds } from "../core/bounds.ts";
import { declaredError, FlotillaError, RetryableError, TerminalError } from "../core/error.ts";
import { classify } from "./classify.ts";

const input = z.object({});
const errors = { Unreadable: z.object({ path: z.string() }), Late: z.object({ n: z.number() }).refine(async (v) => v.n > 0) };
const one = agent({ name: "one", input, errors, run: () => 1 })["~definition"];
const flow = workflow({ name: "flow", input, run: () => 1 })["~definition"];

test("a plain error retries, for an agent; ends a workflow", () => {
  expect(classify(new Error("no"), one)).toMatchObject({
    status: "failed",
    terminal: false,
    error: { code: "ERROR", message: "no", stack: expect.any(String) },
  });
  expect(classify(new Error("no"), flow)).toMatchObject({ terminal: true });
  expect(classify("text", one)).toMatchObject({ terminal: false, error: { message: "text" } });
  expect(classify(undefined, one)).toMatchObject({ terminal: false });
});

test("the wait that the far side asked for", () => {
  expect(classify(new RetryableError("busy", { retryAfter: "7s" }), one)).toMatchObject({ terminal: false, retryAfterMs: 7_000 });
  expect(classify(new RetryableError("busy"), one)).not.toHaveProperty("retryAfterMs");
  expect(classify(new RetryableError("busy", { retryAfter: "soon" as never }), one)).toMatchObject({
    terminal: false,
    error: { message: "busy" },
  });
});

test("what stops at once", () => {
  expect(classify(new TerminalError("no", { cause: new Error("why") }), one)).toMatchObject({
    terminal: true,
    error: { name: "TerminalError", cause: { message: "why" } },
  });
  expect(classify(new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: [] }), one)).toMatchObject({ terminal: true });
  expect(classify(new FlotillaError("FLOTILLA_OUTPUT_INVALID", { issues: [] }), one)).toMatchObject({ terminal: false });
  // From a second copy of the package.
  expect(classify(Object.assign(new Error("no"), { name: "TerminalError" }), one)).toMatchObject({ terminal: true });
});

describe("declared errors", () => {
  test("are checked against their schema, and terminal", async () => {
    expect(classify(declaredError("Unreadable", { path: "a", more: 1 }), one)).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_DECLARED", name: "Unreadable", data: { path: "a" } },
    });
    expect(await classify(declaredError("Late", { n: 1 }), one)).toMatchObject({
      terminal: true,
      error: { name: "Late", data: { n: 1 } },
    });
  });
  test("with data that does not fit", async () => {
    expect(classify(declaredError("Unreadable", { path: 5 }), one)).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_OUTPUT_INVALID", where: "one.errors.Unreadable" },
    });
    expect(await classify(declaredError("Late", { n: 0 }), one)).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_OUTPUT_INVALID" },
    });
  });
  test("that are a child's and not its own", () => {
    expect(classify(declaredError("Unreadable", { path: "a" }), flow)).toMatchObject({
      terminal: true,
      error: { code: "ERROR", message: expect.stringContaining("does not declare"), cause: { code: "FLOTILLA_DECLARED" } },
    });
  });
});

test("errors keep within their bound, and the message survives", () => {
  const huge = Object.assign(new Error("m".repeat(100_000)), { stack: "s".repeat(100_000) });
  for (const thrown of [
    huge,
    new Error("outer", { cause: huge }),
    new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: Array.from({ length: 5_000 }, () => ({ message: "issue" })) }),
  ]) {
    const result = classify(thrown, one) as { error: { message: string } };
    expect(Buffer.byteLength(JSON.stringify(result.error))).toBeLessThanOrEqual(bounds.errorBytes);
    expect(result.error.message.length).toBeGreaterThan(4);
  }
});
