// The names under which a task's acts are stored: (parent, key) is unique. A key never holds a position, because the
// order in which siblings finish must not matter. Scopes are joined by `>`, the second and later of equals get `#2`,
// `#3` ...; what a person wrote is escaped, so no two different asks ever meet in one key.
import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";

/** Room for the hash that stands in for the rest of a key that many nested scopes made too long. */
const hashRoom = 24;

/** Times that canceled code is refused in one scope: beyond it, it is a loop that catches everything. */
const refusalsMax = 1_000;

export function writtenKey(key: string, where: string): string {
  if (key.length > bounds.keyLength) {
    throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the key", bytes: key.length, max: bounds.keyLength }, { where });
  }
  return /[>#\\]/.test(key) ? key.replace(/[>#\\]/g, "\\$&") : key;
}

/** `#` is escaped in written keys, so a default key equals none of them. */
export function defaultKey(name: string, inputHash: string): string {
  return `${name}#${inputHash}`;
}

/** One key space of a workflow's code: the root, a `ctx.scope`, an item of `ctx.each`. */
export class Scope {
  /** Acts of the children asked here that have not settled; the root keeps none, its whole task is canceled. */
  #open: Set<number> | undefined;
  #nested: Scope[] | undefined;
  #canceled: string | undefined;
  #refusals = 0;
  #refusing = false;
  refusal: FlotillaError | undefined;
  /** Draws of random numbers since the delivery `drawsAt`. */
  draws = 0;
  drawsAt = -1;
  #seen: Map<string, number> | undefined;

  readonly path: string;
  readonly parent: Scope | undefined;
  /** Inside a `ctx.shield`: a cancel of the task leaves it alone. */
  readonly isShielded: boolean;

  constructor(path: string, parent: Scope | undefined, isShielded = parent?.isShielded ?? false) {
    this.path = path;
    this.parent = parent;
    this.isShielded = isShielded;
    if (parent) (parent.#nested ??= []).push(this);
  }

  /** The full key of an ask; counts it. */
  key(base: string): string {
    const seen = (this.#seen ??= new Map<string, number>());
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    const full = count === 1 ? this.path + base : `${this.path}${base}#${count}`;
    return full.length <= bounds.keyLength ? full : `${full.slice(0, bounds.keyLength - hashRoom)}~${shortHash(full)}`;
  }

  /** A scope inside this one. Equal names get ordinals as asks do. */
  inner(base: string): Scope {
    return new Scope(`${this.key(base)}>`, this);
  }

  /** Whether it is that scope, or one inside it. */
  isIn(outer: Scope): boolean {
    return this === outer || (this.parent?.isIn(outer) ?? false);
  }

  shielded(): Scope {
    return new Scope(`${this.key("shield")}>`, this, true);
  }

  opened(act: number): void {
    if (this.parent) (this.#open ??= new Set()).add(act);
  }

  closed(act: number): void {
    this.#open?.delete(act);
  }

  /** Open asks here and below, but not those that a shield protects. */
  *openBelow(): Generator<number> {
    if (this.#open) yield* this.#open;
    for (const scope of this.#nested ?? []) if (this.isShielded || !scope.isShielded) yield* scope.openBelow();
  }

  /**
   * Counts a refusal of canceled code. @returns true when there were too many: a loop that asks on in spite of it is met
   * with silence, or it would never end. What is asked in one go, as the items of a map are, counts once.
   */
  isSilent(): boolean {
    // Counted where it was canceled: a loop may make a scope of its own each time.
    if (this.#canceled === undefined && this.parent && this.isShielded === this.parent.isShielded) return this.parent.isSilent();
    if (!this.#refusing) {
      this.#refusing = true;
      this.#refusals++;
      queueMicrotask(() => (this.#refusing = false));
    }
    return this.#refusals > refusalsMax;
  }

  /** Set by `cancel()`, here or above: later asks are refused. A shield begins anew. */
  get canceled(): string | undefined {
    if (this.#canceled !== undefined) return this.#canceled;
    const { parent } = this;
    return parent && this.isShielded === parent.isShielded ? parent.canceled : undefined;
  }

  cancel(reason: string): void {
    this.#canceled = reason;
  }
}
