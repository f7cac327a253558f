// The commands that change a schedule and print one line: they differ in the call and in the words.
import { Command } from "commander";
import type { SchedulesApi, ScheduleView } from "../../protocol/schedules.ts";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";

interface Change {
  readonly word: string;
  readonly description: string;
  readonly act: (api: SchedulesApi, name: string) => Promise<ScheduleView>;
  readonly done: (name: string, view: ScheduleView) => string;
}

const change =
  ({ word, description, act, done }: Change): MakeCommand =>
  (bind) =>
    new Command(word)
      .description(description)
      .argument("<schedule>", "its name")
      .action(
        bind(async (c, _, [name = ""]) => {
          await using opened = await openFleetOf(c, ["start the fleet that keeps it: flotilla up"]);
          const view = await act(opened.api.schedules, name);
          if (c.asJson) c.out.json(view);
          else c.err.line(`${c.err.theme.glyphs.ok} ${done(name, view)}`);
          return exitCodes.ok;
        }),
      );

export const schedulesPause = change({
  word: "pause",
  description: "no tick until it is resumed; what runs is left alone",
  act: (api, name) => api.pause(name),
  done: (name) => `${name} is paused; go on: flotilla schedules resume ${name}`,
});

export const schedulesResume = change({
  word: "resume",
  description: "tick again, from now on",
  act: (api, name) => api.resume(name),
  done: (name, view) => `${name} ${view.nextAt ? `ticks next at ${view.nextAt}` : "has no tick left"}`,
});
