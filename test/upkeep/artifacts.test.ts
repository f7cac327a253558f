// A file is there as long as a run uses it, and not longer.
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ArtifactKeeper } from "../../src/orchestrator/upkeep/artifacts.ts";
import type { ArtifactStore } from "../../src/store/artifact-store.ts";
import { artifactPath, fileArtifacts } from "../../src/store/artifacts/files.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { checkStore } from "../../src/store/sqlite/inspect/check.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Assignment } from "../../src/protocol/worker.ts";
import { openWorld, testClock, type World } from "../orchestrator/world.ts";
import { query, tempFolder } from "./folder.ts";

const hour = 3_600_000;
const big = (letter: string) => JSON.stringify(letter.repeat(70_000));

async function openAt(path: string): Promise<World> {
  return openWorld({
    store: openSqliteStore({ path }),
    artifacts: fileArtifacts(`${path}.artifacts`),
    retention: { succeededMs: hour, failedMs: hour, idempotencyForMs: 0 },
  });
}

async function begun(world: World, input = "{}") {
  const worker = world.worker();
  const { id } = await world.start("work", { input });
  await world.turn();
  return { id, worker, task: worker.assigned.at(-1) as Assignment };
}

async function ended(world: World, value: string, input?: string): Promise<string> {
  const { id, worker, task } = await begun(world, input);
  worker.say({ t: "settle", fence: task.fence, result: { status: "succeeded", value }, spent: null });
  await world.orchestrator.outcome(id);
  worker.attachment.lost("left", { observed: false });
  await world.turn();
  return id;
}

const hashesOf = (path: string) =>
  query<{ hash: string; run: number }>(path, "SELECT hash, run FROM artifact_use ORDER BY run, hash");

/** Files are removed by the file system, which tells nobody: looked at again until it is so. */
async function gone(world: World, file: string): Promise<void> {
  while (existsSync(file)) {
    await world.turn();
    world.clock.advance(60_000);
  }
}

describe("an artifact", () => {
  test("goes with the last run that uses it", async () => {
    const path = join(tempFolder(), "a.db");
    await using world = await openAt(path);
    const first = await ended(world, big("a"));
    const [use] = hashesOf(path);
    const file = artifactPath(`${path}.artifacts`, use?.hash ?? "");
    expect(existsSync(file)).toBe(true);
    world.clock.advance(hour / 2);
    const second = await ended(world, big("a"));
    expect(hashesOf(path)).toHaveLength(2);
    for (let minute = 0; minute < 32; minute++) {
      world.clock.advance(60_000);
      await world.turn();
    }
    await expect(world.orchestrator.run(first)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect(await world.orchestrator.outcome(second)).toMatchObject({ value: big("a") });
    world.clock.advance(hour);
    await gone(world, file);
    expect(hashesOf(path)).toEqual([]);
  });

  test("is used by the run whose code put it, from before the code has its reference", async () => {
    const path = join(tempFolder(), "a.db");
    await using world = await openAt(path);
    const { worker, task } = await begun(world);
    worker.say({ t: "put", fence: task.fence, request: 1, value: '"small"', type: null });
    while (worker.of("reply").length === 0) await world.turn();
    const { $artifact: hash } = JSON.parse(worker.of("reply")[0]?.value ?? "") as { $artifact: string };
    expect(hashesOf(path)).toEqual([{ hash, run: 1 }]);
  });

  test("is used by a run whose input names it", async () => {
    const path = join(tempFolder(), "a.db");
    await using world = await openAt(path);
    const maker = await ended(world, big("b"));
    const hash = hashesOf(path)[0]?.hash ?? "";
    world.clock.advance(hour / 2);
    await ended(world, "1", JSON.stringify({ from: { $artifact: hash, bytes: 5 } }));
    expect(hashesOf(path).map((u) => u.run)).toEqual([1, 2]);
    for (let minute = 0; minute < 32; minute++) {
      world.clock.advance(60_000);
      await world.turn();
    }
    await expect(world.orchestrator.run(maker)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect(await world.orchestrator.artifact(hash)).toBe(big("b"));
  });

  test("of an attempt that had lost its lease is no use of anybody", async () => {
    const path = join(tempFolder(), "a.db");
    await using world = await openAt(path);
    const { id, worker, task } = await begun(world);
    worker.say({ t: "settle", fence: task.fence, result: { status: "succeeded", value: big("c") }, spent: null });
    await world.orchestrator.cancel(id, "enough");
    await world.orchestrator.outcome(id);
    expect(hashesOf(path)).toEqual([]);
  });

  test("that was put a moment ago stays, although the run that used it is deleted just now", async () => {
    const clock = testClock();
    const keeper = new ArtifactKeeper(memoryArtifacts(), clock, () => {});
    const store = { upkeep: { unused: (hashes: readonly string[]) => hashes } } as never;
    const { hash } = await keeper.put("text");
    await keeper.sweep(store, [hash]);
    expect(await keeper.get(hash)).toBe("text");
    clock.advance(600_000);
    await keeper.sweep(store, []);
    await expect(keeper.get(hash)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  });

  test("that is put while its file is being removed is written anew", async () => {
    const memory = memoryArtifacts();
    const removal = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const slow: ArtifactStore = {
      ...memory,
      async remove(hash) {
        begun.resolve();
        await removal.promise;
        await memory.remove(hash);
      },
    };
    const clock = testClock();
    const keeper = new ArtifactKeeper(slow, clock, () => {});
    const store = { upkeep: { unused: (hashes: readonly string[]) => hashes } } as never;
    const { hash } = await keeper.put("text");
    clock.advance(600_000);
    const sweeping = keeper.sweep(store, [hash]);
    await begun.promise;
    const putting = keeper.put("text");
    removal.resolve();
    await sweeping;
    await putting;
    expect(await keeper.get(hash)).toBe("text");
  });

  test("that a run begins to use while another is removed stays", async () => {
    const memory = memoryArtifacts();
    const used = new Set<string>();
    let later = "";
    const slow: ArtifactStore = {
      ...memory,
      async remove(hash) {
        used.add(later);
        await memory.remove(hash);
      },
    };
    const clock = testClock();
    const keeper = new ArtifactKeeper(slow, clock, () => {});
    const store = { upkeep: { unused: (hashes: readonly string[]) => hashes.filter((h) => !used.has(h)) } } as never;
    const first = await keeper.put("first");
    const second = await keeper.put("second");
    later = second.hash;
    clock.advance(600_000);
    await keeper.sweep(store, [first.hash, second.hash]);
    await expect(keeper.get(first.hash)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect(await keeper.get(second.hash)).toBe("second");
  });

  test("stays while a copy of the store is made", async () => {
    const clock = testClock();
    const keeper = new ArtifactKeeper(memoryArtifacts(), clock, () => {});
    const store = { upkeep: { unused: (hashes: readonly string[]) => hashes } } as never;
    const { hash } = await keeper.put("text");
    clock.advance(600_000);
    await keeper.holding(async () => {
      await keeper.sweep(store, [hash]);
      expect(await keeper.get(hash)).toBe("text");
    });
    await keeper.sweep(store, []);
    await expect(keeper.get(hash)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  });
});

test("a file without a row is left alone by the fleet, and removed by check --fix when it is not young", async () => {
  const path = join(tempFolder(), "a.db");
  {
    await using world = await openAt(path);
    await ended(world, big("d"));
  }
  const stray = (letter: string) => artifactPath(`${path}.artifacts`, letter.repeat(64));
  for (const letter of ["e", "f"]) {
    mkdirSync(dirname(stray(letter)), { recursive: true });
    writeFileSync(stray(letter), "x");
  }
  const now = Date.now();
  utimesSync(stray("e"), new Date(now - hour), new Date(now - hour));
  const report = await checkStore(path, { fix: false, now });
  expect(report.findings).toMatchObject([{ count: 1, examples: ["e".repeat(64)], mendable: true, mended: false }]);
  expect(await checkStore(path, { fix: true, now })).toMatchObject({ findings: [{ mended: true }] });
  expect([existsSync(stray("e")), existsSync(stray("f"))]).toEqual([false, true]);
  expect((await checkStore(path, { fix: false, now })).findings).toEqual([]);
});
