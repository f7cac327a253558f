/** The values of a statement that is put together from parts. */
export class Params {
  readonly values: unknown[] = [];

  /** @returns its place in the text: `$1`. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}
