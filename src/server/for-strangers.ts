import { errorJson, FlotillaError, isFlotillaError, type ErrorJson } from "../core/error.ts";

const inTheLog = "the log of the orchestrator says more";

/** An error as somebody across the network may see it: without causes, and without what names files and addresses of ours. */
export function forStrangers(thrown: unknown): Error {
  if (!isFlotillaError(thrown)) return new Error(`it failed for a reason of its own; ${inTheLog}`);
  const path = "the store of the fleet";
  switch (thrown.code) {
    case "FLOTILLA_STORE_FULL":
      return new FlotillaError(thrown.code, { path });
    case "FLOTILLA_STORE_LOCKED":
      return new FlotillaError(thrown.code, { path, pid: null });
    case "FLOTILLA_STORE_NEWER":
      return new FlotillaError(thrown.code, { ...thrown.details, path });
    case "FLOTILLA_STORE_UNUSABLE":
      return new FlotillaError(thrown.code, { path, problem: inTheLog, fix: "ask whoever runs the fleet" });
    case "FLOTILLA_STORE_UNREACHABLE":
      return new FlotillaError(thrown.code, { path, problem: inTheLog });
    case "FLOTILLA_UNREACHABLE": {
      // A path or an address, or words of ours.
      const { target } = thrown.details;
      return new FlotillaError(thrown.code, { target: /[/:\\]/.test(target) ? "a part of the fleet" : target });
    }
    case "FLOTILLA_DEFINITION_UNREADABLE":
      return new FlotillaError(thrown.code, {
        file: "a file of the fleet",
        problem: inTheLog,
        fix: "ask whoever runs the fleet",
      });
    default:
      return new FlotillaError(thrown.code, thrown.details, { where: thrown.where });
  }
}

/** The same as it travels. Stacks stay inside: they name files of the server. */
export function jsonForStrangers(thrown: unknown): ErrorJson {
  const { stack: _, ...error } = errorJson(forStrangers(thrown));
  return error;
}
