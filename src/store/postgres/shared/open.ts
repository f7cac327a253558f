import type { OutboxStore } from "../../outbox.ts";
import type { LifeRow, SharedStore } from "../../shared.ts";
import { listen, type ListenerParts } from "../listener.ts";
import { answerDetail, noticeKinds, questionDetail, writeNotices } from "../notices.ts";
import type { Notifier } from "../notifier.ts";
import type { Database } from "../sql.ts";
import { adopt } from "./adopt.ts";
import { dropNotices, look } from "./look.ts";
import { resign, sweep } from "./sweep.ts";

/** Columns that hold JSON. */
type Lists = "versions" | "lanes" | "names";

const storeNow = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/** What several orchestrators on one database do for each other. */
export function openShared(o: {
  readonly db: Database;
  readonly notifier: Pick<Notifier, "note">;
  readonly listener: ListenerParts;
  readonly leaseMs: number;
  readonly outbox: OutboxStore;
}): SharedStore {
  const { db, notifier, leaseMs } = o;
  return {
    outbox: o.outbox,
    leaseMs,
    async beat({ boot, load, roster }) {
      const beat = await db.row<{ alive: boolean; now: number }>(
        `WITH beat AS (UPDATE orchestrator SET expires_at = clock_timestamp() + $2 * interval '1 ms', workers = $3, slots = $4, busy = $5, versions = $6, lanes = $7, names = $8, roster = $9,
           beating_since = CASE WHEN expires_at < clock_timestamp() THEN clock_timestamp() ELSE beating_since END WHERE id = $1 RETURNING 1)
         SELECT EXISTS (SELECT 1 FROM beat) AS alive, ${storeNow} AS now`,
        [
          boot,
          leaseMs,
          load.workers,
          load.slots,
          load.busy,
          JSON.stringify(load.versions),
          JSON.stringify(load.lanes),
          JSON.stringify(load.names),
          roster,
        ],
      );
      return beat as NonNullable<typeof beat>;
    },
    look: (p) => look(db, p),
    noticed: ({ boot, ids }) => dropNotices(db, boot, ids),
    async ask(question) {
      const holder = await db.row<{ boot: number }>(
        "SELECT orchestrator AS boot FROM running WHERE task = $1 ORDER BY lease_no DESC LIMIT 1",
        [question.task],
      );
      if (!holder) return false;
      const detail = questionDetail(question);
      const notice = { boot: holder.boot, kind: noticeKinds.question, task: question.task } as const;
      const told = await writeNotices(db, [{ ...notice, leaseNo: null, seq: null, act: null, detail }]);
      notifier.note({ boots: told });
      return told.length > 0;
    },
    async answer(p) {
      const notice = { boot: p.to, kind: noticeKinds.answer, task: null, leaseNo: null, seq: null, act: null } as const;
      notifier.note({ boots: await writeNotices(db, [{ ...notice, detail: answerDetail(p) }]) });
    },
    async adopt(p) {
      const { adopted, told } = await adopt(db, p);
      notifier.note({ boots: told });
      return adopted;
    },
    async sweep(p) {
      const swept = await sweep(db, leaseMs, p);
      notifier.note({ lanes: new Set(swept.ready.map((r) => r.lane)) });
      return swept;
    },
    async resign(p) {
      const { ready } = await resign(db, p);
      notifier.note({ lanes: new Set(ready.map((r) => r.lane)) });
    },
    async lives() {
      const rows = await db.rows<Omit<LifeRow, Lists> & Readonly<Record<Lists, string>>>(
        `SELECT id AS boot, pid, host, version, started_at AS "startedAt", workers, slots, busy, versions, lanes, names,
           (extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAt" FROM orchestrator ORDER BY id`,
      );
      return rows.map((life) => ({
        ...life,
        versions: JSON.parse(life.versions) as string[],
        lanes: JSON.parse(life.lanes) as number[],
        names: JSON.parse(life.names) as string[],
      }));
    },
    rosters: () => db.rows("SELECT id AS boot, roster FROM orchestrator WHERE roster <> '[]' ORDER BY id"),
    listen: (p) => listen(o.listener, p),
  };
}
