import type { FromWorker, ToWorker } from "./worker.ts";

/** A message that carries many things, as messages that carry one each: what no link carries at once. */
export function partsOf(m: FromWorker | ToWorker): readonly (FromWorker | ToWorker)[] {
  switch (m.t) {
    case "assign":
      return m.tasks.map((task) => ({ ...m, tasks: [task] }));
    case "deliver":
      return m.deliveries.map((delivery) => ({ ...m, deliveries: [delivery] }));
    case "acts":
      return m.acts.map((act) => ({ ...m, acts: [act] }));
    default:
      return [m];
  }
}
