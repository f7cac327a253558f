import { formatMs } from "../../core/duration.ts";
import type { HealthView } from "../../protocol/views.ts";
import { count, plural } from "../text/format.ts";
import type { Theme } from "../text/theme.ts";
import { cut } from "../text/width.ts";

/** One line under a fleet that is up. */
export function statusLine({ workers, queue, uncovered }: HealthView, columns: number, { paint, glyphs }: Theme): string {
  const busy = workers.busy > 0;
  const facts = [
    plural(workers.live, "worker"),
    `${count(workers.busy)}/${plural(workers.slots, "slot")} busy`,
    ...(queue.ready > 0 ? [`${count(queue.ready)} queued`] : []),
    ...(queue.delayed !== null && queue.delayed > 0 ? [`${count(queue.delayed)} delayed`] : []),
    ...(queue.oldestReadyMs === null ? [] : [`oldest wait ${formatMs(queue.oldestReadyMs)}`]),
    ...(uncovered.length > 0 ? [`no worker has ${uncovered.join(", ")}`] : []),
  ];
  const text = cut(
    `${busy ? glyphs.run : glyphs.off} ${busy ? "working" : "idle"} ${glyphs.dot} ${facts.join(` ${glyphs.dot} `)}`,
    columns,
    glyphs.ellipsis,
  );
  return paint(uncovered.length > 0 ? "yellow" : busy ? "cyan" : "dim", text);
}
