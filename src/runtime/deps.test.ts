import { expect, test, vi } from "vitest";
import { systemDeps } from "./deps.ts";

test("stderr gets what somebody asked for, and what went wrong", () => {
  const lines: string[] = [];
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  try {
    systemDeps.log("info", "took up tasks", { tasks: 3 });
    systemDeps.log("warn", "child-1 was killed", { worker: "child-1" });
    systemDeps.log("debug", "tried", { task: "t_1", agent: "greet" });
    systemDeps.log("info", "half way", { task: "t_1", agent: "greet", done: 5 });
    systemDeps.log("error", "no network", { task: "t_1", agent: "greet" });
  } finally {
    stderr.mockRestore();
  }
  expect(lines).toEqual([
    'warn flotilla: child-1 was killed {"worker":"child-1"}\n',
    'info greet t_1: half way {"done":5}\n',
    "error greet t_1: no network\n",
  ]);
});
