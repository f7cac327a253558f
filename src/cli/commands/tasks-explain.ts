import { Command } from "commander";
import { reasons } from "../../core/reason.ts";
import { closedStates } from "../../core/task.ts";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { resolveTask, shortId } from "../short-id.ts";
import { renderFields } from "../text/fields.ts";
import { paintState, stateText } from "../text/format.ts";

export const tasksExplain: MakeCommand = (bind) =>
  new Command("explain")
    .description("say why a task is not running now, and what to do about it")
    .argument("<task>", "its id or the first letters of it")
    .action(
      bind(async (c, _, [text = ""]) => {
        await using opened = await openToRead(c);
        const explanation = await opened.api.explain(await resolveTask(opened.api, text));
        if (c.asJson) {
          c.out.json(explanation);
          return exitCodes.ok;
        }
        const { task, state, reason, detail, fix } = explanation;
        const { theme, columns } = c.out;
        const why = reason === null ? "" : `${reason}: ${reasons[reason]}`;
        const fixes = [
          ...(opened.live || (closedStates as readonly string[]).includes(state) ? [] : ["no fleet is up: flotilla up"]),
          ...fix,
        ].map((text) => ["fix", text] as const);
        c.out.line(`${paintState(stateText(state, theme), state, theme)}  ${shortId(task)}`);
        c.out.lines(renderFields([["reason", why], ["detail", detail], ...fixes], { theme, columns, indent: 2 }));
        return exitCodes.ok;
      }),
    );
