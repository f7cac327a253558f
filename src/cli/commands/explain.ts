import { Command } from "commander";
import { catalogue } from "../../core/error-catalogue.ts";
import { reasons } from "../../core/reason.ts";
import type { Reason } from "../../core/reason.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { explainCode } from "../explain/code.ts";
import { nearestCode, normalCode } from "../explain/find.ts";
import { printList } from "../print-list.ts";
import { renderFields } from "../text/fields.ts";
import { UsageError } from "../usage-error.ts";

export const explain: MakeCommand = (bind) =>
  new Command("explain")
    .description("say what an error code or a reason means, and what to do about it")
    .argument("[code]", "such as FLOTILLA_STORE_LOCKED or WORKERS_BUSY (default: list all)")
    .action(
      bind(async (c, _, [text]) => {
        if (text === undefined) listAll(c);
        else explainOne(c, text);
        return exitCodes.ok;
      }),
    );

function listAll(c: Context): void {
  const rows = [
    ...Object.entries(catalogue).map(([code, entry]) => ({ code, title: entry.title })),
    ...Object.entries(reasons).map(([code, title]) => ({ code, title })),
  ];
  const columns = [
    { title: "CODE", value: (r: (typeof rows)[0]) => r.code },
    { title: "MEANS", value: (r: (typeof rows)[0]) => r.title, least: 20 },
  ];
  printList(c, { rows, columns, whole: rows, empty: "" });
}

function explainOne(c: Context, text: string): void {
  const code = normalCode(text);
  const { theme, columns } = c.out;
  if (code in reasons) {
    const means = reasons[code as Reason];
    if (c.asJson) return c.out.json({ code, kind: "reason", means });
    c.out.line(theme.paint("bold", code));
    return c.out.lines(
      renderFields(
        [
          ["means", `a task does not run now because ${means}`],
          ["more", "flotilla tasks explain TASK tells the facts and the next step"],
        ],
        { theme, columns, indent: 2 },
      ),
    );
  }
  const explained = explainCode(code);
  if (explained === undefined) {
    const near = nearestCode(code);
    throw new UsageError(`${JSON.stringify(text)} is no code of ours`, {
      fix: near === undefined ? [] : [`did you mean: flotilla explain ${near}`],
      more: "flotilla explain",
    });
  }
  if (c.asJson) return c.out.json(explained);
  c.out.line(`${theme.paint("bold", explained.code)}  ${explained.title}`);
  c.out.lines(
    renderFields(
      [
        ["example", explained.why],
        ...explained.fix.map((fix) => ["fix", fix] as const),
        ["retry", explained.retryable ? "the same call may succeed later" : "not without a change"],
        ["exit", `${explained.exitCode}`],
        ["docs", explained.doc],
      ],
      { theme, columns, indent: 2 },
    ),
  );
}
