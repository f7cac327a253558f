// A run in a few lines of a terminal. Pure: the same model and width give the same lines, and no line is wider.
import { formatMs } from "../../core/duration.ts";
import { reasons } from "../../core/reason.ts";
import type { StageView } from "../../protocol/views.ts";
import { shortId } from "../short-id.ts";
import { count, plural } from "../text/format.ts";
import type { Theme } from "../text/theme.ts";
import { cut, oneLine, padEnd, padStart, widthOf } from "../text/width.ts";
import { etaMsOf, rateOf, shareDone } from "./model.ts";
import type { ProgressModel } from "./model.ts";

/** More stages than this are cut to those that move. */
const stagesMax = 12;
const labelMax = 24;
const barMax = 30;
const barMin = 8;

export function renderProgress(model: ProgressModel, columns: number, theme: Theme): string[] {
  return [headLine(model, columns, theme), ...stageLines(model, columns, theme), ...footLines(model, columns, theme)];
}

function headLine(model: ProgressModel, columns: number, { paint, glyphs }: Theme): string {
  const { run } = model;
  const facts = [
    `${Math.floor(shareDone(model) * 100)}%`,
    `${count(run.tasks.done)}/${count(run.tasks.total)} tasks`,
    formatMs(Math.max(0, model.nowMs - Date.parse(run.createdAt))),
  ];
  const head = cut(`${glyphs.run} ${oneLine(run.name)} ${shortId(run.id)}`, columns, glyphs.ellipsis);
  // Painted after it was cut: a colour has no width, and a cut colour never ends.
  return (
    paint(["cyan", "bold"], head) +
    fitting(facts, "  ", columns - widthOf(head))
      .map((fact) => `  ${fact}`)
      .join("")
  );
}

function stageLines(model: ProgressModel, columns: number, theme: Theme): string[] {
  const stages = shownStages(model);
  const label = Math.min(
    labelMax,
    Math.max(0, ...stages.map((s) => widthOf(oneLine(s.stage)))),
    Math.max(6, Math.floor(columns / 3)),
  );
  const counts = Math.max(0, ...stages.map((s) => countsOf(s).length));
  const bar = Math.min(barMax, columns - 2 - label - 2 - counts - 2);
  const left = openStages(model).length - stages.length;
  const more =
    left > 0 ? [cut(`  and ${count(left)} more ${left === 1 ? "stage" : "stages"}`, columns, theme.glyphs.ellipsis)] : [];
  return [...stages.map((s) => stageLine(s, { label, counts, bar }, columns, theme)), ...more];
}

/** As many of the facts as fit, the first ones first: half a number is worse than none. */
function fitting(facts: readonly string[], separator: string, room: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const fact of facts) {
    used += widthOf(separator) + widthOf(fact);
    if (used > room) break;
    taken.push(fact);
  }
  return taken;
}

/** The root's own stage says nothing that the head line does not say. */
function openStages({ run }: ProgressModel): readonly StageView[] {
  const below = run.stages.filter((s) => !(s.stage === run.name && s.total === 1));
  return below.length === 0 ? run.stages : below;
}

function shownStages(model: ProgressModel): readonly StageView[] {
  const stages = openStages(model);
  if (stages.length <= stagesMax) return stages;
  const moving = stages.filter((s) => doneOf(s) < s.total);
  return [...moving, ...stages.filter((s) => doneOf(s) === s.total)].slice(0, stagesMax);
}

function stageLine(s: StageView, width: { label: number; counts: number; bar: number }, columns: number, theme: Theme): string {
  const { glyphs, paint } = theme;
  const label = padEnd(cut(oneLine(s.stage), width.label, glyphs.ellipsis), width.label);
  const bar = width.bar >= barMin ? `  ${drawBar(doneOf(s), s.total, width.bar, glyphs.bar)}` : "";
  const start = `  ${label}${bar}  ${padStart(countsOf(s), width.counts)}`;
  const notes = [
    ...(s.running > 0 ? [{ text: `${count(s.running)} running`, color: "cyan" as const }] : []),
    ...(s.retried > 0 ? [{ text: `${count(s.retried)} retried`, color: "yellow" as const }] : []),
    ...(s.failed > 0 ? [{ text: `${count(s.failed)} failed`, color: "red" as const }] : []),
    ...(s.quarantined > 0 ? [{ text: `${count(s.quarantined)} quarantined`, color: "red" as const }] : []),
    ...(s.canceled > 0 ? [{ text: `${count(s.canceled)} canceled`, color: "dim" as const }] : []),
  ];
  let line = paintBar(cut(start, columns, glyphs.ellipsis), bar, s, theme);
  let used = Math.min(columns, widthOf(start));
  for (const { text, color } of notes) {
    used += 2 + widthOf(text);
    if (used > columns) break;
    line += `  ${paint(color, text)}`;
  }
  return line;
}

function paintBar(line: string, bar: string, s: StageView, { paint }: Theme): string {
  const color = s.failed + s.quarantined > 0 ? "yellow" : doneOf(s) === s.total ? "green" : "cyan";
  return bar === "" ? line : line.replace(bar, paint(color, bar));
}

/** `done` of `total` as `width` cells, to an eighth of a cell. Full only when all is done, empty only when nothing is. */
export function drawBar(done: number, total: number, width: number, cells: readonly string[]): string {
  const steps = cells.length - 1;
  const exact = total === 0 ? 0 : (done / total) * width * steps;
  const filled = done === total ? Math.round(exact) : Math.min(width * steps - 1, done > 0 ? Math.max(1, Math.floor(exact)) : 0);
  const whole = Math.floor(filled / steps);
  const part = filled % steps;
  const drawn = (cells[steps] ?? "").repeat(whole) + (part > 0 ? (cells[part] ?? "") : "");
  return drawn + (cells[0] ?? "").repeat(width - whole - (part > 0 ? 1 : 0));
}

function footLines(model: ProgressModel, columns: number, theme: Theme): string[] {
  const { glyphs, paint } = theme;
  const { health } = model;
  const rate = rateOf(model);
  const eta = etaMsOf(model);
  const oldest = health?.queue.oldestReadyMs ?? undefined;
  const facts = [
    ...(rate === undefined ? [] : [`${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))} tasks/s`]),
    ...(health === undefined ? [] : [`${health.workers.busy}/${plural(health.workers.slots, "slot")} busy`]),
    ...(health !== undefined && health.queue.ready > 0 ? [`${count(health.queue.ready)} queued`] : []),
    ...(oldest === undefined ? [] : [`oldest wait ${formatMs(oldest)}`]),
    ...(eta === undefined ? [] : [`ETA ${formatMs(eta)}`]),
  ];
  const foot =
    facts.length === 0 ? [] : [paint("dim", `  ${fitting(facts, ` ${glyphs.dot} `, columns).join(` ${glyphs.dot} `)}`)];
  return [
    ...foot,
    ...approvalLines(model, columns, theme),
    ...warnings(model).map((text) => paint("yellow", cut(`  ${glyphs.warn} ${text}`, columns, glyphs.ellipsis))),
  ];
}

/** What waits for a person, with the command that answers it: where there is little room, the title gives way. */
function approvalLines({ asked, open }: ProgressModel, columns: number, { glyphs, paint }: Theme): string[] {
  const lines = open.map(({ id, title }) => {
    const command = `flotilla approvals approve ${shortId(id)}`;
    const room = columns - 4 - command.length - 2;
    const question = room < 8 ? "" : `${cut(oneLine(title), room, glyphs.ellipsis)}  `;
    return cut(`  ${glyphs.warn} ${question}${command}`, columns, glyphs.ellipsis);
  });
  const more =
    asked.length > open.length && open.length > 0 ? [cut(`    and more: flotilla approvals ls`, columns, glyphs.ellipsis)] : [];
  return [...lines, ...more].map((line) => paint("yellow", line));
}

/** What a person should act on: nothing runs although something waits. */
function warnings({ health, waiting }: ProgressModel): string[] {
  if (health !== undefined && health.uncovered.length > 0)
    return [`no live worker has ${health.uncovered.map(oneLine).join(", ")}`];
  if (waiting === undefined || waiting.reason === "DISPATCHING" || waiting.reason === "WAITING_CHILDREN") return [];
  const text = waiting.reason in reasons ? reasons[waiting.reason as keyof typeof reasons] : "";
  return [oneLine(`${waiting.reason}${text === "" ? "" : `: ${text}`}${waiting.fix === "" ? "" : `; ${waiting.fix}`}`)];
}

export function doneOf(s: StageView): number {
  return s.succeeded + s.failed + s.canceled + s.quarantined;
}

function countsOf(s: StageView): string {
  return `${count(doneOf(s))}/${count(s.total)}`;
}
