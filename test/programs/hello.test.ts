// The first program that anybody writes: p1 of the API, run.
import { agent, createFleet } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";
import { collect } from "./collect.ts";

const greet = agent({
  name: "greet",
  input: z.object({ who: z.string() }),
  run: ({ who }) => ({ text: `Hello, ${who}` }),
});

test("an agent runs, by definition and by name", async () => {
  await using fleet = await createFleet({ definitions: [greet] });
  const hi = await fleet.run(greet, { who: "Ada" });
  expect(hi.text satisfies string).toBe("Hello, Ada");
  expect((await fleet.run("greet", { who: "Bo" })).text satisfies string).toBe("Hello, Bo");
  await fleet.close();
  await fleet.close();
});

test("a wrong field is refused with its path and what to do", async () => {
  await using fleet = await createFleet({ definitions: [greet] });
  // @ts-expect-error wrong field
  await expect(fleet.run(greet, { whom: "Ada" })).rejects.toMatchObject({
    code: "FLOTILLA_INPUT_INVALID",
    where: 'start("greet")',
    why: expect.stringContaining("who: "),
    fix: [expect.stringContaining("correct the field")],
  });
  // @ts-expect-error no such name
  await expect(fleet.run("great", { who: "Ada" })).rejects.toMatchObject({
    code: "FLOTILLA_UNKNOWN_DEFINITION",
    fix: ['did you mean "greet"?'],
  });
});

test("what nobody will answer is refused when the fleet closes", async () => {
  const stuck = agent({
    name: "stuck",
    input: z.object({}),
    run: (_, ctx) => new Promise((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(new Error("stopped")))),
  });
  const fleet = await createFleet({ definitions: [stuck] });
  const run = await fleet.start(stuck, {});
  const waiting = Promise.allSettled([run.result(), collect(run.events())]);
  await fleet.close();
  expect((await waiting).map((w) => w.status === "rejected" && (w.reason as { code?: string }).code)).toEqual([
    "FLOTILLA_CLOSED",
    "FLOTILLA_CLOSED",
  ]);
  await expect(fleet.start(stuck, {})).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
});
