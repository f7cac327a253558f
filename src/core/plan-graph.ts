// What a plan's nodes need of each other: circles, depth, and the critical path.
import { durationMs } from "./duration.ts";
import { inputOf, isMapNode, type PlanNode } from "./plan.ts";
import { refsIn } from "./plan-refs.ts";

/** By id: the ids that a node uses or comes after, each once, in the order in which they stand. */
export type Needs = ReadonlyMap<string, readonly string[]>;

/** Of nodes that have passed their check of shape. Names that are no node are left out. */
export function needsOf(nodes: readonly PlanNode[]): Needs {
  const ids = new Set(nodes.map((node) => node.id));
  return new Map(
    nodes.map((node) => {
      const used = refsIn(inputOf(node), "").map(({ ref }) => ref.$node);
      return [node.id, [...new Set([...used, ...(node.after ?? [])])].filter((id) => ids.has(id))];
    }),
  );
}

/** By id: who needs it, in the order of the plan. */
export function dependentsOf(needs: Needs): Needs {
  const dependents = new Map<string, string[]>([...needs.keys()].map((id) => [id, []]));
  for (const [id, needed] of needs) for (const other of needed) dependents.get(other)?.push(id);
  return dependents;
}

/** Needed nodes first; nodes of a circle, and what needs them, are not in it. */
export function orderOf(needs: Needs): readonly string[] {
  const dependents = dependentsOf(needs);
  const open = new Map([...needs].map(([id, needed]) => [id, needed.length]));
  const order = [...needs.keys()].filter((id) => open.get(id) === 0);
  for (const id of order) {
    for (const dependent of dependents.get(id) ?? []) {
      const left = (open.get(dependent) as number) - 1;
      open.set(dependent, left);
      if (left === 0) order.push(dependent);
    }
  }
  return order;
}

/** Circles that share no node, each as its ids in order: every one needs the next, and the last the first. */
export function circlesOf(needs: Needs): readonly (readonly string[])[] {
  const circles: (readonly string[])[] = [];
  // One that hides behind another shows when that one is taken away.
  for (let rest = needs, circle = circleIn(rest); circle; circle = circleIn(rest)) {
    circles.push(circle);
    const gone = new Set(circle);
    rest = new Map(
      [...rest].filter(([id]) => !gone.has(id)).map(([id, needed]) => [id, needed.filter((other) => !gone.has(other))]),
    );
  }
  return circles;
}

function circleIn(needs: Needs): readonly string[] | undefined {
  const free = new Set(orderOf(needs));
  const way: string[] = [];
  const places = new Map<string, number>();
  // Whatever is not free needs something that is not free: from anywhere among them the way leads into a circle.
  let id = [...needs.keys()].find((one) => !free.has(one));
  while (id !== undefined) {
    const place = places.get(id);
    if (place !== undefined) return way.slice(place);
    places.set(id, way.length);
    way.push(id);
    id = needs.get(id)?.find((other) => !free.has(other));
  }
  return undefined;
}

/** The most nodes in a row. Of needs without circles. */
export function depthOf(needs: Needs): number {
  return Math.max(0, ...pathsFrom(needs, () => 1).values());
}

/**
 * By id: how much lies between a node's start and the end of the plan along the longest way, itself counted. Every node
 * counts 1; when estimates are given, those count, and nodes without one count their mean.
 */
export function remainingOf(nodes: readonly PlanNode[], needs: Needs): ReadonlyMap<string, number> {
  const estimates = new Map<string, number>();
  for (const node of nodes) if (node.estimate !== undefined) estimates.set(node.id, durationMs(node.estimate, "estimate"));
  const mean = [...estimates.values()].reduce((sum, ms) => sum + ms, 0) / estimates.size;
  return pathsFrom(needs, (id) => (estimates.size === 0 ? 1 : (estimates.get(id) ?? mean)));
}

function pathsFrom(needs: Needs, weight: (id: string) => number): Map<string, number> {
  const remaining = new Map<string, number>();
  const dependents = dependentsOf(needs);
  for (const id of orderOf(needs).toReversed()) {
    const rest = (dependents.get(id) ?? []).map((d) => remaining.get(d) ?? 0);
    remaining.set(id, weight(id) + Math.max(0, ...rest));
  }
  return remaining;
}

/** Tasks that a plan asks for: what its maps over results will hold is not known and counts nothing. */
export function tasksOf(nodes: readonly PlanNode[]): { readonly tasks: number; readonly open: boolean } {
  let tasks = 0;
  let open = false;
  for (const node of nodes) {
    if (!isMapNode(node)) tasks++;
    else if (Array.isArray(node.items)) tasks += node.items.length;
    else open = true;
  }
  return { tasks, open };
}
