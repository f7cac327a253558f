// The package ships no types.
declare module "spdx-expression-parse" {
  interface Licence {
    readonly license: string;
    readonly plus?: true;
    readonly exception?: string;
  }
  interface Conjunction {
    readonly left: Expression;
    readonly conjunction: "and" | "or";
    readonly right: Expression;
  }
  export type Expression = Licence | Conjunction;
  /** Throws when the text is no SPDX expression. */
  export default function parse(source: string): Expression;
}
