// Agents that behave badly on purpose, and a workflow over them; what the processes of these tests run.
import { appendFileSync } from "node:fs";
import { agent, workflow } from "flotilla";
import * as z from "zod";

const Input = z.object({ log: z.string(), n: z.int() });

/** Says in a shared file that it ran: one line, appended whole. */
function note(log: string, text: string): void {
  appendFileSync(log, `${text}\n`);
}

export const innocent = agent({
  name: "innocent",
  input: Input,
  async run({ log, n }, ctx) {
    note(log, `start ${n}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    ctx.progress({ note: "half" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    note(log, `end ${n}`);
    return { n };
  },
});

export const poison = agent({
  name: "poison",
  input: Input,
  run({ log, n }): { n: number } {
    note(log, `poison ${n}`);
    process.kill(process.pid, "SIGKILL");
    return { n };
  },
});

export const blocker = agent({
  name: "blocker",
  input: Input,
  timeout: "300ms",
  retry: { attempts: 1 },
  run({ log, n }): { n: number } {
    note(log, `block ${n}`);
    for (;;);
  },
});

/** Talks on the channel that its worker talks on, and floods its output without a line end. */
export const chatty = agent({
  name: "chatty",
  input: Input,
  run({ n }) {
    for (const said of ["ready", { hello: 1 }, [1], { t: "settle" }, null]) process.send?.(said as never);
    for (let i = 0; i < 200; i++) process.stdout.write("x".repeat(65_536));
    return { n };
  },
});

export const mixed = workflow({
  name: "mixed",
  input: z.object({ log: z.string(), innocents: z.int(), with: z.enum(["poison", "blocker", "chatty"]) }),
  async run({ log, innocents, with: bad }, ctx) {
    const outcomes = await Promise.all([
      ctx
        .map(
          innocent,
          Array.from({ length: innocents }, (_, n) => ({ log, n })),
        )
        .settled(),
      ctx.call({ poison, blocker, chatty }[bad], { log, n: 99 }).settled(),
    ]);
    return {
      innocents: outcomes[0].items.map((i) => i.status),
      bad: outcomes[1].status,
      code: outcomes[1].status === "succeeded" ? null : outcomes[1].error.code,
    };
  },
});

export const long = workflow({
  name: "long",
  input: z.object({ log: z.string(), waves: z.int(), width: z.int() }),
  async run({ log, waves, width }, ctx) {
    const sums: number[] = [];
    for (let wave = 0; wave < waves; wave++) {
      const parts = await ctx.map(
        innocent,
        Array.from({ length: width }, (_, i) => ({ log, n: wave * width + i })),
      );
      sums.push(await ctx.step(`sum-${wave}`, () => parts.reduce((n, p) => n + p.n, 0)));
    }
    return { total: sums.reduce((a, b) => a + b, 0) };
  },
});
