import { Command, Option } from "commander";
import { closedStates, openStates } from "../../core/task.ts";
import type { TaskState } from "../../core/task.ts";
import type { RunView, TasksQuery, TaskView } from "../../protocol/views.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { afterOption, limitOption } from "../options.ts";
import { pageHint } from "../page-hint.ts";
import { printList } from "../print-list.ts";
import { resolveRun, shortId } from "../short-id.ts";
import { noteOf, ownKey } from "../task-view.ts";
import { paintState, span, stateText } from "../text/format.ts";
import type { Column } from "../text/table.ts";

interface Options {
  readonly run?: string;
  readonly state?: TaskState;
  readonly name?: string;
  readonly limit: number;
  readonly after?: string;
}

export const tasksLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list the tasks of a run")
    .option("--run <run>", "its id or the first letters of it (default: the latest)")
    .addOption(new Option("--state <state>", "only these").choices([...openStates, ...closedStates]))
    .option("--name <name>", "only of this agent or workflow")
    .addOption(limitOption())
    .addOption(afterOption())
    .action(
      bind<Options>(async (c, o) => {
        await using opened = await openToRead(c);
        const { state, name, limit, after } = o;
        const run = await opened.api.run(await resolveRun(opened.api, o.run));
        const query: TasksQuery = { run: run.id, limit, ...(state && { state }), ...(name && { name }), ...(after && { after }) };
        const page = await opened.api.tasks(query);
        printList(c, { rows: page.items, columns: columns(c), whole: page, empty: `no task of ${shortId(run.id)} fits` });
        const filters = `${state ? ` --state ${state}` : ""}${name ? ` --name ${name}` : ""}`;
        pageHint(c, page, {
          noun: "task",
          total: totalOf(run, state, name),
          command: `flotilla tasks ls --run ${shortId(run.id)}${filters}`,
        });
        return exitCodes.ok;
      }),
    );

/** Exact where the run's counters know it; filters by other states have no counter. */
function totalOf(run: RunView, state: TaskState | undefined, name: string | undefined): number | undefined {
  const stages = name === undefined ? run.stages : run.stages.filter((s) => s.stage === name);
  if (state === undefined) return name === undefined ? run.tasks.total : sum(stages.map((s) => s.total));
  if (state === "running" || state === "succeeded" || state === "failed" || state === "canceled" || state === "quarantined")
    return sum(stages.map((s) => s[state]));
  return undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function columns(c: Context): readonly Column<TaskView>[] {
  const { theme } = c.out;
  return [
    { title: "TASK", value: (t) => shortId(t.id) },
    { title: "NAME", value: (t) => t.name, least: 8 },
    { title: "KEY", value: ownKey, least: 8, spare: 2 },
    { title: "STATE", value: (t) => stateText(t.state, theme), style: (text, t) => paintState(text, t.state, theme) },
    { title: "TRY", value: (t) => String(t.attempt), align: "right", spare: 5 },
    { title: "WAITED", value: (t) => span(t.waitMs), align: "right", spare: 4 },
    { title: "RAN", value: (t) => span(t.runMs), align: "right" },
    { title: "WORKER", value: (t) => t.worker ?? "", least: 8, spare: 6 },
    { title: "NOTE", value: noteOf, least: 12, spare: 3 },
  ];
}
