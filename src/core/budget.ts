import type { Duration } from "./duration.ts";

/** Not in this version: refused wherever it is given. Each cap is off unless it is given. */
export interface Budget {
  /** US dollars, as agents report them. */
  usd?: number;
  /** Input and output together. */
  tokens?: number;
  turns?: number;
  /** Tasks in the tree, the root counted. */
  tasks?: number;
  /** Working time; waits for people do not count. */
  time?: Duration;
  /** The wall clock. */
  elapsed?: Duration;
  /** Levels below the root. */
  depth?: number;
  /** @default "stop" */
  onExhausted?: "wait" | "stop";
}

export interface BudgetView {
  readonly total: Readonly<Budget>;
  readonly spent: { usd: number; tokens: number; turns: number; tasks: number };
  readonly remaining: { usd: number; tokens: number; turns: number; tasks: number };
}
