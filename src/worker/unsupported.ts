import { notSupported } from "../core/not-supported.ts";

/** Throws at once, where it is written: better than a run that waits for ever. */
export function unsupported(what: string, instead: string): never {
  throw notSupported(what, instead);
}
