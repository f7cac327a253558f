import { Command } from "commander";
import type { WorkerView } from "../../protocol/views.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { openToRead } from "../open-api.ts";
import { printList } from "../print-list.ts";
import { shortId } from "../short-id.ts";
import { ago, span } from "../text/format.ts";
import type { Column } from "../text/table.ts";

export const workersLs: MakeCommand = (bind) =>
  new Command("ls")
    .alias("list")
    .description("list the live workers and what they do")
    .action(
      bind(async (c) => {
        await using opened = await openToRead(c);
        const workers = await opened.api.workers();
        const empty = opened.live
          ? "no worker is connected"
          : "no worker is live: no fleet is up on this store; start one: flotilla up";
        printList(c, { rows: workers, columns: columns(c), whole: workers, empty });
        return exitCodes.ok;
      }),
    );

const colorOf = { idle: "dim", busy: "cyan", draining: "yellow", unresponsive: "red" } as const;

function columns(c: Context): readonly Column<WorkerView>[] {
  const { theme } = c.out;
  return [
    { title: "WORKER", value: (w) => w.name, least: 8 },
    { title: "STATE", value: (w) => w.state, style: (text, w) => theme.paint(colorOf[w.state], text) },
    { title: "BUSY", value: (w) => `${w.busy}/${w.slots}`, align: "right" },
    { title: "RUNS IN", value: (w) => w.isolation, spare: 4 },
    { title: "PID", value: (w) => String(w.pid), align: "right", spare: 3 },
    { title: "OFFERS", value: (w) => w.offers.join(","), least: 6, spare: 5 },
    { title: "BUILD", value: (w) => w.build, least: 7, spare: 6 },
    { title: "JOINED", value: (w) => ago(w.joinedAt, c.io.clock.now()), align: "right", spare: 2 },
    { title: "TASKS", value: tasksText, least: 12, spare: 1 },
  ];
}

const tasksShown = 3;

function tasksText({ tasks }: WorkerView): string {
  const shown = tasks.slice(0, tasksShown).map((t) => `${t.name} ${shortId(t.id)} ${span(t.forMs)}`);
  return [...shown, ...(tasks.length > tasksShown ? [`${tasks.length - tasksShown} more`] : [])].join(", ");
}
