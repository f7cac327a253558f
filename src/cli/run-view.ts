// A run for people: its facts, its stages, what it gave.
import type { OutcomeReply, RunView, StageView } from "../protocol/views.ts";
import type { Context, Printer } from "./context.ts";
import { briefGaps, gapLines } from "./gaps-view.ts";
import { doneOf } from "./progress/render.ts";
import { gateOf, headlineOf, reportsOf } from "./result.ts";
import { renderError } from "./text/error.ts";
import { renderFields } from "./text/fields.ts";
import { count, paintState, plural, stateText, took, usd } from "./text/format.ts";
import { nearPath } from "./text/near-path.ts";
import type { Column } from "./text/table.ts";
import { renderTable } from "./text/table.ts";
import { oneLine } from "./text/width.ts";
import { shortId } from "./short-id.ts";

export const stageColumns: readonly Column<StageView>[] = [
  { title: "STAGE", value: (s) => s.stage, least: 10 },
  { title: "DONE", value: (s) => `${count(doneOf(s))}/${count(s.total)}`, align: "right" },
  { title: "RUNNING", value: (s) => nonZero(s.running), align: "right" },
  { title: "RETRIED", value: (s) => nonZero(s.retried), align: "right" },
  { title: "FAILED", value: (s) => nonZero(s.failed), align: "right" },
  { title: "QUARANTINED", value: (s) => nonZero(s.quarantined), align: "right", spare: 1 },
  { title: "CANCELED", value: (s) => nonZero(s.canceled), align: "right", spare: 2 },
];

function nonZero(n: number): string {
  return n === 0 ? "" : count(n);
}

export function runLines(run: RunView, c: Context, out: Printer): string[] {
  const { theme, columns } = out;
  const state = paintState(stateText(run.status, theme), run.status, theme);
  const fields = renderFields(
    [
      ["id", run.id],
      ["goes on", run.origin === null ? "" : `${run.origin.how} of ${shortId(run.origin.of)}`],
      ["started", run.createdAt],
      ["took", `${took(run, c.io.clock.now())}${run.finishedAt === null ? " so far" : ""}`],
      ["tasks", tasksText(run).replace(/ tasks?/, "")],
      ["gaps", nonZero(run.gaps.total)],
      ["spent", spentText(run)],
      [
        "schedule",
        run.schedule === null ? "" : `${run.schedule.name}${run.schedule.at === null ? ", triggered" : ` at ${run.schedule.at}`}`,
      ],
      ["deadline", run.deadlineAt ?? ""],
      ["ttl", run.finishedAt === null ? (run.ttlAt ?? "") : ""],
      ["tags", run.tags.join(", ")],
      ["tenant", run.tenant === "default" ? "" : run.tenant],
    ],
    { theme, columns, indent: 2 },
  );
  const stages =
    run.stages.length === 0
      ? []
      : [
          "",
          ...renderTable(stageColumns, run.stages, { theme, columns: columns === undefined ? undefined : columns - 2 }).map(
            (l) => `  ${l}`,
          ),
        ];
  const error = run.error === null ? [] : ["", ...renderError(run.error, { theme, columns })];
  return [`${state}  ${theme.paint("bold", oneLine(run.name))}`, ...fields, ...stages, ...gapLines(run, out), ...error];
}

/** After a wait: what became of it, in a line or two, and where to look next. */
export function summaryLines(run: RunView, outcome: OutcomeReply, value: unknown, c: Context): string[] {
  const { theme, columns } = c.err;
  const { paint, glyphs } = theme;
  const gate = gateOf(value);
  const facts = [
    `${oneLine(run.name)} ${outcome.status}`,
    took(run, c.io.clock.now()),
    tasksText(run),
    gapsText(run),
    spentText(run),
  ].filter((t) => t !== "");
  const head = paintState(
    stateText(outcome.status, theme).replace(outcome.status, facts.join(` ${glyphs.dot} `)),
    outcome.status,
    theme,
  );
  const headline = headlineOf(value);
  const breaches = gate.passed
    ? []
    : [paint("red", `${glyphs.fail} gate: ${gate.breaches.map(oneLine).join("; ") || "not passed"}`)];
  const reports = renderFields(
    reportsOf(value).map(([kind, path]) => [kind, nearPath(path, c.io.cwd)] as const),
    { theme, columns, indent: 2 },
  );
  const error = outcome.error === null ? [] : renderError(outcome.error, { theme, columns });
  return [
    head,
    ...(headline === "" ? [] : [`  ${headline}`]),
    ...reports,
    ...breaches,
    ...briefGaps(run, c.err),
    paint("dim", `  ${glyphs.arrow} ${nextCommand(run)}`),
    ...error,
  ];
}

function nextCommand(run: RunView): string {
  return run.tasks.failed > 0 && run.tasks.total > 1
    ? `flotilla tasks ls --run ${shortId(run.id)} --state failed`
    : `flotilla runs get ${shortId(run.id)}`;
}

function tasksText({ tasks }: RunView): string {
  const open = tasks.total - tasks.done;
  const parts = [
    plural(tasks.total, "task"),
    ...(open > 0 ? [`${count(open)} open`] : []),
    ...(tasks.failed > 0 ? [`${count(tasks.failed)} failed`] : []),
  ];
  return parts.join(", ");
}

function gapsText({ gaps }: RunView): string {
  return gaps.total === 0 ? "" : plural(gaps.total, "gap");
}

function spentText({ spent }: RunView): string {
  const tokens = spent.inputTokens + spent.outputTokens;
  return [...(spent.microUsd > 0 ? [usd(spent.microUsd)] : []), ...(tokens > 0 ? [plural(tokens, "token")] : [])].join(", ");
}
