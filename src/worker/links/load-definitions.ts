import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyCallable, Definition } from "../../core/definition.ts";
import { FlotillaError } from "../../core/error.ts";

/** An import that failed, and of which file. */
export class ImportError extends Error {
  readonly file: string;
  constructor(file: string, cause: unknown) {
    super(`cannot import ${file}`, { cause });
    this.file = file;
  }
}

/** The definitions of `modules`: of the fleet that is a file's default export, else all that it exports. @throws ImportError */
export async function loadDefinitions(modules: readonly string[]): Promise<Definition[]> {
  const byName = new Map<string, Definition>();
  for (const module of modules) {
    const found = await importOne(module);
    for (const definition of found) {
      const other = byName.get(definition.name);
      if (other && other !== definition)
        throw new ImportError(module, new FlotillaError("FLOTILLA_DUPLICATE_NAME", { name: definition.name }));
      byName.set(definition.name, definition);
    }
  }
  return [...byName.values()];
}

async function importOne(module: string): Promise<Definition[]> {
  try {
    const url = /^[a-z]{2,}:/.test(module) ? module : pathToFileURL(resolve(module)).href;
    const exported = (await import(url)) as Record<string, unknown>;
    // A file whose default export is a fleet offers that fleet: the same rule as where the fleet is opened.
    const fleet = fleetOf(exported["default"]);
    const definitions = (fleet ?? Object.values(exported)).flatMap(definitionOf);
    if (definitions.length > 0) return definitions;
  } catch (e) {
    throw new ImportError(module, e);
  }
  throw new ImportError(
    module,
    new FlotillaError("FLOTILLA_DEFINITION_UNREADABLE", {
      file: module,
      problem: "it exports no agent and no workflow",
      fix: "export const review = agent({ ... })",
    }),
  );
}

function fleetOf(value: unknown): readonly unknown[] | undefined {
  const fleet = value as { kind?: unknown; config?: { definitions?: readonly unknown[] } } | null | undefined;
  return typeof fleet === "object" && fleet?.kind === "fleet" ? (fleet.config?.definitions ?? []) : undefined;
}

function definitionOf(value: unknown): Definition[] {
  if (typeof value !== "object" || value === null) return [];
  const definition = (value as Partial<AnyCallable>)["~definition"];
  return definition ? [definition] : [];
}
