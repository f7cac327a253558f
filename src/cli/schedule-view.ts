import { formatMs } from "../core/duration.ts";
import type { ScheduleView } from "../protocol/schedules.ts";
import type { Context, Printer } from "./context.ts";
import { shortId } from "./short-id.ts";
import { renderFields } from "./text/fields.ts";
import { ago } from "./text/format.ts";
import { oneLine } from "./text/width.ts";

const colorOf = { active: "green", paused: "yellow", ended: "dim" } as const;

export function paintScheduleState(text: string, s: ScheduleView, { theme }: Printer): string {
  return theme.paint(colorOf[s.state], text);
}

/** `30 2 * * * Europe/Berlin`, `every 15m00s`. */
export function timingText(s: ScheduleView): string {
  return s.cron === null ? `every ${formatMs(s.everyMs ?? 0)}` : `${s.cron} ${s.timeZone ?? ""}`.trim();
}

export function scheduleLines(s: ScheduleView, c: Context): string[] {
  const { theme, columns } = c.out;
  const when = (at: string | null) => (at === null ? "" : `${at} (${ago(at, c.io.clock.now())})`);
  const fields = renderFields(
    [
      ["starts", oneLine(s.target)],
      ["input", oneLine(JSON.stringify(s.input))],
      ["when", timingText(s)],
      ["from", s.startAt ?? ""],
      ["until", s.endAt ?? ""],
      ["next", s.nextAt ?? ""],
      ["last", when(s.lastAt)],
      ["last run", s.lastRun === null ? "" : shortId(s.lastRun)],
      ["passed over", s.skipped === null ? "" : `${s.skipped.why}: ${s.skipped.fromAt} to ${s.skipped.toAt}`],
      ["missed", s.onMissed],
      ["overlap", s.overlap],
      ["tenant", s.tenant === "default" ? "" : s.tenant],
      ["held by", s.origin === "code" ? "the fleet's definition" : ""],
    ],
    { theme, columns, indent: 2 },
  );
  return [`${paintScheduleState(s.state, s, c.out)}  ${theme.paint("bold", oneLine(s.name))}`, ...fields];
}
