export interface Limit {
  readonly kind: "limit";
  readonly name: string;
}
export interface LimitOptions {
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  inputTokensPerMinute?: number;
  outputTokensPerMinute?: number;
  inFlight?: number;
  /** start below the cap and learn from headers and 429s */
  learn?: boolean;
}
/** Must stay an object literal: a helper call such as `claude.reserve({ tokens: (i) => ... })` is checked before `input` is inferred, so `i` would be unknown. */
export interface Reservation<I> {
  limit: Limit;
  tokens?: number | ((input: I) => number);
  requests?: number;
  key?: (input: I) => string;
}
