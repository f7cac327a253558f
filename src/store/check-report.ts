// What a look at every row of a store has found, types only.

export interface Finding {
  readonly what: string;
  readonly count: number;
  /** The first of them. */
  readonly examples: readonly string[];
  /** `--fix` mends it, because nothing can depend on it. */
  readonly mendable: boolean;
  /** `--fix` has. */
  readonly mended: boolean;
}

export interface CheckReport {
  readonly path: string;
  readonly findings: readonly Finding[];
  readonly looked: { readonly tasks: number; readonly artifacts: number };
}
