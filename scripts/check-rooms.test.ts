import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { checkRooms } from "./check-rooms.ts";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A house of the given files; the text of each problem found in it. */
function problemsIn(files: Record<string, string>): string[] {
  const base = mkdtempSync(join(tmpdir(), "rooms-"));
  made.push(base);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  }
  return checkRooms(base).problems.map((p) => `${p.where} ${p.what}`);
}

test("an inward import is fine, for values and for types", () => {
  const files = {
    "src/core/id.ts": "export const id = 1;",
    "src/protocol/worker.ts": 'import type { id } from "../core/id.ts"; export type Id = typeof id;',
    "src/orchestrator/intake.ts":
      'import { id } from "../core/id.ts"; import type { Id } from "../protocol/worker.ts"; export const x: Id = id;',
  };
  expect(problemsIn(files)).toEqual([]);
});

test.each([
  ["a value import", 'import { slot } from "../worker/slot.ts"; export { slot };'],
  ["a type import", 'import type { slot } from "../worker/slot.ts"; export type S = typeof slot;'],
  ["a re-export", 'export * from "../worker/slot.ts";'],
  ["a dynamic import", 'export const slot = () => import("../worker/slot.ts");'],
])("%s that turns back is found", (_, text) => {
  const found = problemsIn({ "src/worker/slot.ts": "export const slot = 1;", "src/orchestrator/intake.ts": text });
  expect(found).toEqual(["src/orchestrator/intake.ts:1 orchestrator imports worker (../worker/slot.ts)"]);
});

test("the contract of the store does not know its drivers", () => {
  const found = problemsIn({
    "src/store/sqlite/db.ts": "export const db = 1;",
    "src/store/contract.ts": 'export { db } from "./sqlite/db.ts";',
  });
  expect(found).toEqual(["src/store/contract.ts:1 store imports store/sqlite (./sqlite/db.ts)"]);
});

test("nobody imports the command line", () => {
  const found = problemsIn({
    "src/cli/bin.ts": "export const bin = 1;",
    "src/runtime/fleet.ts": 'export { bin } from "../cli/bin.ts";',
  });
  expect(found).toEqual(["src/runtime/fleet.ts:1 runtime imports cli (../cli/bin.ts)"]);
});

test("a ring of files is found, a ring of types is not one", () => {
  expect(
    problemsIn({
      "src/core/a.ts": 'import { c } from "./c.ts"; export const a = () => c;',
      "src/core/b.ts": 'import { a } from "./a.ts"; export const b = a;',
      "src/core/c.ts": 'import { b } from "./b.ts"; export const c = b;',
    }),
  ).toEqual([expect.stringContaining("import cycle of 3 files")]);
  expect(
    problemsIn({
      "src/core/a.ts": 'import type { B } from "./b.ts"; export interface A { b: B }',
      "src/core/b.ts": 'import type { A } from "./a.ts"; export interface B { a: A }',
    }),
  ).toEqual([]);
});

test("a client that reaches node, however far, is found once at the door where it enters", () => {
  const found = problemsIn({
    "src/core/hash.ts": 'import { hash } from "node:crypto"; export const h = hash;',
    "src/client/start.ts": 'import { h } from "../core/hash.ts"; export const s = h;',
    "src/client/handle.ts": 'import { s } from "./start.ts"; export const x = s;',
  });
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("src/core/hash.ts -> node:crypto client loads node:crypto");
});

test("zod may wait behind import(), and not stand on the way of the package's entry", () => {
  const door = { "src/index.ts": 'export { f } from "./runtime/fleet.ts";' };
  expect(problemsIn({ ...door, "src/runtime/fleet.ts": 'import * as z from "zod"; export const f = z;' })).toEqual([
    "src/index.ts -> src/runtime/fleet.ts -> zod importing the package loads zod",
  ]);
  expect(problemsIn({ ...door, "src/runtime/fleet.ts": 'export const f = () => import("zod");' })).toEqual([]);
});

test("core keeps to itself", () => {
  expect(problemsIn({ "src/core/a.ts": 'import { readFileSync } from "node:fs"; export const a = readFileSync;' })).toEqual([
    "src/core/a.ts:1 core imports node:fs",
  ]);
});

test("a folder without a rule, a missing file and the package's own name are found", () => {
  expect(problemsIn({ "src/attic/a.ts": "export const a = 1;" })).toEqual(["src/attic is not in the table of rooms"]);
  expect(problemsIn({ "src/core/a.ts": 'export * from "./b.js";' })).toEqual([
    "src/core/a.ts:1 imports ./b.js, which does not exist",
  ]);
  expect(problemsIn({ "src/cli/a.ts": 'export * from "flotilla";' })).toEqual(["src/cli/a.ts:1 imports its own package by name"]);
});

test("tests may build what they like", () => {
  expect(
    problemsIn({ "src/cli/a.ts": "export const a = 1;", "src/core/a.test.ts": 'import { a } from "../cli/a.ts"; export { a };' }),
  ).toEqual([]);
});
