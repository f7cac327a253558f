import { describe, expect, test } from "vitest";
import { examples } from "../cli/explain/examples.ts";
import { errorJson, FlotillaError, type ErrorCode } from "../core/error.ts";
import { forStrangers } from "./for-strangers.ts";

/** What only whoever runs the fleet may know: places of files and databases, and processes. */
const inside = /dev\.db|db\.internal|agents\.ts|4242|Connection terminated|enum/;
const codes = Object.keys(examples) as ErrorCode[];

describe.each(codes)("%s", (code) => {
  test("keeps its code, and tells nothing of the inside", () => {
    const cause = new Error("EACCES: permission denied, open '/var/lib/fleet/dev.db'");
    const thrown = new FlotillaError(code, examples[code], { where: "somewhere", cause });
    const told = errorJson(forStrangers(thrown));
    expect(told.code).toBe(code);
    expect(told.cause).toBeUndefined();
    expect(JSON.stringify(told)).not.toMatch(inside);
    expect(told.retryable).toBe(thrown.retryable);
  });
});

test("what is unforeseen is told as that", () => {
  const told = JSON.stringify(forStrangers(new Error("ENOENT: no such file, open '/var/lib/fleet/dev.db'")).message);
  expect(told).toContain("the log of the orchestrator says more");
  expect(told).not.toMatch(inside);
});
