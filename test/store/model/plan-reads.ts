import type { PlanTally, Store } from "../../../src/store/contract.ts";
import { childrenOf, type Disk } from "./disk.ts";

export function openPlanReads(disk: Disk): Store["plans"] {
  return {
    rows: ({ task, name, limit }) =>
      [...disk.rows.emits.values()]
        .filter((e) => e.task === task && e.name === name)
        .toSorted((a, b) => a.act - b.act)
        .slice(-limit)
        .map(({ act, value }) => ({ act, value })),
    tally({ parent, after, scope }) {
      const nodes: PlanTally[] = childrenOf(disk.rows, parent)
        .filter((c) => (c.row.act as number) > after && c.row.key?.startsWith(scope))
        .map(({ row }) => {
          const place = disk.rows.places.get(row.id);
          const [node] = (row.key as string).slice(scope.length).split(">") as [string];
          return { node, status: place?.in === "outcome" ? place.outcome.status : null, tasks: 1, act: row.act as number };
        });
      const alike = Map.groupBy(nodes, (n) => `${n.node}>${n.status}`);
      return [...alike.values()].map((list) => ({ ...(list[0] as PlanTally), tasks: list.length }));
    },
  };
}
