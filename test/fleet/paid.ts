// Agents whose effect is a row of their own database: the one that the fleet's store is in.
import pg from "pg";
import * as z from "zod";
import { agent, workflow } from "../../src/index.ts";

const input = z.object({
  n: z.number(),
  url: z.string(),
  /** Where the schema of the effects is. */
  schema: z.string(),
  /** What happens at the first try; what comes after it goes straight through. */
  first: z.enum([
    "dies before the commit",
    "dies after the commit",
    "fails after the commit",
    "hangs after the commit",
    "hangs before the commit",
    "returns",
  ]),
});

export const paid = agent({
  name: "paid",
  input,
  output: z.object({ receipt: z.number(), mark: z.string() }),
  retry: { attempts: 3, backoff: "fixed", from: "10ms", to: "10ms" },
  async run({ n, url, schema, first }, ctx) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const { rowCount: begun } = await client.query(`INSERT INTO ${schema}.begun (n) VALUES ($1) ON CONFLICT DO NOTHING`, [n]);
      const what = begun === 1 ? first : "returns";
      // A character that the store writes in a way of its own.
      const value = { receipt: n * 10, mark: "\uFFFF0 \u0000" };
      await client.query("BEGIN");
      await client.query(`INSERT INTO ${schema}.paid (n) VALUES ($1)`, [n]);
      await ctx.completeIn(client, value);
      if (what === "dies before the commit") process.kill(process.pid, "SIGKILL");
      if (what === "hangs before the commit") await hang(`open ${n}`);
      await client.query("COMMIT");
      if (what === "dies after the commit") process.kill(process.pid, "SIGKILL");
      if (what === "fails after the commit") throw new Error("something else went wrong");
      if (what === "hangs after the commit") await hang(`paid ${n}`);
      return value;
    } finally {
      await client.end();
    }
  },
});

/** Its child is the one that pays. */
export const order = workflow({
  name: "order",
  input,
  output: z.object({ receipt: z.number(), mark: z.string() }),
  run: (o, ctx) => ctx.call(paid, o),
});

async function hang(said: string): Promise<never> {
  console.log(said);
  return new Promise(() => {});
}
