import type { ReadyRow, Store } from "../../../src/store/contract.ts";
import { add, count, inTransaction, type Disk } from "./disk.ts";
import { refuseStranger } from "./stranger.ts";
import { readyRow } from "./tasks.ts";

export function openCatalogue(disk: Disk): Store["catalogue"] {
  return {
    read: () => ({ definitions: [...disk.rows.definitions.values()], lanes: [...disk.rows.lanes.values()] }),
    defineAll({ boot, definitions, lanes }) {
      inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        count(rows, "catalogue", definitions.length + lanes.length > 0 ? 1 : 0);
        for (const d of definitions) {
          const known = [...rows.definitions.values()].find((r) => r.namespace === d.namespace && r.name === d.name);
          if (known) rows.definitions.set(known.id, { ...known, card: d.card });
          else add(rows.definitions, d.id, d);
        }
        const like = (l: object) => JSON.stringify({ ...l, id: 0 });
        for (const l of lanes)
          if (!rows.lanes.has(l.id) && ![...rows.lanes.values()].some((r) => like(r) === like(l))) rows.lanes.set(l.id, l);
      });
    },
    joined({ id, boot, name, build, now }) {
      inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        if (!rows.builds.has(build)) count(rows, "catalogue");
        if (!rows.builds.has(build)) rows.builds.set(build, Math.max(now, ...[...rows.builds.values()].map((at) => at + 1)));
        add(rows.workers, id, { name });
      });
    },
    // Nothing that a reader of the contract sees changes.
    left: ({ boot }) => refuseStranger(disk.rows, boot),
    release({ boot, now }) {
      return inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        const released: ReadyRow[] = [];
        for (const [task, place] of rows.places) {
          if (place.in !== "held") continue;
          const { leaseNo, attempt, crashes, alone } = place;
          rows.places.set(task, { in: "ready", leaseNo, attempt, crashes, alone, since: now });
          released.push(readyRow(rows, task));
        }
        return released;
      });
    },
    workerNames: (ids) =>
      new Map(
        ids.flatMap((id): [number, string][] => {
          const worker = disk.rows.workers.get(id);
          return worker ? [[id, worker.name]] : [];
        }),
      ),
  };
}
