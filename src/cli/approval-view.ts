import type { ApprovalView } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { shortId } from "./short-id.ts";
import { renderFields } from "./text/fields.ts";
import { ago, span } from "./text/format.ts";
import { oneLine, printable } from "./text/width.ts";

/** Lines of a detail or a diff that a terminal shows. */
const textLinesMax = 60;

/** When nobody has answered by then, and what that means. */
export function expiryText({ expiresAt, onTimeout, state }: ApprovalView, nowMs: number): string {
  if (expiresAt === null || state !== "open") return "";
  return `in ${span(Date.parse(expiresAt) - nowMs)}: ${onTimeout}`;
}

/** What to type to answer it. */
export function answerCommands(a: Pick<ApprovalView, "id" | "valueSchema">): string[] {
  const id = shortId(a.id);
  return [
    `flotilla approvals approve ${id}${a.valueSchema === null ? "" : " (edited: --value @file.json)"}`,
    `flotilla approvals reject ${id} --reason "..."`,
  ];
}

export function approvalLines(a: ApprovalView, c: Context): string[] {
  const { theme, columns, isTTY } = c.out;
  const now = c.io.clock.now();
  const text = (label: string, body: string | null): string[] => {
    if (body === null || body === "") return [];
    const lines = body.split("\n");
    const shown = isTTY ? lines.slice(0, textLinesMax) : lines;
    const left = lines.length - shown.length;
    return [
      "",
      `  ${theme.paint("dim", label)}`,
      ...shown.map((line) => `  ${printable(line)}`),
      ...(left > 0 ? [theme.paint("dim", `  and ${left} more lines; whole: -o json`)] : []),
    ];
  };
  return [
    `${a.state === "open" ? theme.paint("yellow", `${theme.glyphs.warn} open`) : a.state}  ${theme.paint("bold", oneLine(a.title))}`,
    ...renderFields(
      [
        ["id", a.id],
        ["run", shortId(a.runId)],
        ["task", shortId(a.taskId)],
        ["for", a.role ?? ""],
        ["asked", `${a.askedAt} (${ago(a.askedAt, now)})`],
        [
          "expires",
          a.expiresAt === null ? "" : `${a.expiresAt}, then it counts as ${a.onTimeout === "approve" ? "approved" : "rejected"}`,
        ],
      ],
      { theme, columns, indent: 2 },
    ),
    ...text("detail", a.detail),
    ...text("diff", a.diff),
    ...(a.valueSchema === null ? [] : text("value, may be edited", JSON.stringify(a.value, null, 2))),
  ];
}
