// What Prometheus scrapes. Few names and no label that grows with the work: no run, task, definition, tenant or namespace.
import type { HealthView, WorkerView } from "../protocol/views.ts";

/** How long commits took, as a histogram. */
export interface CommitTimes {
  /** Upper bounds in seconds, ascending; one count more than bounds: the last is of those beyond. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sumS: number;
  readonly failed: number;
}

export interface Measured {
  readonly health: HealthView;
  readonly workers: readonly WorkerView[];
  readonly commits: CommitTimes;
  readonly answers: AnswerCounts;
  /** null: another server holds them. */
  readonly connections: number | null;
  readonly residentBytes: number;
}

const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Answers by the class of their status. */
export class AnswerCounts {
  readonly counts = new Map<string, number>(classes.map((c) => [c, 0]));

  add(status: number): void {
    const name = classes[Math.floor(status / 100) - 1];
    if (name) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

/** The exposition format of Prometheus, version 0.0.4. */
export function metricsText({ health, workers, commits, answers, connections, residentBytes }: Measured): string {
  const { queue } = health;
  const states = (["idle", "busy", "draining", "unresponsive"] as const).map(
    (state) => [`{state="${state}"}`, workers.filter((w) => w.state === state).length] as const,
  );
  return [
    metric("flotilla_info", "gauge", "What runs here.", [[`{version="${health.version}",durability="${health.durability}"}`, 1]]),
    metric("flotilla_tasks", "gauge", "Tasks by where they are.", [
      ['{state="ready"}', queue.ready],
      ['{state="delayed"}', queue.delayed ?? 0],
      ['{state="running"}', queue.running],
      ['{state="parked"}', queue.parked ?? 0],
    ]),
    metric("flotilla_oldest_ready_seconds", "gauge", "How long the longest ready task has waited.", [
      ["", (queue.oldestReadyMs ?? 0) / 1_000],
    ]),
    metric("flotilla_workers", "gauge", "Live workers.", states),
    metric("flotilla_worker_slots", "gauge", "Attempts that the live workers can run at a time.", [["", health.workers.slots]]),
    metric("flotilla_worker_slots_busy", "gauge", "Attempts that they run.", [["", health.workers.busy]]),
    metric("flotilla_store_full", "gauge", "1 while the store has no room.", [["", health.storeFullAt === null ? 0 : 1]]),
    metric("flotilla_commit_failures_total", "counter", "Batches that the store refused.", [["", commits.failed]]),
    histogram("flotilla_commit_duration_seconds", "How long a batch took to be stored.", commits),
    metric(
      "flotilla_http_responses_total",
      "counter",
      "Answers by the class of their status.",
      [...answers.counts].map(([name, n]) => [`{class="${name}"}`, n]),
    ),
    connections === null ? "" : metric("flotilla_http_connections", "gauge", "Open connections.", [["", connections]]),
    metric("process_resident_memory_bytes", "gauge", "Memory of this process.", [["", residentBytes]]),
  ].join("");
}

function metric(
  name: string,
  type: "gauge" | "counter",
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string {
  return `${head(name, type, help)}${samples.map(([labels, value]) => `${name}${labels} ${value}\n`).join("")}`;
}

function histogram(name: string, help: string, { bounds, counts, sumS }: CommitTimes): string {
  let total = 0;
  const buckets = [...bounds.map(String), "+Inf"].map((le, i) => {
    total += counts[i] ?? 0;
    return `${name}_bucket{le="${le}"} ${total}\n`;
  });
  return `${head(name, "histogram", help)}${buckets.join("")}${name}_sum ${sumS}\n${name}_count ${total}\n`;
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
