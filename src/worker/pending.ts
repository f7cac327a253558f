import type { Pending, Settled } from "../core/settled.ts";
import { errorFromJson, FlotillaError } from "../core/error.ts";
import type { Delivery } from "../protocol/worker.ts";

export const noop = (): void => {};

/** The outcome behind a delivery, as callers see it. */
export function outcomeOf<O>(d: Delivery): Settled<O> {
  // A workflow that ended with gaps has a value all the same.
  if (d.status === "succeeded" || d.status === "partial")
    return { status: "succeeded", value: JSON.parse(d.value ?? "null") as O };
  // The orchestrator pairs status and code: a canceled child carries FLOTILLA_CANCELED, and so on.
  return { status: d.status, error: d.error ? errorFromJson(d.error) : withoutError(d) } as Settled<O>;
}

function withoutError(d: Delivery): Error {
  if (d.status === "canceled") return new FlotillaError("FLOTILLA_CANCELED", { by: "it was canceled" });
  return new Error(`it ended as ${d.status} and says no more`);
}

/** An error that was thrown here, in the shape of an outcome. */
export function failedOutcome<O>(error: unknown): Settled<O> {
  return { status: "failed", error } as unknown as Settled<O>;
}

export interface Resolvers<O> {
  readonly promise: Promise<O>;
  resolve(value: O): void;
  reject(error: unknown): void;
}

/** A promise that never ends the process when nobody awaits it. */
export function quietPromise<O>(): Resolvers<O> {
  let resolve: (value: O) => void = noop;
  let reject: (error: unknown) => void = noop;
  const promise = new Promise<O>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(noop);
  return { promise, resolve, reject };
}

/**
 * A plain promise with two methods put on it. Not a subclass: `await` wraps a subclass in another promise, which
 * costs three microtasks more and changes the order that people expect of Promise.race.
 */
export function pendingOf<O, E>(
  promise: Promise<O>,
  outcome: () => Promise<Settled<O, E>>,
  cancel: (reason?: string) => void,
): Pending<O, E> {
  const pending = promise as Pending<O, E>;
  pending.settled = outcome;
  pending.cancel = cancel;
  return pending;
}

/** Code of the user's under way (a scope, a reduce): what it throws is its outcome. */
export function pendingCode<O>(promise: Promise<O>, cancel: (reason?: string) => void): Pending<O> {
  promise.catch(noop);
  return pendingOf<O, never>(
    promise,
    () =>
      promise.then(
        (value) => ({ status: "succeeded", value }) as const,
        (e: unknown) => failedOutcome<O>(e),
      ),
    cancel,
  );
}

/** An ask under way: settled by its delivery, held by the code. */
export class PendingAsk<O, E = never> {
  readonly #value = quietPromise<O>();
  #outcome: Resolvers<Settled<O, E>> | undefined;
  #settled: Settled<O, E> | undefined;

  settle(outcome: Settled<O, E>): void {
    this.#settled = outcome;
    if (outcome.status === "succeeded") this.#value.resolve(outcome.value);
    else this.#value.reject(outcome.error);
    this.#outcome?.resolve(outcome);
  }

  pending(cancel: (reason?: string) => void): Pending<O, E> {
    return pendingOf<O, E>(
      this.#value.promise,
      () => {
        if (this.#settled) return Promise.resolve(this.#settled);
        this.#outcome ??= quietPromise();
        return this.#outcome.promise;
      },
      cancel,
    );
  }
}

/** Refused at the ask. */
export function rejectedPending<O, E>(thrown: unknown): Pending<O, E> {
  const promise = Promise.reject<O>(thrown instanceof Error ? thrown : new Error(String(thrown)));
  promise.catch(noop);
  return pendingOf(promise, () => Promise.resolve(failedOutcome<O>(thrown) as Settled<O, E>), noop);
}

/** What an ask of ended code gets: silence. */
export function neverPending<O, E>(): Pending<O, E> {
  return pendingOf(new Promise<O>(noop), () => new Promise(noop), noop);
}
