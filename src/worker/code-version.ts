import type { Definition } from "../core/definition.ts";
import { shortHash } from "../core/hash.ts";

/**
 * What identifies a workflow's code: its name and, where one is declared, its `version`; else the source text of `run` and
 * its schemas. Spaces and line breaks do not count, so a formatter changes nothing; comments and whatever a bundler makes
 * of it do. Functions that `run` calls and values that it closes over are not in its text: whoever changes those declares
 * a `version`. What is the same by mistake is caught by the workflow's history when its calls differ.
 */
export function codeVersion(d: Definition, schemas: readonly [input: unknown, output: unknown]): string | undefined {
  if (d.kind !== "workflow" || !d.run) return undefined;
  const code = d.version === "" ? [sourceOf(d.run), ...schemas] : [d.version];
  return shortHash(JSON.stringify([d.name, ...code]));
}

function sourceOf(run: unknown): string {
  return Function.prototype.toString.call(run).replaceAll(/\s+/g, " ");
}
