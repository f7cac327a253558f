import { agent, createFleet, workflow } from "flotilla";
import { storeOf } from "../harness/store.ts";
import { unchecked } from "../harness/schema.ts";

/** Seconds from the start of a run to its result: one parent, `children` no-op children, joined. */
export async function work(o: {
  path?: string;
  url?: string;
  children: number;
  rounds: number;
  slots: number;
}): Promise<number[]> {
  const child = agent({ name: "child", input: unchecked<{ i: number }>(), run: ({ i }) => ({ i }) });
  const parent = workflow({
    name: "parent",
    input: unchecked<{ n: number }>(),
    run: async ({ n }, ctx) => {
      const values = await ctx.map(
        child,
        Array.from({ length: n }, (_, i) => ({ i })),
      );
      return { joined: values.length };
    },
  });
  const fleet = await createFleet({ definitions: [child, parent], store: storeOf(o), workers: { slots: o.slots } });
  await fleet.run(parent, { n: 500 });

  const seconds: number[] = [];
  for (let round = 0; round < o.rounds; round++) {
    const started = performance.now();
    const { joined } = await fleet.run(parent, { n: o.children });
    seconds.push((performance.now() - started) / 1_000);
    if (joined !== o.children) throw new Error(`joined ${joined} of ${o.children}`);
  }
  await fleet.close();
  return seconds;
}
