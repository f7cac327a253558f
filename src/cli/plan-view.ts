// A plan for people: its nodes in the order in which they were written, each with its state.
import type { PlanNodeView, PlanView } from "../protocol/views.ts";
import type { Printer } from "./context.ts";
import { count, paintState, stateText } from "./text/format.ts";
import type { Theme } from "./text/theme.ts";
import { renderTable, type Column } from "./text/table.ts";
import { oneLine } from "./text/width.ts";
import { shortId } from "./short-id.ts";

/** `-o json` has all of them. */
const nodesMax = 50;

export function planLines(plans: readonly PlanView[], { theme, columns }: Printer): string[] {
  return plans.flatMap((plan) => {
    const shown = plan.nodes.slice(0, nodesMax);
    const left = plan.nodes.length - shown.length;
    const table = renderTable(nodeColumns(theme), shown, { theme, columns: columns === undefined ? undefined : columns - 2 });
    return [
      "",
      `  ${theme.paint("dim", oneLine(`${plan.key}, gives ${plan.result}`))}`,
      ...table.map((line) => `  ${line}`),
      ...(left > 0 ? [theme.paint("dim", `  and ${count(left)} more nodes; all of them: -o json`)] : []),
    ];
  });
}

function nodeColumns(theme: Theme): readonly Column<PlanNodeView>[] {
  return [
    { title: "NODE", value: (n) => n.id, least: 8 },
    {
      title: "STATE",
      value: (n) => stateText(taskState(n), theme).replace(taskState(n), n.state),
      style: (text, n) => paintState(text, taskState(n), theme),
    },
    { title: "AGENT", value: (n) => n.agent, least: 8 },
    { title: "DONE", value: doneOf, align: "right" },
    { title: "TASK", value: (n) => (n.task === null ? "" : shortId(n.task)), spare: 2 },
    { title: "NEEDS", value: (n) => n.needs.join(", "), least: 8, spare: 1 },
    { title: "NOTE", value: noteOf, least: 12, spare: 3 },
  ];
}

/** What has no task yet looks like what waits. */
function taskState({ state }: PlanNodeView): "blocked" | Exclude<PlanNodeView["state"], "pending" | "not-run"> {
  return state === "pending" || state === "not-run" ? "blocked" : state;
}

function doneOf({ kind, tasks }: PlanNodeView): string {
  return kind === "map" && tasks.total > 0 ? `${count(tasks.total - tasks.open)}/${count(tasks.total)}` : "";
}

function noteOf(n: PlanNodeView): string {
  if (n.error !== null) return `${n.error.code}: ${n.error.message}`;
  return n.keptFrom === null ? (n.note ?? "") : `kept from ${n.keptFrom}`;
}
