import { openWorld, script, RetryableError } from "flotilla";
import { review, audit } from "./p2-fanout.ts";
declare function test(name: string, fn: () => Promise<void>): void;
declare function expect<T>(v: T): { toBe(x: T): void; toEqual(x: unknown): void };

test("audit survives a crash, a 429 and one hopeless file", async () => {
  await using world = await openWorld({
    definitions: [review, audit],
    seed: 7,
    workers: 12,
    scripts: [
      script(review, ({ path }, nth) => {
        if (path === "bad.ts") return { throws: new RetryableError("429", { retryAfter: "30s" }) };
        return nth === 1 ? { crash: true } : { returns: { path, findings: [] }, after: "2s", usage: { inputTokens: 900 } };
      }),
    ],
  });
  const run = await world.fleet.start(audit, {
    files: [
      { path: "a.ts", bytes: 10 },
      { path: "bad.ts", bytes: 10 },
    ],
  });
  await world.clock.advance("15m");
  const o = await run.outcome();
  expect(o.status).toBe("partial");
  if (o.status === "partial") o.value.reviewed satisfies number;
  expect(world.calls(review).map((c) => c.input.path)).toEqual(["a.ts", "a.ts", "bad.ts"]);
  world.assertScriptsUsedUp();
});
// @ts-expect-error scripted result does not fit the agent's output
script(review, [{ returns: { path: 1, findings: [] } }]);
