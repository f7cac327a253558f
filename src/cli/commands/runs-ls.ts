import { Command, Option } from "commander";
import { runStatuses } from "../../protocol/views.ts";
import type { RunStatus, RunsQuery, RunView } from "../../protocol/views.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { afterOption, limitOption } from "../options.ts";
import { pageHint } from "../page-hint.ts";
import { printList } from "../print-list.ts";
import { shortId } from "../short-id.ts";
import { ago, count, paintState, stateText, took } from "../text/format.ts";
import type { Column } from "../text/table.ts";

interface Options {
  readonly status?: RunStatus;
  readonly name?: string;
  readonly limit: number;
  readonly after?: string;
}

export const runsLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list runs, the latest first")
    .addOption(new Option("--status <status>", "only these").choices(runStatuses))
    .option("--name <name>", "only of this agent or workflow")
    .addOption(limitOption())
    .addOption(afterOption())
    .action(
      bind<Options>(async (c, o) => {
        await using opened = await openToRead(c);
        const { status, name, limit, after } = o;
        const query: RunsQuery = { limit, ...(status && { status }), ...(name && { name }), ...(after && { after }) };
        const page = await opened.api.runs(query);
        const empty = status || name ? "no run fits" : "no run yet; start one: flotilla run NAME --input key=value";
        printList(c, { rows: page.items, columns: columns(c), whole: page, empty });
        const filters = `${status ? ` --status ${status}` : ""}${name ? ` --name ${name}` : ""}`;
        pageHint(c, page, { noun: "run", total: undefined, command: `flotilla runs ls${filters}` });
        return exitCodes.ok;
      }),
    );

function columns(c: Context): readonly Column<RunView>[] {
  const now = c.io.clock.now();
  const { theme } = c.out;
  return [
    { title: "RUN", value: (r) => shortId(r.id) },
    { title: "NAME", value: (r) => r.name, least: 10 },
    { title: "STATUS", value: (r) => stateText(r.status, theme), style: (text, r) => paintState(text, r.status, theme) },
    { title: "TASKS", value: (r) => `${count(r.tasks.done)}/${count(r.tasks.total)}`, align: "right" },
    { title: "FAILED", value: (r) => (r.tasks.failed === 0 ? "" : count(r.tasks.failed)), align: "right", spare: 3 },
    { title: "TOOK", value: (r) => took(r, now), align: "right" },
    { title: "STARTED", value: (r) => ago(r.createdAt, now), align: "right" },
    { title: "TAGS", value: (r) => r.tags.join(","), least: 6, spare: 4 },
  ];
}
