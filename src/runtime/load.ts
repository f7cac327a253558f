import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { FleetDefinition } from "../client/fleet-definition.ts";
import type { AnyCallable } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { isCallable } from "./definitions.ts";
import { unreadable } from "./unreadable.ts";

export interface Loaded {
  /** Absolute path. */
  readonly file: string;
  /** The default export, when it is a `defineFleet(...)`. */
  readonly fleet: FleetDefinition<readonly AnyCallable[]> | null;
  /** The fleet's definitions; without one, every definition that the file exports. */
  readonly definitions: readonly AnyCallable[];
}

const configNames = ["flotilla.config.ts", "flotilla.config.js", "flotilla.config.mjs"];

/**
 * Where the definitions are: the file that was named, else flotilla.config.ts | js | mjs in `cwd`, else what the field
 * "flotilla" of its package.json names. Absolute.
 * @throws FLOTILLA_DEFINITION_UNREADABLE when there is none, with what to create.
 */
export async function findDefinitionFile(o: { file?: string | undefined; cwd: string }): Promise<string> {
  if (o.file !== undefined) return existing(resolve(o.cwd, o.file), "check the path; it starts from the current folder");
  for (const name of configNames) {
    const file = join(o.cwd, name);
    if (existsSync(file)) return file;
  }
  const named = await packageField(o.cwd);
  if (named !== undefined) return existing(resolve(o.cwd, named), 'correct the field "flotilla" of package.json');
  throw new FlotillaError("FLOTILLA_DEFINITION_UNREADABLE", {
    file: o.cwd,
    problem: `there is no ${configNames.join(", ")} and no field "flotilla" in package.json`,
    fix: "create flotilla.config.ts: export default defineFleet({ definitions: [...] }), or name a file: --config FILE",
  });
}

function existing(file: string, fix: string): string {
  if (existsSync(file)) return file;
  throw new FlotillaError("FLOTILLA_DEFINITION_UNREADABLE", { file, problem: "there is no such file", fix });
}

async function packageField(cwd: string): Promise<string | undefined> {
  const file = join(cwd, "package.json");
  if (!existsSync(file)) return undefined;
  try {
    const { flotilla } = JSON.parse(await readFile(file, "utf8")) as { flotilla?: unknown };
    return typeof flotilla === "string" ? flotilla : undefined;
  } catch (cause) {
    throw new FlotillaError(
      "FLOTILLA_DEFINITION_UNREADABLE",
      { file, problem: "it is not JSON", fix: "correct package.json" },
      { cause },
    );
  }
}

/**
 * Imports a file of definitions.
 * @throws FLOTILLA_DEFINITION_UNREADABLE with the fix, when Node cannot import it or it exports no definition.
 */
export async function loadDefinitions(file: string): Promise<Loaded> {
  const exports = await importFile(file);
  const fleet = isFleetDefinition(exports["default"]) ? exports["default"] : null;
  const definitions = fleet ? fleet.config.definitions : [...new Set(Object.values(exports).filter(isCallable))];
  if (definitions.length > 0) return { file, fleet, definitions };
  throw new FlotillaError("FLOTILLA_DEFINITION_UNREADABLE", {
    file,
    problem: "it exports no agent and no workflow",
    fix: "export const greet = agent({ ... }), or export default defineFleet({ definitions: [greet] })",
  });
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw unreadable(error, file);
  }
}

function isFleetDefinition(value: unknown): value is FleetDefinition<readonly AnyCallable[]> {
  const fleet = value as { kind?: unknown; config?: { definitions?: unknown } } | null | undefined;
  return typeof fleet === "object" && fleet?.kind === "fleet" && Array.isArray(fleet.config?.definitions);
}
