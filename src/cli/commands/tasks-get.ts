import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { planLines } from "../plan-view.ts";
import { resolveTask } from "../short-id.ts";
import { taskLines } from "../task-view.ts";

export const tasksGet: MakeCommand = (bind) =>
  new Command("get")
    .description("show one task: its input, its output, its plans, every attempt")
    .argument("<task>", "its id or the first letters of it, such as t_7k2m9q4x.3.1")
    .action(
      bind(async (c, _, [text = ""]) => {
        await using opened = await openToRead(c);
        const task = await opened.api.task(await resolveTask(opened.api, text));
        const plans = task.kind === "workflow" ? await opened.api.plans(task.id) : [];
        if (c.asJson) c.out.json({ ...task, plans });
        else c.out.lines([...taskLines(task, c.out), ...planLines(plans, c.out)]);
        return exitCodes.ok;
      }),
    );
