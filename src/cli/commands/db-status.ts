import { Command } from "commander";
import { formatMs } from "../../core/duration.ts";
import type { StoreStatus, TableCount } from "../../runtime/db/inspect.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openLive, requireFile } from "../open-api.ts";
import { showPostgres } from "../postgres-status.ts";
import { shortId } from "../short-id.ts";
import { anyPlace, type StorePlace } from "../store-place.ts";
import { renderFields } from "../text/fields.ts";
import { count, plural, size } from "../text/format.ts";

/** What only the fleet that has it open knows. */
interface Live {
  readonly durability: "power" | "process" | null;
  readonly storeFullAt: string | null;
}

export const dbStatus: MakeCommand = (bind) =>
  new Command("status")
    .description("schema, size, rows by table, the oldest open run")
    .option("--exact", "count every row of the large tables too; takes a second for each few million", false)
    .action(
      bind<{ exact: boolean }>(async (c, { exact }) => {
        const place = await anyPlace(c);
        if ("settings" in place) {
          const { inspectPostgres } = await import("../../runtime/db/postgres.ts");
          const found = await inspectPostgres(place.settings, { exact, now: c.io.clock.now() });
          if (c.asJson) c.out.json(found);
          else showPostgres(c, found);
          return exitCodes.ok;
        }
        requireFile(c, place);
        const { inspectStore } = await import("../../runtime/db/inspect.ts");
        const status = inspectStore(place.path, { exact });
        const live = await askOwner(c, place);
        if (c.asJson) c.out.json({ ...status, ...live });
        else show(c, status, live);
        return exitCodes.ok;
      }),
    );

async function askOwner(c: Context, place: StorePlace): Promise<Live> {
  const opened = await openLive(c, place);
  if (!opened) return { durability: null, storeFullAt: null };
  await using disposed = opened;
  const { durability, storeFullAt } = await disposed.api.health();
  return { durability, storeFullAt };
}

function show(c: Context, s: StoreStatus, live: Live): void {
  const { theme, columns } = c.out;
  const behind = s.pending.length > 0 ? `, ${plural(s.pending.length, "migration")} to apply: flotilla db migrate` : "";
  const newer = s.schema > s.known ? ", newer than this version" : "";
  const age = s.oldestOpen && formatMs(Math.max(0, c.io.clock.now() - Date.parse(s.oldestOpen.createdAt)));
  c.out.lines(
    renderFields(
      [
        ["store", s.path],
        ["schema", `${s.schema} of ${s.known}${behind}${newer}`],
        ["size", `${size(s.bytes)}, of that ${size(s.freePages * s.pageBytes)} free to use again`],
        ["log", size(s.walBytes)],
        ["artifacts", `${plural(s.artifacts.files, "file")}, ${size(s.artifacts.bytes)}`],
        ["durability", live.durability ?? "as its next fleet asks; none is up"],
        ["oldest open", s.oldestOpen ? `${shortId(s.oldestOpen.run)}, started ${age} ago` : "none: every run has ended"],
        ["deleting", s.deleting > 0 ? plural(s.deleting, "run") : ""],
        ["restored", s.restoredAt === null ? "" : `${s.restoredAt}, with open runs: flotilla db resume lets them go on`],
        ["full", live.storeFullAt === null ? "" : `since ${live.storeFullAt}: nothing is started or claimed`],
      ],
      { theme, columns },
    ),
  );
  c.out.line();
  c.out.table<TableCount>(
    [
      { title: "TABLE", value: (t) => t.table },
      { title: "ROWS", value: (t) => (t.exact ? count(t.rows) : `over ${count(t.rows)}`), align: "right" },
    ],
    s.tables.filter((t) => t.rows > 0),
  );
}
