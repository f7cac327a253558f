import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { line, median, percentile, spread } from "./harness/bench.ts";
import { inChild } from "./harness/child.ts";
import { short } from "./harness/table.ts";
import { openRaw } from "./work/raw.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("percentiles are nearest rank, and spread tells the median", () => {
  const values = [5, 1, 4, 2, 3];
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 0), median([1, 2])]).toEqual([3, 5, 1, 1]);
  expect(spread(values)).toEqual({ value: 3, min: 1, max: 5, n: 5 });
  expect(() => median([])).toThrow("no values");
});

test("the ratio is the share of the limit, whichever way the unit counts", () => {
  const base = { case: "c", min: 0, max: 0, n: 1, settings: {} };
  expect(line("b", { ...base, value: 50, unit: "tasks/s", limit: 100 }).ratio).toBe(0.5);
  expect(line("b", { ...base, value: 4, unit: "ms", limit: 1 }).ratio).toBe(0.25);
  expect(line("b", { ...base, value: 4, unit: "ms", limit: null }).ratio).toBeNull();
});

test("figures are short", () => {
  expect([0.01234, 1.234, 12.34, 123.4, 12_345.6].map(short)).toEqual(["0.012", "1.23", "12.3", "123", "12,346"]);
});

test.each(["power", "process"] as const)("the raw queue loses nothing and gives nothing twice (%s)", (durability) => {
  const queue = openRaw(join(folder, `${durability}.db`), durability);
  queue.insert(1, 10);
  const first = queue.claim(6);
  queue.complete(first);
  const second = queue.claim(6);
  queue.complete(second);
  expect([...first, ...second].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(queue.claim(1)).toEqual([]);
  queue.close();
});

test("work runs in a process of its own and its failures come back", async () => {
  const raw = new URL("work/raw-throughput.ts", import.meta.url);
  const rate = await inChild<number>(raw, {
    path: join(folder, "child.db"),
    durability: "process",
    tasks: 500,
    batch: 100,
  });
  expect(rate).toBeGreaterThan(100);
  await expect(
    inChild(raw, { path: join(folder, "no/such/folder.db"), durability: "process", tasks: 1, batch: 1 }),
  ).rejects.toThrow("unable to open database file");
});
