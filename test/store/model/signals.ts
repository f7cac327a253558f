// What a shared store says by itself: hints, each to all lives but the one that caused it, some time later or never.
import type { Signals } from "../../../src/store/shared.ts";

export class SignalHub {
  readonly #listeners = new Set<{ readonly boot: number; readonly to: Signals }>();
  readonly #carry: (to: number, say: () => void) => void;

  /** `carry` brings a signal to the life `to`, or loses it. */
  constructor(carry: (to: number, say: () => void) => void) {
    this.#carry = carry;
  }

  listen(boot: number, to: Signals): { close(): void } {
    const listener = { boot, to };
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  /** `by`: the life that knows already. */
  say(by: number, say: (to: Signals) => void): void {
    for (const l of this.#listeners) if (l.boot !== by) this.#tell(l, say);
  }
  /** To those lives only. */
  tell(lives: ReadonlySet<number>, say: (to: Signals) => void): void {
    for (const l of this.#listeners) if (lives.has(l.boot)) this.#tell(l, say);
  }

  #tell(l: { readonly boot: number; readonly to: Signals }, say: (to: Signals) => void): void {
    this.#carry(l.boot, () => {
      if (this.#listeners.has(l)) say(l.to);
    });
  }
}
