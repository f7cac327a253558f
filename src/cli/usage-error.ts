import type { ErrorJson } from "../core/error.ts";

/** What was typed cannot be meant. Printed in the same shape as every other error, without a code to look up. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly why: string;
  readonly fix: readonly string[];
  readonly more: string;

  constructor(title: string, o: { why?: string; fix?: readonly string[]; more?: string } = {}) {
    super(title);
    this.why = o.why ?? "";
    this.fix = o.fix ?? [];
    this.more = o.more ?? "flotilla --help";
  }

  toJSON(): ErrorJson {
    return { code: "USAGE", title: this.message, message: this.message, why: this.why, fix: this.fix };
  }
}
