export interface Limit {
  readonly kind: "limit";
  readonly name: string;
}
/** Not in this version: a fleet refuses definitions with limits. Each cap is off unless it is given. */
export interface LimitOptions {
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  inputTokensPerMinute?: number;
  outputTokensPerMinute?: number;
  /** Attempts at a time. */
  inFlight?: number;
  /** Start below the cap and learn from headers and 429s. @default false */
  learn?: boolean;
}
/** Must stay an object literal: a helper call such as `claude.reserve({ tokens: (i) => ... })` is checked before `input` is inferred, so `i` would be unknown. */
export interface Reservation<I> {
  limit: Limit;
  tokens?: number | ((input: I) => number);
  requests?: number;
  key?: (input: I) => string;
}
