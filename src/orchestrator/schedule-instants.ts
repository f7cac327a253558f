import { everyInstants, within, type Instants, type Timing } from "../core/schedule.ts";

/** When a schedule ticks. Croner is loaded when the first cron pattern is met. @throws what is wrong with the pattern. */
export async function instantsOf(t: Timing): Promise<Instants> {
  if (t.cron === null) return within(everyInstants(t.everyMs as number, t.startAt), t);
  const { Cron } = await import("croner");
  const cron = new Cron(t.cron, { paused: true, timezone: t.timeZone ?? "UTC", mode: "5-or-6-parts" });
  return within(
    {
      after: (at) => cron.nextRun(new Date(at))?.getTime() ?? null,
      // It gives those before its argument, the latest first.
      until: (at, count) =>
        cron
          .previousRuns(count, new Date(at + 1))
          .map((tick) => tick.getTime())
          .reverse(),
    },
    t,
  );
}
