// The names under which a task's acts are stored: (parent, key) is unique. A key never holds a position, because the
// order in which siblings finish must not matter. Scopes are joined by `>`, the second and later of equals get `#2`,
// `#3` ...; what a person wrote is escaped, so no two different asks ever meet in one key.
import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";

/** Room for the hash that stands in for the rest of a key that many nested scopes made too long. */
const hashRoom = 24;

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
  /** Set by `cancel()`: later asks in this scope are refused. */
  canceled: string | undefined;
  /** Draws of random numbers since the delivery `drawsAt`. */
  draws = 0;
  drawsAt = -1;
  #seen: Map<string, number> | undefined;

  readonly path: string;
  readonly parent: Scope | undefined;

  constructor(path: string, parent: Scope | undefined) {
    this.path = path;
    this.parent = parent;
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

  opened(act: number): void {
    if (this.parent) (this.#open ??= new Set()).add(act);
  }

  closed(act: number): void {
    this.#open?.delete(act);
  }

  /** Open children here and below. */
  *openBelow(): Generator<number> {
    if (this.#open) yield* this.#open;
    for (const scope of this.#nested ?? []) yield* scope.openBelow();
  }

  cancel(reason: string): void {
    this.canceled = reason;
    for (const scope of this.#nested ?? []) scope.cancel(reason);
  }
}
