import { FlotillaError } from "./error.ts";

/** @param what the call, as it is written. @param instead what to do in this version. */
export function notSupported(what: string, instead: string): FlotillaError<"FLOTILLA_NOT_SUPPORTED"> {
  return new FlotillaError("FLOTILLA_NOT_SUPPORTED", { what: `${what} is not in this version`, instead });
}
