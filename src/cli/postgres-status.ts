// How a PostgreSQL store stands, for people.
import { formatMs } from "../core/duration.ts";
import type { PostgresStatus, PostgresTable } from "../runtime/db/postgres.ts";
import type { Context } from "./context.ts";
import { shortId } from "./short-id.ts";
import { renderFields } from "./text/fields.ts";
import { count, plural, size } from "./text/format.ts";

export function showPostgres(c: Context, s: PostgresStatus): void {
  const { theme, columns } = c.out;
  const now = c.io.clock.now();
  const ago = (iso: string) => formatMs(Math.max(0, now - Date.parse(iso)));
  const behind = s.pending.length > 0 ? `, ${plural(s.pending.length, "migration")} to apply: flotilla db migrate` : "";
  const newer = s.schema > s.known ? ", newer than this version" : "";
  const { ready, delayed, running, held, parked } = s.tasks;
  const waited = s.oldestReadyMs === null ? "" : `, the oldest for ${formatMs(s.oldestReadyMs)}`;
  c.out.lines(
    renderFields(
      [
        ["store", s.path],
        ["server", `PostgreSQL ${s.server.version}, up for ${ago(s.server.upSince)}`],
        [
          "durability",
          `synchronous_commit = ${s.server.synchronousCommit}, ${plural(s.server.standbys, "synchronous standby", "synchronous standbys")}`,
        ],
        ["schema", `${s.schema} of ${s.known}${behind}${newer}`],
        ["size", size(s.bytes)],
        ["artifacts", `${plural(s.artifacts.files, "artifact")}, ${size(s.artifacts.bytes)}`],
        ["ready", `${count(ready)}${waited}`],
        ["running", `${count(running)}, ${count(parked)} parked, ${count(delayed)} delayed, ${count(held)} held`],
        [
          "oldest open",
          s.oldestOpen ? `${shortId(s.oldestOpen.run)}, started ${ago(s.oldestOpen.createdAt)} ago` : "none: every run has ended",
        ],
        ["deleting", s.deleting > 0 ? plural(s.deleting, "run") : ""],
        ["old rows kept by", holder(s.xminHolder)],
      ],
      { theme, columns },
    ),
  );
  c.out.line();
  c.out.table<PostgresStatus["lives"][number]>(
    [
      { title: "ORCHESTRATOR", value: (l) => String(l.boot) },
      { title: "HOST", value: (l) => `${l.host}:${l.pid}` },
      { title: "VERSION", value: (l) => l.version },
      { title: "UP FOR", value: (l) => (l.alive ? ago(l.startedAt) : "late: taken for dead soon") },
      { title: "WORKERS", value: (l) => count(l.workers), align: "right" },
      { title: "BUSY", value: (l) => `${count(l.busy)} of ${count(l.slots)}`, align: "right" },
    ],
    s.lives,
  );
  c.out.line();
  c.out.table<PostgresTable>(
    [
      { title: "TABLE", value: (t) => t.table },
      { title: "ROWS", value: (t) => (t.exact ? count(t.rows) : `over ${count(t.rows)}`), align: "right" },
      { title: "DEAD", value: (t) => count(t.dead), align: "right" },
      { title: "SIZE", value: (t) => size(t.bytes), align: "right" },
    ],
    s.tables.filter((t) => t.rows > 0 || t.dead > 0),
  );
}

function holder(h: PostgresStatus["xminHolder"]): string {
  if (!h) return "";
  const since = h.sinceMs === null ? "" : ` for ${formatMs(Math.max(0, h.sinceMs))}`;
  return `${h.kind} ${h.name}${h.state === null ? "" : `, ${h.state}`}${since}, ${plural(h.age, "transaction")} old`;
}
