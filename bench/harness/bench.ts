export interface Settings {
  /** Less work and fewer rounds: for a first look, and for the tests. */
  readonly quick: boolean;
  /** A fresh path for a database, on the disk of this repository. */
  scratch(): string;
  /** What is going on, for people who wait. */
  progress(text: string): void;
}

export interface Case {
  readonly case: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: "tasks/s" | "steps/s" | "ms" | "s" | "MB";
  /** What the machine itself allows, measured in the same run; null where there is no such thing. */
  readonly limit: number | null;
  readonly min: number;
  readonly max: number;
  /** Rounds, or single measures where the value is a percentile. */
  readonly n: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Bench {
  readonly name: string;
  run(settings: Settings): AsyncIterable<Case>;
}

/** One line of `--json`. */
export interface Line extends Case {
  readonly bench: string;
  /** The share of the limit that is reached: 1 is as good as the machine allows, whichever way the unit counts. */
  readonly ratio: number | null;
}

export function line(bench: string, c: Case): Line {
  const ratio = c.limit === null || c.value === 0 ? null : c.unit.endsWith("/s") ? c.value / c.limit : c.limit / c.value;
  return { bench, ...c, ratio };
}

/** Nearest rank. @throws when there is nothing to rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
  if (value === undefined) throw new Error("no values");
  return value;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export function spread(values: readonly number[]): { value: number; min: number; max: number; n: number } {
  return { value: median(values), min: Math.min(...values), max: Math.max(...values), n: values.length };
}
