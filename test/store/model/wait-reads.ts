import type { Store, WaitRow } from "../../../src/store/contract.ts";
import { name, type Disk, type Wait } from "./disk.ts";

export function openWaitReads(disk: Disk): Pick<Store["tasks"], "waits" | "wait" | "approvals"> {
  const open = () => [...disk.rows.waits.values()].filter((x) => x.endedAt === null);
  return {
    waits: ({ task, limit }) =>
      open()
        .filter((x) => x.task === task)
        .toSorted((a, b) => a.act - b.act)
        .slice(0, limit)
        .map(waitRow),
    wait({ task, act }) {
      const found = disk.rows.waits.get(name(task, act));
      return found ? waitRow(found) : null;
    },
    approvals: ({ namespace, after, limit }) =>
      open()
        .filter((x) => disk.rows.tasks.get(x.task)?.row.namespace === namespace)
        .filter((x) => x.kind === "approval" && (after === null || order(x, after) > 0))
        .toSorted(order)
        .slice(0, limit)
        .map(waitRow),
  };
}

type Place = Pick<WaitRow, "begunAt" | "task" | "act">;
function order(a: Place, b: Place): number {
  return a.begunAt - b.begunAt || a.task - b.task || a.act - b.act;
}

function waitRow({ task, act, kind, name: what, detail, begunAt, dueAt, endedAt, value, error }: Wait): WaitRow {
  return { task, act, kind, name: what, detail, begunAt, dueAt, endedAt, value, error };
}
