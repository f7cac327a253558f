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

/** The definitions that `modules` export: by themselves, or as the default export that defineFleet gave. @throws ImportError */
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
    const definitions = Object.values(exported).flatMap(definitionsOf);
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

function definitionsOf(value: unknown): Definition[] {
  if (typeof value !== "object" || value === null) return [];
  const { kind, config } = value as { kind?: unknown; config?: { definitions?: readonly AnyCallable[] } };
  if (kind === "fleet") return (config?.definitions ?? []).flatMap(definitionsOf);
  const definition = (value as Partial<AnyCallable>)["~definition"];
  return definition ? [definition] : [];
}
