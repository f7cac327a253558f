// What the fleet of docker-compose.yml runs. Put your own definitions here; orchestrators and workers read the same file.
import { agent, defineFleet, workflow } from "flotilla";
import * as z from "zod";

export const measure = agent({
  name: "measure",
  description: "Counts the letters of a word",
  input: z.object({ word: z.string() }),
  run: async ({ word }) => word.length,
});

export const report = workflow({
  name: "report",
  description: "Measures words side by side",
  input: z.object({ words: z.array(z.string()) }),
  async run({ words }, ctx) {
    const lengths = await ctx.map(
      measure,
      words.map((word) => ({ word })),
    );
    return { words: words.length, letters: lengths.reduce((sum, n) => sum + n, 0) };
  },
});

const named = (process.env["FLEET_HOSTS"] ?? "").split(",").filter((name) => name !== "");

export default defineFleet({
  definitions: [measure, report],
  server: {
    // Workers come in by the proxy's name.
    hosts: ["proxy", ...named],
    trustProxy: true,
  },
});
