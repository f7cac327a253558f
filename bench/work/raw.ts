// What the machine itself allows: the least that a durable queue has to write, on node:sqlite, with nothing around it.
import { DatabaseSync } from "node:sqlite";

export type Durability = "power" | "process";

export interface RawQueue {
  insert(from: number, count: number): void;
  claim(count: number): number[];
  complete(ids: readonly number[]): void;
  close(): void;
}

/** About what a small task carries. */
export const payload = JSON.stringify({ path: "src/orchestrator/dispatch.ts", bytes: 4_812, commit: "9f3c1d2ab47e" });
const result = JSON.stringify({ ok: true, findings: [] });

/**
 * A queue in four tables: wide rows that are written once, narrow ones that come and go. Each call is one commit. A claim
 * moves the task to `running`: a queue that forgot what it had handed out would lose it with the process.
 */
export function openRaw(path: string, durability: Durability): RawQueue {
  const db = new DatabaseSync(path);
  db.exec(`
    pragma journal_mode = wal;
    pragma synchronous = ${durability === "power" ? "full" : "normal"};
    create table task (id integer primary key, input text not null) strict;
    create table ready (id integer primary key) strict;
    create table running (id integer primary key, worker integer not null) strict;
    create table outcome (id integer primary key, status integer not null, value text) strict;
  `);
  const insertTask = db.prepare("insert into task (id, input) values (?, ?)");
  const insertReady = db.prepare("insert into ready (id) values (?)");
  const claim = db.prepare("delete from ready where id in (select id from ready order by id limit ?) returning id");
  const input = db.prepare("select input from task where id = ?");
  const hold = db.prepare("insert into running (id, worker) values (?, 1)");
  const release = db.prepare("delete from running where id = ?");
  const complete = db.prepare("insert into outcome (id, status, value) values (?, 0, ?)");
  const inTransaction = (work: () => void): void => {
    db.exec("begin immediate");
    work();
    db.exec("commit");
  };
  return {
    insert(from, count) {
      inTransaction(() => {
        for (let id = from; id < from + count; id++) {
          insertTask.run(id, payload);
          insertReady.run(id);
        }
      });
    },
    claim(count) {
      const ids: number[] = [];
      inTransaction(() => {
        for (const row of claim.all(count)) ids.push(row["id"] as number);
        // a claim that does not know the input could not run it
        for (const id of ids) {
          input.get(id);
          hold.run(id);
        }
      });
      return ids;
    },
    complete(ids) {
      inTransaction(() => {
        for (const id of ids) {
          if (release.run(id).changes === 1) complete.run(id, result);
        }
      });
    },
    close: () => db.close(),
  };
}
