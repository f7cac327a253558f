import { Command } from "commander";
import type { WebhookCallView } from "../../protocol/webhooks.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { afterOption, limitOption } from "../options.ts";
import { pageHint } from "../page-hint.ts";
import { printList } from "../print-list.ts";
import { shortId } from "../short-id.ts";
import { ago } from "../text/format.ts";
import type { Column } from "../text/table.ts";

export const webhooksLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list what webhooks are not told yet, the oldest first")
    .option("--given-up", "only what was given up")
    .addOption(limitOption())
    .addOption(afterOption())
    .action(
      bind<{ limit: number; after?: string; givenUp?: true }>(async (c, { limit, after, givenUp }) => {
        await using opened = await openToRead(c);
        const page = await opened.api.webhooks.calls({ limit, ...(after && { after }), ...(givenUp && { givenUp }) });
        const empty = givenUp ? "nothing was given up" : "every webhook is told";
        printList(c, { rows: page.items, columns: columns(c), whole: page, empty });
        const command = `flotilla webhooks ls${givenUp ? " --given-up" : ""}`;
        pageHint(c, page, { noun: "call", total: undefined, command });
        return exitCodes.ok;
      }),
    );

function columns(c: Context): readonly Column<WebhookCallView>[] {
  const now = c.io.clock.now();
  return [
    { title: "CALL", value: (w) => w.id },
    { title: "WEBHOOK", value: (w) => w.webhook, least: 10 },
    { title: "EVENT", value: (w) => w.event },
    { title: "RUN", value: (w) => shortId(w.runId) },
    { title: "STATE", value: (w) => w.state },
    { title: "TRIES", value: (w) => String(w.tries), align: "right" },
    { title: "PROBLEM", value: (w) => w.problem ?? "", least: 8 },
    { title: "HAPPENED", value: (w) => ago(w.at, now), align: "right", spare: 1 },
    { title: "NEXT", value: (w) => w.nextAt ?? "", spare: 2 },
  ];
}
