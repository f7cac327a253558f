import * as z from "zod";
import { agent } from "../../src/index.ts";

/** What a process says of its runs. */
export const told = { ran: (_n: number): void => {} };

/** Of tests whose fleets are in several processes. */
export const noted = agent({
  name: "noted",
  input: z.object({ n: z.number() }),
  output: z.number(),
  async run({ n }) {
    told.ran(n);
    return n;
  },
});
