import { drainKeptMs, type BuildStore } from "../../../src/store/builds.ts";
import { count, inTransaction, type Disk } from "./disk.ts";
import { refuseStranger } from "./stranger.ts";

export function openBuilds(disk: Disk): BuildStore {
  return {
    read: () => ({
      builds: [...disk.rows.builds].map(([name, since]) => ({ name, since })),
      drains: [...disk.rows.drains.values()],
    }),
    drain({ boot, drain }) {
      inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        count(rows, "catalogue");
        for (const [key, d] of rows.drains) if (d.kind === "worker" && d.at < drain.at - drainKeptMs) rows.drains.delete(key);
        rows.drains.set(`${drain.kind}:${drain.name}`, drain);
      });
    },
    resume: ({ boot, build }) =>
      inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        count(rows, "catalogue");
        return rows.drains.delete(`build:${build}`);
      }),
    unfinished: (lanes) =>
      [...disk.rows.tasks.values()].some(
        ({ row }) => lanes.includes(row.lane) && (disk.rows.places.get(row.id)?.in ?? "outcome") !== "outcome",
      ),
  };
}
