import { Command } from "commander";
import type { ApprovalsQuery, ApprovalView } from "../../protocol/views.ts";
import { expiryText } from "../approval-view.ts";
import type { MakeCommand } from "../command.ts";
import { hint } from "../context.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { afterOption, limitOption } from "../options.ts";
import { pageHint } from "../page-hint.ts";
import { printList } from "../print-list.ts";
import { shortId } from "../short-id.ts";
import { ago } from "../text/format.ts";
import type { Column } from "../text/table.ts";

interface Options {
  readonly limit: number;
  readonly after?: string;
}

export const approvalsLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list what waits for an answer, the oldest first")
    .addOption(limitOption())
    .addOption(afterOption())
    .action(
      bind<Options>(async (c, { limit, after }) => {
        await using opened = await openToRead(c);
        const query: ApprovalsQuery = { limit, ...(after && { after }) };
        const page = await opened.api.approvals(query);
        printList(c, { rows: page.items, columns: columns(c), whole: page, empty: "nothing waits for an answer" });
        if (page.items[0]) hint(c, `more of one: flotilla approvals show ${shortId(page.items[0].id)}`);
        pageHint(c, page, { noun: "approval", total: undefined, command: "flotilla approvals ls" });
        return exitCodes.ok;
      }),
    );

function columns(c: Context): readonly Column<ApprovalView>[] {
  const now = c.io.clock.now();
  return [
    { title: "APPROVAL", value: (a) => shortId(a.id) },
    { title: "TITLE", value: (a) => a.title, least: 16 },
    { title: "FOR", value: (a) => a.role ?? "", least: 6, spare: 2 },
    { title: "EDIT", value: (a) => (a.valueSchema === null ? "" : "yes"), spare: 3 },
    { title: "ASKED", value: (a) => ago(a.askedAt, now), align: "right" },
    { title: "EXPIRES", value: (a) => expiryText(a, now), spare: 1 },
  ];
}
