import { Command } from "commander";
import type { ScheduleView } from "../../protocol/schedules.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { afterOption, limitOption } from "../options.ts";
import { pageHint } from "../page-hint.ts";
import { printList } from "../print-list.ts";
import { paintScheduleState, timingText } from "../schedule-view.ts";
import { shortId } from "../short-id.ts";
import { ago } from "../text/format.ts";
import type { Column } from "../text/table.ts";

export const schedulesLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list schedules by name, each with its next tick")
    .addOption(limitOption())
    .addOption(afterOption())
    .action(
      bind<{ limit: number; after?: string }>(async (c, { limit, after }) => {
        await using opened = await openToRead(c);
        const page = await opened.api.schedules.list({ limit, ...(after && { after }) });
        const empty = "no schedule yet: defineFleet({ schedules: [schedule({ ... })] })";
        printList(c, { rows: page.items, columns: columns(c), whole: page, empty });
        pageHint(c, page, { noun: "schedule", total: undefined, command: "flotilla schedules ls" });
        return exitCodes.ok;
      }),
    );

function columns(c: Context): readonly Column<ScheduleView>[] {
  const now = c.io.clock.now();
  return [
    { title: "SCHEDULE", value: (s) => s.name, least: 10 },
    { title: "STATE", value: (s) => s.state, style: (text, s) => paintScheduleState(text, s, c.out) },
    { title: "STARTS", value: (s) => s.target, least: 8 },
    { title: "WHEN", value: timingText, least: 12 },
    { title: "NEXT", value: (s) => s.nextAt ?? "" },
    { title: "LAST", value: (s) => (s.lastAt === null ? "" : ago(s.lastAt, now)), align: "right", spare: 2 },
    { title: "LAST RUN", value: (s) => (s.lastRun === null ? "" : shortId(s.lastRun)), spare: 1 },
  ];
}
