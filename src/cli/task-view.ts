import type { AttemptView, TaskDetail, TaskView } from "../protocol/views.ts";
import type { Printer } from "./context.ts";
import { shortId } from "./short-id.ts";
import { briefError, renderError } from "./text/error.ts";
import { renderFields } from "./text/fields.ts";
import { count, paintState, span, stateText } from "./text/format.ts";
import { renderTable } from "./text/table.ts";
import type { Column } from "./text/table.ts";
import { oneLine, printable } from "./text/width.ts";

/** Lines of a value that are shown; `-o json` has the whole. */
const valueLinesMax = 20;
const valueLineLength = 200;

export function taskLines(task: TaskDetail, { theme, columns }: Printer): string[] {
  const state = paintState(stateText(task.state, theme), task.state, theme);
  const fields = renderFields(
    [
      ["id", task.id],
      ["run", shortId(task.runId)],
      ["parent", task.parentId === null ? "" : shortId(task.parentId)],
      ["key", ownKey(task)],
      ["attempt", task.attempt > 1 ? String(task.attempt) : ""],
      ["crashes", task.crashes > 0 ? String(task.crashes) : ""],
      ["worker", task.worker ?? ""],
      ["waited", span(task.waitMs)],
      ["ran", span(task.runMs)],
      ["children", task.children.total > 0 ? `${count(task.children.total)}, ${count(task.children.unsettled)} open` : ""],
      ["progress", task.error === null ? oneLine(noteOf(task)) : ""],
    ],
    { theme, columns, indent: 2 },
  );
  const tries =
    task.attempts.length === 0
      ? []
      : [
          "",
          ...renderTable(attemptColumns, task.attempts, { theme, columns: columns === undefined ? undefined : columns - 2 }).map(
            (l) => `  ${l}`,
          ),
        ];
  const error = task.error === null ? [] : ["", ...renderError(task.error, { theme, columns })];
  const output = task.state === "succeeded" ? valueLines("output", task.output, theme.paint) : [];
  return [
    `${state}  ${theme.paint("bold", oneLine(task.name))} ${theme.paint("dim", task.kind)}`,
    ...fields,
    ...valueLines("input", task.input, theme.paint),
    ...output,
    ...tries,
    ...error,
  ];
}

const attemptColumns: readonly Column<AttemptView>[] = [
  { title: "ATTEMPT", value: (a) => String(a.attempt), align: "right" },
  { title: "OUTCOME", value: (a) => a.outcome },
  {
    title: "RAN",
    value: (a) => (a.endedAt === null ? "" : span(Date.parse(a.endedAt) - Date.parse(a.startedAt))),
    align: "right",
  },
  { title: "WORKER", value: (a) => a.worker ?? "", least: 8, spare: 1 },
  { title: "ERROR", value: (a) => (a.error === null ? "" : briefError(a.error)), least: 16 },
];

function valueLines(label: string, value: unknown, paint: Printer["theme"]["paint"]): string[] {
  const lines = (JSON.stringify(value, null, 2) ?? "null").split("\n");
  const shown = lines
    .slice(0, valueLinesMax)
    .map((line) => `  ${printable(line.length > valueLineLength ? `${line.slice(0, valueLineLength)} ...` : line)}`);
  const left = lines.length - shown.length;
  return [
    "",
    `  ${paint("dim", label)}`,
    ...shown,
    ...(left > 0 ? [paint("dim", `  and ${count(left)} more lines; whole: -o json`)] : []),
  ];
}

/** What a task has to say for itself: its error, else its progress. */
export function noteOf(t: TaskView): string {
  if (t.error !== null) return briefError(t.error);
  const { done, total, note } = t.progress ?? {};
  return [done === undefined ? "" : `${done}${total === undefined ? "" : `/${total}`}`, note ?? ""]
    .filter((part) => part !== "")
    .join(" ");
}

/** The key that the workflow gave. A derived one, name#hash, tells nobody anything. */
export function ownKey({ key, name }: Pick<TaskView, "key" | "name">): string {
  return key === null || key.startsWith(`${name}#`) ? "" : key;
}
