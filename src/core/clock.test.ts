import { afterEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";

afterEach(() => void vi.useRealTimers());

const dayMs = 86_400_000;

test("a timer of 60 days fires after 60 days, once", () => {
  vi.useFakeTimers();
  const fn = vi.fn<() => void>();
  systemClock.after(60 * dayMs, fn);
  vi.advanceTimersByTime(60 * dayMs - 1);
  expect(fn).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fn).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(60 * dayMs);
  expect(fn).toHaveBeenCalledOnce();
});

test("it can be canceled in its second leg", () => {
  vi.useFakeTimers();
  const fn = vi.fn<() => void>();
  const timer = systemClock.after(60 * dayMs, fn);
  vi.advanceTimersByTime(30 * dayMs);
  timer.cancel();
  expect(vi.getTimerCount()).toBe(0);
});
