// The JavaScript and TypeScript parser, behind a guard: its recursion is native, so that input nested too deep would end
// the process instead of throwing.

import { parseSync, type ParseResult } from "oxc-parser";

// The native parser overflows its stack at 8,000 open brackets or 40,000 operators in a row; both bounds keep well clear.
const bracketsMax = 1_000;
const spanMax = 20_000;

export class UnparsableSourceError extends Error {
  readonly code = "UNPARSABLE_SOURCE";
  readonly path: string;
  constructor(path: string, why: string) {
    super(`${path} cannot be parsed: ${why}`);
    this.path = path;
  }
}

function assertParsable(path: string, text: string): void {
  let depth = 0;
  let spanStart = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    // ( [ { open, ) ] } close; `;` `,` and line ends close a span as braces do.
    if (char === 40 || char === 91 || char === 123) depth += 1;
    else if ((char === 41 || char === 93 || char === 125) && depth > 0) depth -= 1;
    if (char === 59 || char === 44 || char === 123 || char === 125) {
      spanStart = at;
    } else if (at - spanStart > spanMax) {
      throw new UnparsableSourceError(path, `an expression longer than ${spanMax} characters`);
    }
    if (depth > bracketsMax) throw new UnparsableSourceError(path, `brackets nested deeper than ${bracketsMax}`);
  }
}

export function parseSource(path: string, text: string): ParseResult {
  assertParsable(path, text);
  const result = parseSync(path, text, {
    sourceType: path.endsWith(".cjs") || path.endsWith(".cts") ? "commonjs" : "unambiguous",
  });
  // Plain .js often holds JSX; try again as such before giving up.
  if (result.errors.length > 0 && /\.[cm]?js$/.test(path)) {
    const retried = parseSync(path, text, { lang: "jsx", sourceType: "unambiguous" });
    if (retried.errors.length === 0) return retried;
  }
  return result;
}

/** Turns offsets into 1-based lines. */
export function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
