import { FlotillaError } from "../core/error.ts";

/** Throws at once, where it is written: better than a run that waits for ever. */
export function unsupported(what: string, instead: string): never {
  throw new FlotillaError("FLOTILLA_NOT_SUPPORTED", { what: `${what} comes in a later version`, instead });
}
