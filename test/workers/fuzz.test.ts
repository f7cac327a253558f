// Whatever comes over a socket: the server goes on, nothing is changed, and who sent it is told why.
import fc from "fast-check";
import { agent } from "flotilla";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { bounds } from "../../src/core/bounds.ts";
import type { FromWorker } from "../../src/protocol/worker.ts";
import { hello, Raw } from "./raw.ts";
import { openWorld, type RemoteWorld } from "./world.ts";

const echo = agent({ name: "echo", description: "gives back", input: z.unknown(), output: z.unknown(), run: (i) => i });
const card = {
  name: "mine",
  kind: "agent",
  implements: null,
  description: "",
  version: "1",
  needs: [],
  retry: { attempts: 1, backoff: "fixed", fromMs: 1, toMs: 1 },
  timeoutMs: null,
  idleTimeoutMs: null,
  idempotent: false,
  inputSchema: null,
  outputSchema: null,
};
const refusals = ["FLOTILLA_MESSAGE_INVALID", "FLOTILLA_TOO_LARGE", "FLOTILLA_PROTOCOL_VERSION", "FLOTILLA_CONFIG_INVALID"];
/** Of the WebSocket itself: broken frames, no UTF-8, too long. */
const closeCodes = [1002, 1006, 1007, 1009, 4400];
const runs = Number(process.env["FLOTILLA_WIRE_RUNS"] ?? 60);

let world: RemoteWorld;
const thrown: unknown[] = [];
const note = (e: unknown): void => void thrown.push(e);

beforeAll(async () => {
  process.on("uncaughtExceptionMonitor", note);
  world = await openWorld();
  await world.worker([echo]);
});
afterAll(async () => {
  process.off("uncaughtExceptionMonitor", note);
  await world[Symbol.asyncDispose]();
});

/** The link that said it is refused, with a word, and nobody else notices. */
async function refusedFor(raw: Raw): Promise<string> {
  const code = await raw.closed;
  expect(closeCodes).toContain(code);
  const refused = raw.frames.find((f) => f.t === "refused");
  if (!refused) return `${code}`;
  const error = refused["error"] as { code: string; stack?: string };
  expect(refusals).toContain(error.code);
  expect(error.stack).toBeUndefined();
  return error.code;
}

async function stillWorks(): Promise<void> {
  expect(await world.run("echo", { n: 1 })).toEqual({ status: "succeeded", value: { n: 1 } });
  expect(thrown).toEqual([]);
}

const fence = fc.record({ task: fc.nat(50), boot: fc.nat(5), leaseNo: fc.nat(4) });
const json = fc.jsonValue({ maxDepth: 3 });
const error = fc.record({ code: fc.string(), message: fc.string() });
/** Messages as they should be. */
const proper: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({
    t: fc.constant("settle"),
    fence,
    result: fc.oneof(
      fc.record({ status: fc.constant("succeeded"), value: json.map((v) => JSON.stringify(v)) }),
      fc.record({ status: fc.constant("failed"), error, terminal: fc.boolean() }),
    ),
    spent: fc.constantFrom(null, { microUsd: 1, inputTokens: 1, outputTokens: -1 }),
  }),
  fc.record({
    t: fc.constant("acts"),
    fence,
    acts: fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("step"), act: fc.integer({ min: 1, max: 9 }), key: fc.string(), askedAfter: fc.nat(3) }),
        fc.record({
          kind: fc.constant("step-result"),
          act: fc.integer({ min: 1, max: 9 }),
          value: fc.constantFrom(null, "1"),
          error: fc.constant(null),
        }),
        fc.record({ kind: fc.constant("cancel"), act: fc.integer({ min: 1, max: 9 }), reason: fc.string() }),
        fc.record({ kind: fc.constant("wait"), seen: fc.nat(9) }),
      ),
      { maxLength: 4 },
    ),
  }),
  fc.record({ t: fc.constant("ended"), fence }),
  fc.record({ t: fc.constant("more"), fence }),
  fc.record({ t: fc.constant("get"), fence, request: fc.integer(), ref: fc.string() }),
  fc.record({ t: fc.constant("put"), fence, request: fc.integer(), value: fc.string(), type: fc.constant(null) }),
  fc.record({ t: fc.constant("pong"), n: fc.nat(9), holds: fc.nat(9) }),
  fc.record({ t: fc.constant("log"), fence, level: fc.constant("info"), message: fc.string(), fields: json }),
  fc.record({ t: fc.constant("answer"), fence, request: fc.nat(3), value: fc.constant("1"), error: fc.constant(null) }),
);
/** And with one part of them replaced by anything. */
const bent = fc.tuple(proper, fc.nat(), json).map(([message, at, by]) => {
  const paths: string[][] = [];
  const walk = (value: unknown, path: string[]): void => {
    paths.push(path);
    if (typeof value === "object" && value !== null) for (const [k, v] of Object.entries(value)) walk(v, [...path, k]);
  };
  walk(message, []);
  const path = paths[at % paths.length] as string[];
  if (path.length === 0) return by;
  const copy = structuredClone(message) as Record<string, unknown>;
  let into = copy;
  for (const k of path.slice(0, -1)) into = into[k] as Record<string, unknown>;
  into[path.at(-1) as string] = by;
  return copy;
});

describe("the workers' endpoint", { timeout: 120_000 }, () => {
  test("refuses what is no frame, and goes on", async () => {
    const text = fc.oneof(
      fc.string(),
      json.map((v) => JSON.stringify(v)),
      fc.constantFrom("", "null", "[]", "{}", '{"t":"begin"}', '{"t":"messages","n":1,"a":0,"m":[]}'),
    );
    await fc.assert(
      fc.asyncProperty(text, async (said) => {
        const raw = await Raw.open(world.url);
        raw.send(said);
        expect(await refusedFor(raw)).toBe("FLOTILLA_MESSAGE_INVALID");
      }),
      { numRuns: runs },
    );
    await stillWorks();
  });

  test("takes well-formed messages of a worker that has nothing, and changes nothing by them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(proper, bent), { minLength: 1, maxLength: 8 }), async (messages) => {
        const raw = await Raw.open(world.url);
        await raw.begin();
        messages.forEach((m, i) => raw.send({ t: "messages", n: i + 1, a: 0, m: [m] }));
        // Broken last: what was before it was taken or refused by then.
        raw.send("broken");
        expect(await refusedFor(raw)).toBe("FLOTILLA_MESSAGE_INVALID");
      }),
      { numRuns: runs },
    );
    await stillWorks();
  });

  test("whatever a worker says of its own attempt hurts nobody else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(proper, bent), { minLength: 1, maxLength: 8 }), async (messages) => {
        const raw = await Raw.open(world.url);
        await raw.begin({ definitions: [card] });
        const id = await world.start("mine", {});
        const mine = await assigned(raw);
        messages.forEach((m, i) => {
          const own = typeof m === "object" && m !== null && "fence" in m ? { ...m, fence: mine } : m;
          raw.send({ t: "messages", n: i + 1, a: 0, m: [own] });
        });
        raw.send("broken");
        expect(await refusedFor(raw)).toBe("FLOTILLA_MESSAGE_INVALID");
        await world.orchestrator.cancel(id, "seen enough");
      }),
      { numRuns: runs },
    );
    await stillWorks();
  });

  test.each([
    ["a binary frame", Buffer.from("{}")],
    ["a frame above the cap", "x".repeat(bounds.frameBytes + 1)],
    ["a message before the beginning", { t: "messages", n: 1, a: 0, m: [{ t: "pong", n: 1, holds: 0 }] }],
    ["another version", { t: "begin", fenceMs: 1, hello: { ...hello, protocol: 2 } }],
    ["a resume of another version", { t: "resume", protocol: 9, session: "s", received: 0 }],
    ["more slots than there are", { t: "begin", fenceMs: 1, hello: { ...hello, slots: 1e9 } }],
    [
      "more definitions than there are",
      { t: "begin", fenceMs: 1, hello: { ...hello, definitions: Array.from({ length: 10_001 }, () => null) } },
    ],
    ["a deep nest", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ])("refuses %s", async (_what, frame) => {
    const raw = await Raw.open(world.url);
    raw.send(frame);
    await refusedFor(raw);
    await stillWorks();
  });

  test("names both versions when they differ", async () => {
    const raw = await Raw.open(world.url);
    raw.send({ t: "begin", fenceMs: 1, hello: { ...hello, protocol: 2 } });
    const refused = (await raw.until("refused")) as { error: { code: string; details: unknown } } | undefined;
    expect(refused?.error).toMatchObject({ code: "FLOTILLA_PROTOCOL_VERSION", details: { worker: 2, orchestrator: 1 } });
  });

  test.each([
    ["a gap", { t: "messages", n: 5, a: 0, m: [] }],
    ["an acknowledgement of what was never sent", { t: "ack", a: 1_000 }],
    ["a second beginning", { t: "begin", fenceMs: 1, hello }],
    ["parts that are no JSON", { t: "part", n: 1, a: 0, text: "{", last: true }],
    ["parts that are no messages", { t: "part", n: 1, a: 0, text: '[{"t":"welcome"}]', last: true }],
  ])("within a session it refuses %s", async (_what, frame) => {
    const raw = await Raw.open(world.url);
    await raw.begin();
    raw.send(frame);
    await refusedFor(raw);
    await stillWorks();
  });

  test("a session is nobody's who does not know its name", async () => {
    const raw = await Raw.open(world.url);
    raw.send({ t: "resume", protocol: 1, session: "s_00000000000000000000000000000000", received: 0 });
    expect(await raw.until("unknown")).toEqual({ t: "unknown" });
    raw.close();
  });

  test("ends of other workers' attempts, of old leases and told twice change nothing", async () => {
    const go = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const secret = agent({
      name: "secret",
      description: "waits",
      input: z.object({}),
      output: z.string(),
      async run() {
        begun.resolve();
        await go.promise;
        return "its own";
      },
    });
    await world.worker([secret], { name: "victim" });
    const id = await world.start("secret", {});
    await begun.promise;
    const thief = await Raw.open(world.url);
    await thief.begin({ definitions: [card] });
    const own = await world.start("mine", {});
    const mine = await assigned(thief);
    let n = 0;
    const say = (...m: readonly FromWorker[]): void => thief.send({ t: "messages", n: ++n, a: 0, m });
    // The numbers are small: all that there are, of every lease.
    for (let task = 0; task <= mine.task + 3; task++) {
      for (let leaseNo = 0; leaseNo < 4; leaseNo++) {
        if (task === mine.task && leaseNo === mine.leaseNo) continue;
        const forged = { ...mine, task, leaseNo };
        say(
          { t: "settle", fence: forged, result: { status: "succeeded", value: '"stolen"' }, spent: null },
          { t: "acts", fence: forged, acts: [{ kind: "emit", act: 1, key: "k", askedAfter: 0, name: "forged", value: "1" }] },
          { t: "ended", fence: forged },
        );
      }
    }
    say({ t: "settle", fence: mine, result: { status: "succeeded", value: '"first"' }, spent: null });
    say({ t: "settle", fence: mine, result: { status: "succeeded", value: '"second"' }, spent: null });
    expect(await world.outcome(own)).toEqual({ status: "succeeded", value: "first" });
    go.resolve();
    expect(await world.outcome(id)).toEqual({ status: "succeeded", value: "its own" });
    thief.close();
    await stillWorks();
  });
});

async function assigned(raw: Raw): Promise<{ task: number; boot: number; leaseNo: number }> {
  for (;;) {
    for (const frame of raw.frames)
      for (const m of (frame["m"] ?? []) as { t: string; tasks: { fence: { task: number; boot: number; leaseNo: number } }[] }[])
        if (m.t === "assign") return (m.tasks[0] as (typeof m.tasks)[number]).fence;
    raw.frames.length = 0;
    await raw.until("messages");
  }
}
