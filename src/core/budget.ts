import type { Duration } from "./duration.ts";

export interface Budget {
  usd?: number;
  tokens?: number;
  turns?: number;
  tasks?: number;
  /** working time; waits for people do not count */
  time?: Duration;
  /** the wall clock */
  elapsed?: Duration;
  depth?: number;
  onExhausted?: "wait" | "stop";
}

export interface BudgetView {
  readonly total: Readonly<Budget>;
  readonly spent: { usd: number; tokens: number; turns: number; tasks: number };
  readonly remaining: { usd: number; tokens: number; turns: number; tasks: number };
}
