// Makes a failing sequence short: leaves out what it can, from whole batches to single numbers. fast-check's own shrinking
// does the same in minutes where this takes seconds, since it must keep every step of the way reproducible.

/** Nothing gets shorter than it is after so many tries. */
const triesMax = 1_500;

/** @returns a shorter one that still fails, the same when there is none. */
export async function shorten<T>(value: T, fails: (shorter: T) => Promise<boolean>): Promise<T> {
  let best = value;
  let tries = 0;
  for (let found = true; found;) {
    found = false;
    // A try that succeeds changes what there is to leave out: go on behind it, then look through all once more.
    for (let skip = 0; tries < triesMax;) {
      const candidate = nth(shorter(best), skip);
      if (candidate === undefined) break;
      tries += 1;
      if (await fails(candidate.value as T)) {
        best = candidate.value as T;
        found = true;
      } else skip += 1;
    }
  }
  return best;
}

function nth(list: Iterable<unknown>, n: number): { readonly value: unknown } | undefined {
  let at = 0;
  for (const value of list) if (at++ === n) return { value };
  return undefined;
}

/** Values that say less than this one, the boldest first. */
function* shorter(value: unknown, key = ""): Generator {
  if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--) yield value.toSpliced(i, 1);
    for (const [i, item] of value.entries()) for (const less of shorter(item)) yield value.with(i, less);
  } else if (typeof value === "object" && value !== null) {
    for (const [k, v] of Object.entries(value)) for (const less of shorter(v, k)) yield { ...value, [k]: less };
  } else if (value === true) yield false;
  // There is no lane 0.
  else if (typeof value === "number" && value !== 0 && key !== "lane") yield 0;
}
