import { describe, expect, test } from "vitest";
import type { JournalEntry } from "../protocol/worker.ts";
import { Journal } from "./journal.ts";

const row = (act: number, key: string, askedAfter: number, over: Partial<JournalEntry> = {}): JournalEntry => ({
  act,
  key,
  askedAfter,
  kind: "child",
  inputHash: "h",
  seq: null,
  ...over,
});
const rows = [
  row(1, "a", 0, { seq: 1 }),
  row(2, "b", 1, { seq: 2 }),
  row(3, "c", 1),
  row(4, "s", 2, { kind: "step", inputHash: "" }),
];
const asking = (...keys: string[]): Journal => {
  const journal = new Journal(rows);
  for (const key of keys) journal.claim(key === "s" ? "step" : "child", key, key === "s" ? "" : "h");
  return journal;
};

test("live begins at the last recorded act, not at the last outcome", () => {
  expect(new Journal(rows).liveFrom).toBe(2);
  expect(new Journal([row(1, "a", 0, { seq: 9 })]).liveFrom).toBe(0);
  expect(new Journal([]).liveFrom).toBe(0);
});

test("a recorded ask gives its row, a new one nothing", () => {
  expect(asking().claim("child", "b", "h")).toEqual({ row: rows[1] });
  expect(asking().claim("child", "new", "h")).toEqual({ row: undefined });
});

describe("mismatch", () => {
  test("another kind or input under a recorded key, at once", () => {
    expect(asking().claim("step", "a", "")).toEqual({ mismatch: { key: "a", recorded: "a child", asked: "a step" } });
    expect(asking().claim("child", "a", "other")).toEqual({ mismatch: { key: "a", recorded: "input h", asked: "input other" } });
  });
  test("(a) a row of this turn was not asked", () => {
    expect(asking("a").afterTurn(0)).toBeUndefined();
    expect(asking("a", "c").afterTurn(1)).toMatchObject({ key: "b", recorded: "child b", asked: "nothing" });
    expect(asking("a", "c", "b").afterTurn(1)).toBeUndefined();
  });
  test("(b) something new was asked before live, and not when live", () => {
    expect(asking("a", "new").afterTurn(0)).toMatchObject({ key: "new", recorded: "nothing", asked: "child new" });
    expect(asking("a", "b", "c", "s", "new").afterTurn(2)).toBeUndefined();
  });
  test("(c) the code ended before live, or with rows it did not ask", () => {
    expect(asking("a", "b", "c", "s").atEnd(1)).toBeDefined();
    expect(asking("a", "b", "c").atEnd(2)).toMatchObject({ key: "s", asked: "the end of the workflow" });
    expect(asking("a", "b", "c", "s").atEnd(2)).toBeUndefined();
  });
  test("(d) the next seq's row was not asked", () => {
    expect(asking("a").beforeDelivery(2)).toMatchObject({ key: "b", recorded: "child b" });
  });
});

test("100,000 rows are one pass", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => row(i + 1, `k${i}`, 0));
  const journal = new Journal(many);
  for (let i = many.length - 1; i >= 0; i--) journal.claim("child", `k${i}`, "h");
  expect(journal.afterTurn(0)).toBeUndefined();
  expect(journal.atEnd(0)).toBeUndefined();
});
