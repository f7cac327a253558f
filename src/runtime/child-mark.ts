import { FlotillaError } from "../core/error.ts";

const mark = Symbol.for("flotilla.child");

/** Called by a child process before it imports definitions. */
export function markChild(): void {
  (globalThis as { [mark]?: boolean })[mark] = true;
}

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
