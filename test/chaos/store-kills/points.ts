// Named moments in a store's life at which its process can be made to kill itself.
import { DatabaseSync, StatementSync } from "node:sqlite";

export const points = [
  "while it opens",
  "before a transaction",
  "inside a transaction",
  "before COMMIT",
  "after COMMIT, before it is acknowledged",
  "after it is acknowledged",
  "after a checkpoint",
] as const;
export type Point = (typeof points)[number];

const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  // The signal comes with the return from the system call at the latest.
  for (;;);
};

/** Dies at the `nth` time that the point is reached. @returns what the process calls after each acknowledgement */
export function dieAt(point: Point, nth: number): () => void {
  let left = nth;
  const reached = (at: Point): void => {
    if (at === point && --left <= 0) die();
  };
  const { run } = StatementSync.prototype;
  StatementSync.prototype.run = function (this: StatementSync, ...values: Parameters<typeof run>) {
    const sql = this.sourceSQL;
    if (sql === "BEGIN IMMEDIATE") reached("before a transaction");
    else if (sql === "COMMIT") reached("before COMMIT");
    else reached("inside a transaction");
    const result = run.apply(this, values);
    if (sql === "COMMIT") reached("after COMMIT, before it is acknowledged");
    return result;
  } as typeof run;
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    const result = exec.call(this, sql);
    reached(sql.startsWith("PRAGMA wal_checkpoint") ? "after a checkpoint" : "while it opens");
    return result;
  };
  return () => reached("after it is acknowledged");
}
