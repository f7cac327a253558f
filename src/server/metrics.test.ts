import { expect, test } from "vitest";
import { healthView } from "../../test/cli/fake-api.ts";
import { AnswerCounts, metricsText, type Measured } from "./metrics.ts";

const answers = new AnswerCounts();
for (const status of [200, 201, 404, 500, 99, 700]) answers.add(status);

const measured: Measured = {
  health: {
    ...healthView(),
    queue: { ready: 3, delayed: 2, running: 5, parked: 1, oldestReadyMs: 1_500 },
    workers: { ...healthView().workers, slots: 8, busy: 5 },
  },
  workers: [],
  commits: { bounds: [0.001, 0.01], counts: [4, 2, 1], sumS: 0.5, failed: 2 },
  answers,
  connections: 7,
  residentBytes: 1_024,
};

test("each metric says what it is, once, and samples have names and numbers", () => {
  const lines = metricsText(measured).trimEnd().split("\n");
  const types = lines.filter((l) => l.startsWith("# TYPE")).map((l) => l.split(" ")[2]);
  expect(new Set(types).size).toBe(types.length);
  expect(lines.filter((l) => l.startsWith("# HELP"))).toHaveLength(types.length);
  for (const line of lines.filter((l) => !l.startsWith("#"))) {
    expect(line).toMatch(/^[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? -?\d+(?:\.\d+)?$/);
    expect(types.some((name) => line.startsWith(name as string))).toBe(true);
  }
});

test("buckets count what lies below them, and the last one is all", () => {
  expect(metricsText(measured)).toContain(`flotilla_commit_duration_seconds_bucket{le="0.001"} 4
flotilla_commit_duration_seconds_bucket{le="0.01"} 6
flotilla_commit_duration_seconds_bucket{le="+Inf"} 7
flotilla_commit_duration_seconds_sum 0.5
flotilla_commit_duration_seconds_count 7
`);
});

test("tells places, slots, failures and answers", () => {
  const text = metricsText(measured);
  for (const line of [
    'flotilla_tasks{state="ready"} 3',
    'flotilla_tasks{state="delayed"} 2',
    'flotilla_tasks{state="running"} 5',
    'flotilla_tasks{state="parked"} 1',
    "flotilla_oldest_ready_seconds 1.5",
    "flotilla_worker_slots 8",
    "flotilla_worker_slots_busy 5",
    "flotilla_commit_failures_total 2",
    'flotilla_http_responses_total{class="2xx"} 2',
    'flotilla_http_responses_total{class="4xx"} 1',
    'flotilla_http_responses_total{class="5xx"} 1',
    "flotilla_http_connections 7",
  ])
    expect(text).toContain(`${line}\n`);
  expect(metricsText({ ...measured, connections: null })).not.toContain("flotilla_http_connections");
});
