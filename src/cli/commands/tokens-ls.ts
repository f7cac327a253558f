import { Command } from "commander";
import type { TokenView } from "../../protocol/tokens.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { afterOption, limitOption } from "../options.ts";
import { pageHint } from "../page-hint.ts";
import { printList } from "../print-list.ts";
import { ago } from "../text/format.ts";
import type { Column } from "../text/table.ts";

export const tokensLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list tokens, the oldest first; what they are is not kept")
    .addOption(limitOption())
    .addOption(afterOption())
    .action(
      bind<{ limit: number; after?: string }>(async (c, { limit, after }) => {
        await using opened = await openToRead(c);
        const page = await opened.api.tokens.list({ limit, ...(after && { after }) });
        const empty = "no token yet: flotilla tokens create NAME --role submitter";
        printList(c, { rows: page.items, columns: columns(c), whole: page, empty });
        pageHint(c, page, { noun: "token", total: undefined, command: "flotilla tokens ls" });
        return exitCodes.ok;
      }),
    );

const colorOf = { active: "green", expired: "dim", revoked: "dim" } as const;

function columns(c: Context): readonly Column<TokenView>[] {
  const now = c.io.clock.now();
  return [
    { title: "TOKEN", value: (t) => t.id, least: 10 },
    { title: "STATE", value: (t) => t.state, style: (text, t) => c.out.theme.paint(colorOf[t.state], text) },
    { title: "ROLE", value: (t) => t.role },
    { title: "NAMESPACE", value: (t) => t.namespace, least: 8 },
    { title: "NAME", value: (t) => t.name, least: 8 },
    { title: "USED", value: (t) => (t.lastUsedAt === null ? "never" : ago(t.lastUsedAt, now)), align: "right", spare: 1 },
    { title: "EXPIRES", value: (t) => t.expiresAt ?? "", spare: 2 },
  ];
}
