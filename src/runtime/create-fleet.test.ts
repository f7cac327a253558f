import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../client/agent.ts";
import { contract } from "../client/contract.ts";
import type { LogSink } from "../core/log.ts";
import { createFleet, openFleet } from "./create-fleet.ts";
import { systemDeps } from "./deps.ts";

const input = z.object({ n: z.int() });
const double = agent({ name: "double", input, run: ({ n }) => n * 2 });
const triple = agent({ name: "triple", input, run: ({ n }) => n * 3 });
/** Another definition that has the name of `double`. */
const impostor = agent({ name: "double", input, run: ({ n }) => n + 2 });

/** An agent that says when it runs, and goes on when it is told to. */
function gated() {
  let began = () => {};
  let go = () => {};
  const running = new Promise<void>((resolve) => (began = resolve));
  const released = new Promise<void>((resolve) => (go = resolve));
  const definition = agent({
    name: "gated",
    input,
    async run({ n }, ctx) {
      began();
      const stopped = new Promise<never>((_resolve, reject) =>
        ctx.signal.addEventListener("abort", () => reject(new Error("stopped"))),
      );
      await Promise.race([released, stopped]);
      return n;
    },
  });
  return { definition, running, go: () => go() };
}

let folder: string;
let store: `sqlite:${string}`;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-fleet-"));
  store = `sqlite:${join(folder, "f.db")}`;
});
afterEach(() => rm(folder, { recursive: true }));

describe("a file", () => {
  test("keeps runs beyond the fleet that started them", async () => {
    const first = await createFleet({ definitions: [double], store });
    const { id } = await first.start(double, { n: 4 });
    await (await first.get(id)).result();
    await first.close();
    await using again = await createFleet({ definitions: [double], store });
    expect(await (await again.get(id)).result()).toBe(8);
  });

  test("keeps what ran when the fleet closed: it is taken up again", async () => {
    const stuck = gated();
    const first = await createFleet({ definitions: [stuck.definition], store });
    const { id } = await first.start(stuck.definition, { n: 7 });
    await stuck.running;
    await first.close();
    const free = gated();
    free.go();
    await using again = await createFleet({ definitions: [free.definition], store });
    expect(await (await again.get(id)).result()).toBe(7);
  });

  test("that cannot be opened is told, and may be opened later", async () => {
    await mkdir(join(folder, "f.db"));
    await expect(createFleet({ definitions: [double], store })).rejects.toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
    await rm(join(folder, "f.db"), { recursive: true });
    await using fleet = await createFleet({ definitions: [double], store });
    expect(await fleet.run(double, { n: 1 })).toBe(2);
  });
});

describe("one file opened twice in a process is one fleet", () => {
  test("that knows what both define, and lives until the last handle is closed", async () => {
    const [a, b] = await Promise.all([
      createFleet({ definitions: [double], store }),
      createFleet({ definitions: [double, triple], store }),
    ]);
    const run = await a.start(double, { n: 1 });
    expect(await (await b.get(run.id)).result()).toBe(2);
    expect(await (a as unknown as typeof b).run(triple, { n: 1 })).toBe(3);
    await a.close();
    await expect(a.run(double, { n: 1 })).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    expect(await b.run(double, { n: 2 })).toBe(4);
    await b.close();
  });

  test("under whatever name", async () => {
    await symlink(folder, `${folder}-link`);
    try {
      await using _a = await createFleet({ definitions: [double], store });
      await using b = await createFleet({ definitions: [triple], store: `sqlite:${folder}-link/f.db` });
      expect(await (b as unknown as typeof _a).run(double, { n: 1 })).toBe(2);
    } finally {
      await rm(`${folder}-link`);
    }
  });

  test("while it closes, the next one waits for it", async () => {
    const a = await createFleet({ definitions: [double], store });
    const closing = a.close();
    await using b = await createFleet({ definitions: [impostor], store });
    await closing;
    expect(await b.run(impostor, { n: 1 })).toBe(3);
  });

  test("a name that means something else there is refused, and harms nobody", async () => {
    await using a = await createFleet({ definitions: [double], store });
    await expect(createFleet({ definitions: [triple, impostor], store })).rejects.toMatchObject({
      code: "FLOTILLA_DUPLICATE_NAME",
      details: { name: "double" },
    });
    await expect(createFleet({ definitions: [double], store, durability: "process" })).rejects.toMatchObject({
      details: { field: "fleet.durability" },
    });
    expect(await a.run(double, { n: 1 })).toBe(2);
  });

  test("two stores in memory are two fleets", async () => {
    await using a = await createFleet({ definitions: [double] });
    await using b = await createFleet({ definitions: [impostor] });
    expect([await a.run(double, { n: 1 }), await b.run(impostor, { n: 1 })]).toEqual([2, 3]);
  });
});

describe("options of the fleet", () => {
  test("a start beyond quotas.queued is refused, and its run says what queue it met", async () => {
    const one = gated();
    await using fleet = await createFleet({
      definitions: [one.definition],
      workers: { slots: 1 },
      quotas: { queued: 1 },
    });
    const first = await fleet.start(one.definition, { n: 1 });
    await one.running;
    const second = await fleet.start(one.definition, { n: 2 });
    expect([first.queued, second.queued]).toEqual([
      { depth: 0, pressure: "none" },
      { depth: 0, pressure: "none" },
    ]);
    await expect(fleet.start(one.definition, { n: 3 })).rejects.toMatchObject({ code: "FLOTILLA_TOO_MANY" });
    expect((await fleet.get(first.id)).queued).toBeNull();
    one.go();
    expect(await second.result()).toBe(2);
  });

  test("a later handle is told which of its options have no effect", async () => {
    const lines: unknown[] = [];
    const log: LogSink = (level, message, fields) => void (level === "warn" && lines.push([message, fields]));
    const config = { definitions: [double], store, workers: { count: 1 } };
    const a = await openFleet(config, { ...systemDeps, log });
    const same = await openFleet(config, { ...systemDeps, log });
    expect(lines).toEqual([]);
    const more = { ...config, workers: { count: 4 }, abortGrace: "1m" as const };
    const other = await openFleet(more, { ...systemDeps, log });
    expect(lines).toEqual([[expect.stringContaining("workers, abortGrace"), { ignored: ["workers", "abortGrace"] }]]);
    await Promise.all([a, same, other].map(({ fleet }) => fleet.close()));
  });
});

describe("the end of a fleet", () => {
  test("drain lets what runs end, and takes nothing more", async () => {
    const one = gated();
    const fleet = await createFleet({ definitions: [one.definition] });
    const run = await fleet.start(one.definition, { n: 5 });
    const result = run.result();
    await one.running;
    const drained = fleet.drain();
    await expect(fleet.start(one.definition, { n: 6 })).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    one.go();
    await drained;
    expect(await result).toBe(5);
    await fleet.close();
  });

  test("drain of one handle leaves the fleet to the others; the last one's drains it", async () => {
    const one = gated();
    const a = await createFleet({ definitions: [one.definition], store });
    const b = await createFleet({ definitions: [double], store });
    const run = await a.start(one.definition, { n: 5 });
    const result = run.result();
    await one.running;
    let over = false;
    const drained = a.drain().then(() => (over = true));
    await expect(a.start(one.definition, { n: 6 })).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    expect(await b.run(double, { n: 4 })).toBe(8);
    expect(over).toBe(false);
    one.go();
    await drained;
    expect(await result).toBe(5);
    await b.drain();
    await expect(b.start(double, { n: 1 })).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    await expect(createFleet({ definitions: [double], store })).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    await Promise.all([a.close(), b.close()]);
    await using c = await createFleet({ definitions: [double], store });
    expect(await c.run(double, { n: 2 })).toBe(4);
  });

  test("a handle that is closed does not keep another one's drain from the fleet", async () => {
    const a = await createFleet({ definitions: [double], store });
    const b = await createFleet({ definitions: [double], store });
    await a.drain();
    await a.close();
    expect(await b.run(double, { n: 4 })).toBe(8);
    await b.drain();
    await expect(createFleet({ definitions: [], store })).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    await b.close();
  });

  test("close is idempotent, also at once", async () => {
    const fleet = await createFleet({ definitions: [double], store });
    await Promise.all([fleet.close(), fleet.close(), fleet[Symbol.asyncDispose]()]);
    expect(await fleet.close()).toBeUndefined();
  });
});

describe("contracts without an implementation", () => {
  test("are warned of, and told by health", async () => {
    const ocr = contract({ name: "ocr", input, output: z.int() });
    const lines: string[] = [];
    const log: LogSink = (level, message) => lines.push(`${level} ${message}`);
    const { fleet, orchestrator } = await openFleet({ definitions: [double, ocr] }, { ...systemDeps, log });
    expect(lines).toEqual([expect.stringMatching(/^warn contract ocr has no implementation/)]);
    const run = await fleet.start(ocr, { n: 1 });
    expect((await orchestrator.health()).uncovered).toEqual(["ocr"]);
    expect(await orchestrator.explain(run.id)).toMatchObject({ reason: "NO_CAPABLE_WORKER" });
    await fleet.close();
  });
});
