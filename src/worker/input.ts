import type { Attempt } from "./attempt.ts";
import { parseInput } from "./values.ts";

/** What the code gets. References in `items` are loaded first, when its caller passed its inputs by reference. */
export function inputOf(attempt: Attempt): unknown {
  const { input, inflate } = attempt.assignment;
  if (!inflate) return parseInput(attempt.definition, input);
  return loadItems(attempt, input).then((text) => parseInput(attempt.definition, text));
}

/** At a time: each may be as large as an artifact. */
const loadsMax = 8;

async function loadItems(attempt: Attempt, input: string): Promise<string> {
  const whole = JSON.parse(input) as { items: unknown[] };
  const items = whole.items.slice();
  let next = 0;
  const load = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      const hash = (items[at] as { $artifact?: unknown } | null)?.$artifact;
      if (typeof hash === "string") items[at] = JSON.parse(await attempt.get(hash));
    }
  };
  await Promise.all(Array.from({ length: loadsMax }, load));
  return JSON.stringify({ ...whole, items });
}
