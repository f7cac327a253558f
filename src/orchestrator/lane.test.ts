import { expect, test } from "vitest";
import type { ReadyRow } from "../store/contract.ts";
import { match, SlotPlan } from "./dispatch.ts";
import { Lane } from "./lane.ts";
import type { WorkerState } from "./workers.ts";

const row = (task: number, prio = 1): ReadyRow => ({
  task,
  lane: 1,
  prio,
  pass: task,
  leaseNo: 0,
  attempt: 0,
  crashes: 0,
  alone: false,
  since: 0,
});
function laneOf(rows: readonly ReadyRow[]): Lane {
  const lane = new Lane(1, { id: 1, namespace: 1, name: "work", card: null }, [], { ready: rows.length, lastPass: 0 });
  lane.refilled(rows);
  return lane;
}

test("who loses the front of a lane to another orchestrator begins further behind, until a race is won", () => {
  const lane = laneOf(Array.from({ length: 100 }, (_, i) => row(i + 1)));
  const begins = [1, 2, 3, 4].map(() => {
    lane.raced(0, 1);
    return lane.from;
  });
  expect(begins).toEqual([1, 3, 7, 15]);
  lane.raced(1, 0);
  expect(lane.from).toBe(7);
  for (let i = 0; i < 3; i++) lane.raced(1, 0);
  expect(lane.from).toBe(0);
});

test("no priority is passed over, and the last row is always tried", () => {
  const lane = laneOf([row(1, 0), row(2, 0), row(3), row(4)]);
  for (let i = 0; i < 5; i++) lane.raced(0, 1);
  expect(lane.from).toBe(1);
  const short = laneOf([row(1)]);
  short.raced(0, 9);
  expect(short.from).toBe(0);
});

test("a task that two lanes show is claimed from one of them", () => {
  const [one, two] = [laneOf([row(1), row(2)]), laneOf([row(1), row(3)])];
  const worker = { hello: { slots: 9 }, busy: 0, killed: null, attempts: new Map() } as unknown as WorkerState;
  for (const lane of [one, two]) lane.workers.set(worker, lane.definition);
  const matches = match([one, two], new SlotPlan(), 10);
  expect(matches.map((m) => m.row.task).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
});
