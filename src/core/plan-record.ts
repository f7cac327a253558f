// How an executed plan is kept: as emits of a reserved name in the task that executes it, so that it is a row of the
// journal, and an event of the run. Its nodes' states are those of their tasks, found by their keys; a note tells of what
// has no task: a node that was kept from an earlier plan or refused before it was asked, a map without items.
import { bounds } from "./bounds.ts";
import type { PlanNode } from "./plan.ts";

export const reservedMessages = "flotilla.";
export const planMessage = "flotilla.plan";
export const planNoteMessage = "flotilla.plan.note";

/** A node as recorded: `kept` is the scope of the plan that ran it; `cut` says that it is too large to be shown whole. */
export type RecordedNode = PlanNode & { readonly kept?: string; readonly cut?: true };

export interface PlanPart {
  /** The scope of its nodes' keys, such as `plan>`. */
  readonly plan: string;
  readonly result: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  readonly nodes: readonly RecordedNode[];
}
export interface PlanNote {
  readonly plan: string;
  readonly node: string;
  readonly status: "succeeded" | "failed";
  /** The scope of the plan that ran it. */
  readonly kept?: string;
  readonly error?: { readonly code: string; readonly message: string };
}
/** Left for what stands around the nodes in an emit. */
const room = bounds.emitBytes - 1_024;

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length + 1;
}

/** A plan in as few emits as hold it. */
export function planParts(plan: string, result: string, nodes: readonly RecordedNode[]): readonly PlanPart[] {
  const groups: RecordedNode[][] = [];
  let left = 0;
  for (const given of nodes) {
    const node = bounded(given);
    const bytes = bytesOf(node);
    if (bytes > left) {
      groups.push([]);
      left = room;
    }
    groups.at(-1)?.push(node);
    left -= bytes;
  }
  return groups.map((group, i) => ({ plan, result, part: i + 1, parts: groups.length, nodes: group }));
}

/** Its task has its input. */
function bounded(node: RecordedNode): RecordedNode {
  if (bytesOf(node) <= room) return node;
  const target = "map" in node ? { map: node.map, items: [] } : { call: node.call, input: null };
  return { id: node.id, ...target, ...(node.kept === undefined ? {} : { kept: node.kept }), cut: true };
}
