// Loops that never end: the next execution has the messages that the last one did not take.
import { createFleet, message, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";

const add = message("add", z.int());
const account = workflow({
  name: "account",
  input: z.object({ sum: z.int(), executions: z.int() }),
  async run({ sum, executions }, ctx) {
    ctx.query("sum", () => sum);
    const n = await ctx.waitFor(add);
    if (n === 0) return { sum, executions, id: ctx.task.id };
    return ctx.continueAs({ sum: sum + n, executions: executions + 1 });
  },
});
const owner = workflow({
  name: "owner",
  input: z.object({ amounts: z.array(z.int()) }),
  async run({ amounts }, ctx) {
    const child = await ctx.start(account, { sum: 0, executions: 1 });
    for (const n of amounts) await child.send(add, n);
    return (await child.result()).sum;
  },
});

test("messages that nobody has taken stay, in their order, and its id stays", async () => {
  await using fleet = await createFleet({ definitions: [account, owner] });
  const run = await fleet.start(account, { sum: 0, executions: 1 });
  for (const n of [1, 2, 3, 0]) await run.send(add, n, { idempotencyKey: `${n}` });
  expect(await run.result()).toEqual({ sum: 6, executions: 4, id: run.id.replace("r_", "t_") });
});

test("a key is taken once, also by another execution", async () => {
  await using fleet = await createFleet({ definitions: [account, owner] });
  const run = await fleet.start(account, { sum: 0, executions: 1 });
  await run.send(add, 5, { idempotencyKey: "five" });
  while ((await run.query("sum")) !== 5);
  await run.send(add, 5, { idempotencyKey: "five" });
  await run.send(add, 0);
  expect(await run.result()).toMatchObject({ sum: 5, executions: 2 });
});

test("a caller waits for the last execution", async () => {
  await using fleet = await createFleet({ definitions: [account, owner] });
  expect(await fleet.run(owner, { amounts: [1, 1, 1, 0] })).toBe(3);
});
