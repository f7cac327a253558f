// A GitHub workflow or action as its YAML tree says it, with lines.

import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

export interface Step {
  readonly uses: string | null;
  readonly usesLine: number;
  readonly run: string | null;
  readonly runLine: number;
  readonly ref: string | null;
}

export interface Job {
  readonly name: string;
  readonly line: number;
  readonly hasTimeout: boolean;
  /** Calls another workflow, which has its own jobs. */
  readonly reusable: string | null;
  readonly permissions: string | null;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly triggers: readonly string[];
  /** `write-all`, `read-all`, `set` when listed one by one, null when absent. */
  readonly permissions: string | null;
  readonly permissionsLine: number;
  readonly jobs: readonly Job[];
}

export class UnparsableYamlError extends Error {
  readonly code = "UNPARSABLE_YAML";
}

const indentMax = 400;

export function readWorkflow(path: string, text: string): Workflow {
  // The parser recurses: a file nested deeper than anybody writes is refused before.
  if (text.split("\n").some((line) => /^[\s-]*/.exec(line)![0].length > indentMax || /[[{]{100,}/.test(line))) {
    throw new UnparsableYamlError(`${path} cannot be parsed: nested too deep`);
  }
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: "silent", strict: false, uniqueKeys: false });
  const [error] = document.errors;
  if (error !== undefined && document.contents === null)
    throw new UnparsableYamlError(`${path} cannot be parsed: ${error.message}`);

  const lineOf = (node: unknown): number => {
    const range = (node as Node | null | undefined)?.range;
    return range === null || range === undefined ? 1 : counter.linePos(range[0]).line;
  };
  const child = (map: unknown, key: string): unknown => (isMap(map) ? map.get(key, true) : undefined);
  const scalar = (node: unknown): string | null => (isScalar(node) && node.value !== null ? String(node.value) : null);
  const entries = (map: unknown): (readonly [string, unknown, number])[] =>
    isMap(map)
      ? map.items.map((pair) => [String(isScalar(pair.key) ? pair.key.value : pair.key), pair.value, lineOf(pair.key)] as const)
      : [];
  const permissionsOf = (map: unknown): string | null => {
    const node = child(map, "permissions");
    return node === undefined ? null : (scalar(node) ?? "set");
  };
  const stepsOf = (owner: unknown): Step[] => {
    const steps = child(owner, "steps");
    return (isSeq(steps) ? steps.items : []).map((step) => {
      const uses = child(step, "uses");
      const run = child(step, "run") ?? child(child(step, "with"), "script");
      return {
        uses: scalar(uses),
        usesLine: lineOf(uses),
        run: scalar(run),
        runLine: lineOf(run),
        ref: scalar(child(child(step, "with"), "ref")),
      };
    });
  };

  const root = document.contents;
  // YAML 1.1 readers turn the key `on` into true; this one does not, but people quote it.
  const on = child(root, "on") ?? child(root, "true");
  const triggers =
    scalar(on) !== null
      ? [scalar(on) ?? ""]
      : isSeq(on)
        ? on.items.map((item) => scalar(item) ?? "")
        : entries(on).map(([name]) => name);
  const jobs = entries(child(root, "jobs")).map(([name, job, line]): Job => ({
    name,
    line,
    hasTimeout: child(job, "timeout-minutes") !== undefined,
    reusable: scalar(child(job, "uses")),
    permissions: permissionsOf(job),
    steps: stepsOf(job),
  }));
  const composite = child(root, "runs");
  if (composite !== undefined)
    jobs.push({
      name: "runs",
      line: lineOf(composite),
      hasTimeout: true,
      reusable: null,
      permissions: "set",
      steps: stepsOf(composite),
    });
  return { triggers, permissions: permissionsOf(root), permissionsLine: lineOf(child(root, "permissions")), jobs };
}
