/** What a history can break; reference names of the invariants in parentheses. */
export const promises = {
  lost: "an accepted task is lost (I1)",
  second: "a task has a second outcome (I2)",
  fenced: "a fenced attempt changed state (I3)",
  gates: "a gate's count is wrong (I5)",
  unfinished: "a task does not go on (I6)",
  forgotten: "something acknowledged is gone (I7)",
  repeated: "a long task is repeated without need",
  damaged: "the file contradicts itself",
} as const;
export type Promised = keyof typeof promises;

/** Broken promises, each with what shows it. */
export class Findings {
  readonly #found: { readonly promise: Promised; readonly what: string }[] = [];

  add(promise: Promised, what: string): void {
    this.#found.push({ promise, what });
  }
  addAll(other: Findings, where: string): void {
    for (const f of other.#found) this.add(f.promise, `${where}: ${f.what}`);
  }
  count(promise: Promised): number {
    return this.#found.filter((f) => f.promise === promise).length;
  }
  get lines(): string[] {
    return this.#found.map((f) => `${promises[f.promise]}: ${f.what}`);
  }
}
