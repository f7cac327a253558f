import { agent, createFleet } from "flotilla";
import * as z from "zod";

const greet = agent({
  name: "greet",
  input: z.object({ who: z.string() }),
  run: ({ who }) => ({ text: `Hello, ${who}` }),
});

const fleet = await createFleet({ definitions: [greet] }); // memory store, 1 worker
const hi = await fleet.run(greet, { who: "Ada" });
hi.text satisfies string;
const hi2 = await fleet.run("greet", { who: "Ada" });
hi2.text satisfies string;
// @ts-expect-error wrong field
await fleet.run(greet, { whom: "Ada" });
// @ts-expect-error no such name
await fleet.run("great", { who: "Ada" });
await fleet.close();
