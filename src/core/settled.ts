import type { FlotillaErrorOf } from "./error.ts";

/** The same union everywhere: call, map items, gates, runs. */
export type Settled<O, E = never> =
  | { readonly status: "succeeded"; readonly value: O }
  | {
      readonly status: "failed";
      readonly error:
        | E
        | FlotillaErrorOf<
            "FLOTILLA_AGENT_FAILED" | "FLOTILLA_TIMEOUT" | "FLOTILLA_JOIN_UNMET" | "FLOTILLA_REJECTED" | "FLOTILLA_NO_WORKER"
          >;
    }
  | { readonly status: "canceled"; readonly error: FlotillaErrorOf<"FLOTILLA_CANCELED"> }
  | { readonly status: "stopped"; readonly error: FlotillaErrorOf<"FLOTILLA_BUDGET_EXHAUSTED"> }
  | { readonly status: "quarantined"; readonly error: FlotillaErrorOf<"FLOTILLA_QUARANTINED"> };

/** A real Promise (so `no-floating-promises` sees it), plus the same thing as a value. */
export interface Pending<O, E = never> extends Promise<O> {
  settled(): Promise<Settled<O, E>>;
  cancel(reason?: string): void;
}

/** An item that did not succeed. */
export interface Gap<I, E> {
  readonly index: number;
  readonly key: string;
  readonly input: I;
  readonly task: string;
  readonly outcome: Exclude<Settled<never, E>, { status: "succeeded" }>;
}
export interface Joined<I, O, E> {
  /** only the successes, in input order */
  readonly values: O[];
  readonly gaps: Gap<I, E>[];
  readonly complete: boolean;
  /** aligned with the input */
  readonly items: Settled<O, E>[];
}
export type Item<I, O, E> = Settled<O, E> & { readonly index: number; readonly key: string; readonly input: I };
