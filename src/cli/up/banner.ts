import type { AnyCallable } from "../../core/definition.ts";
import type { HealthView, WorkerView } from "../../protocol/views.ts";
import { plural } from "../text/format.ts";
import { nearPath } from "../text/near-path.ts";
import type { Theme } from "../text/theme.ts";
import { cut, oneLine } from "../text/width.ts";
import { exampleRun } from "./example-run.ts";

export interface Banner {
  readonly health: HealthView;
  readonly workers: readonly WorkerView[];
  readonly definitions: readonly AnyCallable[];
  readonly file: string;
  readonly database: string;
  readonly cwd: string;
  /** Runs that an earlier process left unfinished. */
  readonly resumed: number;
  /** Given with `--run`. */
  readonly run: string | undefined;
}

export function bannerLines(b: Banner, columns: number, { paint, glyphs }: Theme): string[] {
  const ok = paint("green", glyphs.ok);
  const slots = b.health.workers.slots;
  const kinds = [...new Set(b.workers.map((w) => w.isolation))].join(", ");
  const names = b.definitions.map((d) => d.name).join(", ");
  const row = (label: string, text: string): string =>
    `  ${ok} ${label.padEnd(12)} ${cut(oneLine(text), Math.max(10, columns - 18), glyphs.ellipsis)}`;
  return [
    paint("bold", `Flotilla ${b.health.version}`),
    row(
      "store",
      `${b.database.startsWith("postgres:") ? `${b.database} (PostgreSQL` : `${nearPath(b.database, b.cwd)} (SQLite`}, ${b.health.durability === "power" ? "survives a power cut" : "survives a crash of the process, not a power cut"})`,
    ),
    row("definitions", `${b.definitions.length} from ${nearPath(b.file, b.cwd)}: ${names}`),
    row("workers", `${plural(b.health.workers.live, "worker")} with ${plural(slots, "slot")}${kinds === "" ? "" : `, ${kinds}`}`),
    ...(b.resumed > 0
      ? [row("resumed", `${plural(b.resumed, "unfinished run")} from before ${b.resumed === 1 ? "goes" : "go"} on`)]
      : []),
    ...(b.health.uncovered.length > 0
      ? [`  ${paint("yellow", glyphs.warn)} no worker has ${b.health.uncovered.map(oneLine).join(", ")}`]
      : []),
    ...(b.run === undefined
      ? [
          paint("dim", `  start a run, in another terminal: ${exampleRun(b.definitions)}`),
          paint("dim", "  Ctrl-C lets running tasks end and stops; a second one stops at once"),
        ]
      : []),
    "",
  ];
}
