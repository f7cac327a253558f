import type { Context } from "../context.ts";
import { plural } from "../text/format.ts";
import { nearPath } from "../text/near-path.ts";
import { failed, ok, warn } from "./check.ts";
import type { Check } from "./check.ts";

/** The definitions load, and a fleet would take them. */
export async function checkDefinitions(c: Context): Promise<Check> {
  const { findDefinitionFile, loadDefinitions } = await import("../../runtime/load.ts");
  let file: string;
  try {
    file = await findDefinitionFile({ file: c.globals.config, cwd: c.io.cwd });
  } catch (error) {
    const { status: _, ...found } = failed("definitions", error);
    return c.globals.config === undefined ? { ...found, status: "warn" } : { ...found, status: "fail" };
  }
  try {
    const { definitions, fleet } = await loadDefinitions(file);
    const { resolveFleet } = await import("../../runtime/config.ts");
    resolveFleet(fleet ?? { definitions }, { cwd: c.io.cwd, environment: c.io.env["FLOTILLA_ENV"] });
    const contracts = definitions.filter((d) => d.kind === "contract").length;
    const detail = `${plural(definitions.length, "definition")} in ${nearPath(file, c.io.cwd)}`;
    return contracts === definitions.length
      ? warn("definitions", `${detail}, contracts all: no code to run`, "add an agent or a workflow")
      : ok("definitions", detail);
  } catch (error) {
    return failed("definitions", error);
  }
}
