import { FlotillaError } from "../core/error.ts";

/** A child process sets it before it imports definitions. */
const mark = Symbol.for("flotilla.child");

/**
 * A module that a child imports must only define: one that opens a fleet would start children of its own, and they
 * theirs, without end.
 */
export function refuseInChild(): void {
  if (!(globalThis as { [mark]?: boolean })[mark]) return;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "fleet.modules",
    problem: "createFleet() was called while a child process imported this module",
    fix: "keep agents and workflows in a file of their own, and name that file in modules",
  });
}
