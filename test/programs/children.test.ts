// The same definitions in child processes: what dies there is replaced, and what ran there is tried again.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFleet, type FleetConfig } from "flotilla";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { keeper, mortal, pid, secret, team } from "./agents/hardy.ts";

const definitions = [pid, mortal, secret, team, keeper] as const;
const modules = [new URL("./agents/hardy.ts", import.meta.url)];
const isolation = "child-process";
const door = new URL("../../src/index.ts", import.meta.url).href;

function open(o: Partial<FleetConfig<typeof definitions>> = {}) {
  return createFleet({ definitions, modules, workers: { isolation, count: 2 }, ...o });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-children-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Lines of the fleet about its own workers. */
const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
afterEach(() => stderr.mockClear());

test("agents run elsewhere, on as many processes as there are workers", async () => {
  await using fleet = await open();
  const pids = new Set(await Promise.all(Array.from({ length: 20 }, () => fleet.run(pid, {}))));
  expect(pids.has(process.pid)).toBe(false);
  expect(pids.size).toBe(2);
  expect(await fleet.run(team, { n: 10 })).toBe(10);
});

test("an agent that ends its process is tried again, and its process is replaced", async () => {
  await using fleet = await open({ workers: { isolation, count: 1 } });
  const before = await fleet.run(pid, {});
  expect(await fleet.run(mortal, { file: join(folder, "once"), crashes: 1 })).toBe(2);
  expect(await fleet.run(pid, {})).not.toBe(before);
  expect(stderr.mock.calls.join()).toContain("exited with code 7; another takes its place");
});

test("one that ends its process each time is quarantined, and its neighbours run", async () => {
  await using fleet = await open({ workers: { isolation, count: 1 } });
  const hopeless = await fleet.start(mortal, { file: join(folder, "always"), crashes: 1_000 });
  const neighbours = await Promise.all(Array.from({ length: 5 }, () => fleet.run(pid, {})));
  expect(neighbours).toHaveLength(5);
  expect(await hopeless.outcome()).toMatchObject({
    status: "quarantined",
    error: { code: "FLOTILLA_QUARANTINED", details: { crashes: 3 } },
  });
});

test("a caller of one that is quarantined learns it as an outcome", async () => {
  await using fleet = await open({ workers: { isolation, count: 1 } });
  expect(await fleet.run(keeper, { file: join(folder, "kept"), crashes: 1_000 })).toBe("quarantined FLOTILLA_QUARANTINED");
});

test("an agent's code sees no variable that was not named", async () => {
  vi.stubEnv("FLOTILLA_TEST_KEY", "k");
  try {
    await using fleet = await open();
    expect(await fleet.run(secret, { name: "FLOTILLA_TEST_KEY" })).toBe(null);
    await using open_ = await open({ workers: { isolation, passEnv: ["FLOTILLA_TEST_KEY"] } });
    expect(await open_.run(secret, { name: "FLOTILLA_TEST_KEY" })).toBe("k");
  } finally {
    vi.unstubAllEnvs();
  }
});

test("modules that cannot be imported, that open a fleet or that lack a definition are refused with the fix", async () => {
  const broken = await written("broken.ts", "export enum Color { red }");
  await expect(open({ modules: [broken] })).rejects.toMatchObject({
    code: "FLOTILLA_DEFINITION_UNREADABLE",
    details: { file: expect.stringContaining(broken), fix: expect.stringContaining("as const") },
  });

  const opens = await written(
    "opens.ts",
    `import { createFleet } from ${JSON.stringify(door)}; await createFleet({ definitions: [] });`,
  );
  await expect(open({ modules: [opens] })).rejects.toMatchObject({
    code: "FLOTILLA_CONFIG_INVALID",
    details: { field: "fleet.modules", fix: expect.stringContaining("a file of their own") },
  });

  await expect(
    createFleet({ definitions: [...definitions, ...others()], modules, workers: { isolation } }),
  ).rejects.toMatchObject({
    details: { field: "fleet.modules", problem: expect.stringContaining("no module exports other") },
  });
});

async function written(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

function others() {
  return [{ ...pid, name: "other", "~definition": { ...pid["~definition"], name: "other" } }] as const;
}
