import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dueTicks, everyInstants, lateMs, tickKey, within, type Instants } from "./schedule.ts";

const minute = 60_000;
const hour = 60 * minute;
const hourly = everyInstants(hour, null);
const at = (n: number) => n * hour;

describe("intervals", () => {
  test("are counted from the epoch, or from startAt", () => {
    expect(hourly.after(at(5))).toBe(at(6));
    expect(hourly.after(at(5) - 1)).toBe(at(5));
    const own = within(everyInstants(hour, at(5) + minute), { startAt: at(5) + minute, endAt: null });
    expect(own.after(0)).toBe(at(5) + minute);
    expect(own.after(at(5) + minute)).toBe(at(6) + minute);
  });

  test("bounds are included, and nothing beyond them", () => {
    const bounded = within(hourly, { startAt: at(5), endAt: at(7) });
    expect(bounded.after(0)).toBe(at(5));
    expect(bounded.after(at(6))).toBe(at(7));
    expect(bounded.after(at(7))).toBeNull();
    expect(bounded.until(at(100), 10)).toEqual([at(5), at(6), at(7)]);
  });

  test("after and until agree: the next one after any instant is the last one until itself", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 10 * hour }), fc.nat(hour * 1_000), fc.nat(hour), (every, now, start) => {
        const instants: Instants = everyInstants(every, start);
        const next = instants.after(now) as number;
        expect(next).toBeGreaterThan(now);
        expect(instants.until(next, 2)).toEqual([next - every, next]);
        expect(instants.until(next - 1, 1)).toEqual([next - every]);
      }),
    );
  });
});

describe("what is due", () => {
  const due = (onMissed: "skip" | "once" | "all", nextAt: number, now: number) => dueTicks(hourly, { onMissed, nextAt, now });

  test("one tick on time runs, whatever the policy", () => {
    for (const policy of ["skip", "once", "all"] as const) {
      expect(due(policy, at(5), at(5) + 10)).toEqual({ run: [at(5)], missed: null, lastAt: at(5), movedTo: at(6) });
      expect(due(policy, at(5), at(5) + lateMs - 1).run).toEqual([at(5)]);
    }
  });

  test("after three days each policy does what it says", () => {
    const now = at(77) + 20 * minute;
    const move = { lastAt: at(77), movedTo: at(78) };
    expect(due("skip", at(5), now)).toEqual({ run: [], missed: { fromAt: at(5), toAt: at(77) }, ...move });
    expect(due("once", at(5), now)).toEqual({ run: [at(77)], missed: { fromAt: at(5), toAt: at(76) }, ...move });
    const all = due("all", at(5), now);
    expect(all.run).toEqual(Array.from({ length: 73 }, (_, i) => at(5 + i)));
    expect(all).toMatchObject({ missed: null, ...move });
  });

  test("skip runs the tick that is on time, and passes over those before it", () => {
    expect(due("skip", at(5), at(8) + 1)).toMatchObject({ run: [at(8)], missed: { fromAt: at(5), toAt: at(7) } });
  });

  test("all makes up for the latest 100, and says which it does not", () => {
    const all = due("all", at(5), at(1_000));
    expect(all.run).toHaveLength(100);
    expect(all.run[0]).toBe(at(901));
    expect(all.missed).toEqual({ fromAt: at(5), toAt: at(900) });
  });

  test("an instant that the rules of today no longer have still runs once", () => {
    expect(due("once", at(5) + minute, at(5) + 2 * minute)).toMatchObject({ run: [at(5) + minute], movedTo: at(6) });
  });

  test("whatever is due, what comes next is later, and nothing runs that lies before what was due", () => {
    fc.assert(
      fc.property(fc.constantFrom("skip", "once", "all" as const), fc.nat(500), fc.nat(600 * hour), (policy, n, lateBy) => {
        const nextAt = at(n);
        const now = nextAt + lateBy;
        const d = dueTicks(hourly, { onMissed: policy, nextAt, now });
        expect(d.movedTo).toBeGreaterThan(now);
        for (const tick of d.run) expect(tick >= nextAt && tick <= now).toBe(true);
        expect(new Set(d.run).size).toBe(d.run.length);
      }),
    );
  });
});

test("a tick's key names the schedule and the instant", () => {
  expect(tickKey("nightly", 0)).toBe("schedule:nightly:1970-01-01T00:00:00.000Z");
});
