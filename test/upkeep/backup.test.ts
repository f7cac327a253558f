// Copies: whole, comparable, of one instant, and never able to speak for the original.
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createRandom, type Random } from "../../src/core/random.ts";
import { manifestName, type Manifest } from "../../src/protocol/backup.ts";
import type { Assignment } from "../../src/protocol/worker.ts";
import { backupUnowned } from "../../src/runtime/db/unowned.ts";
import { restoreStore, resumeStore } from "../../src/runtime/db/restore.ts";
import { artifactPath, fileArtifacts } from "../../src/store/artifacts/files.ts";
import { checkStore } from "../../src/store/sqlite/inspect/check.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { card, openWorld, testClock, type TestWorker, type World } from "../orchestrator/world.ts";
import { query, tempFolder } from "./folder.ts";

const now = 1_700_000_000_000;
const big = JSON.stringify("x".repeat(70_000));
const openAt = (path: string, random: Random = createRandom(1)): Promise<World> =>
  openWorld({ store: openSqliteStore({ path }), artifacts: fileArtifacts(`${path}.artifacts`), random });

async function begun(world: World, worker: TestWorker): Promise<{ id: string; task: Assignment }> {
  const { id } = await world.start("work");
  await world.turn();
  return { id, task: worker.assigned.at(-1) as Assignment };
}
const settle = (worker: TestWorker, { fence }: Pick<Assignment, "fence">, value: string) =>
  worker.say({ t: "settle", fence, result: { status: "succeeded", value }, spent: null });

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, manifestName), "utf8")) as Manifest;

describe("a backup", () => {
  test("taken while the fleet works is of one instant, and the work is not held up", async () => {
    const folder = tempFolder();
    await using world = await openAt(join(folder, "a.db"));
    const worker = world.worker();
    const { id, task } = await begun(world, worker);
    settle(worker, task, big);
    await world.orchestrator.outcome(id);
    let started = 0;
    const state = { taken: false };
    const backup = world.orchestrator.backup(join(folder, "b")).finally(() => (state.taken = true));
    while (!state.taken) {
      await Promise.all(Array.from({ length: 20 }, () => world.start("work", { delayMs: 86_400_000 })));
      started += 20;
    }
    expect(await backup).toMatchObject({ folder: join(folder, "b"), artifacts: 1, missing: [] });
    expect(started).toBeGreaterThan(20);
    const done = await restoreStore(join(folder, "b"), join(folder, "c.db"), { resume: true, now });
    expect(done).toMatchObject({ artifacts: 1, resumed: true });
    expect((await checkStore(done.path, { fix: false, now })).findings).toEqual([]);
    // Starts of one turn are one commit: of each twenty the copy has all or none.
    const [{ n } = { n: -1 }] = query<{ n: number }>(done.path, "SELECT count(*) AS n FROM delayed");
    expect(n % 20).toBe(0);
    await using copy = await openAt(done.path);
    expect(await copy.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: big });
  });

  test("of a store that nobody has open is the same, and leaves the store as it was", async () => {
    const folder = tempFolder();
    const path = join(folder, "a.db");
    const world = await openAt(path);
    const worker = world.worker();
    const { id, task } = await begun(world, worker);
    settle(worker, task, big);
    await world.orchestrator.outcome(id);
    await world[Symbol.asyncDispose]();
    const before = readFileSync(path);
    await backupUnowned(path, join(folder, "b"), testClock());
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(join(folder, "b")).toSorted()).toEqual(["flotilla.db", "flotilla.db.artifacts", "manifest.json"]);
    expect(manifestOf(join(folder, "b"))).toMatchObject({ format: 1, artifacts: [{ bytes: 70_002 }], missing: [] });
  });

  test("overwrites nothing, and one that fails leaves nothing", async () => {
    const folder = tempFolder();
    await using world = await openAt(join(folder, "a.db"));
    await world.orchestrator.backup(join(folder, "b"));
    await expect(world.orchestrator.backup(join(folder, "b"))).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    await expect(world.orchestrator.backup("b")).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    writeFileSync(join(folder, "file"), "");
    await expect(world.orchestrator.backup(join(folder, "file", "b"))).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(readdirSync(folder).filter((f) => f.includes(".part"))).toEqual([]);
  });

  test("names the artifacts that were missing when it was taken", async () => {
    const folder = tempFolder();
    const path = join(folder, "a.db");
    await using world = await openAt(path);
    const worker = world.worker();
    const { id, task } = await begun(world, worker);
    settle(worker, task, big);
    await world.orchestrator.outcome(id);
    const [{ hash } = { hash: "" }] = query<{ hash: string }>(path, "SELECT hash FROM artifact_use");
    renameSync(`${path}.artifacts`, `${path}.away`);
    expect(await world.orchestrator.backup(join(folder, "b"))).toMatchObject({ artifacts: 0, missing: [hash] });
    const restored = await restoreStore(join(folder, "b"), join(folder, "c.db"), { resume: true, now });
    expect((await checkStore(restored.path, { fix: false, now })).findings).toMatchObject([
      { what: "artifacts that are used and missing", count: 1, examples: [hash], mendable: false },
    ]);
  });
});

describe("a restore", () => {
  async function taken(): Promise<{ folder: string; backup: string; hash: string }> {
    const folder = tempFolder();
    const path = join(folder, "a.db");
    await using world = await openAt(path);
    const worker = world.worker();
    const { id, task } = await begun(world, worker);
    settle(worker, task, big);
    await world.orchestrator.outcome(id);
    await world.orchestrator.backup(join(folder, "b"));
    const [{ hash } = { hash: "" }] = query<{ hash: string }>(path, "SELECT hash FROM artifact_use");
    return { folder, backup: join(folder, "b"), hash };
  }
  const restore = (backup: string, to: string) => restoreStore(backup, to, { resume: false, now });

  test("overwrites nothing", async () => {
    const { folder, backup } = await taken();
    await expect(restore(backup, join(folder, "a.db"))).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect((await checkStore(join(folder, "a.db"), { fix: false, now })).findings).toEqual([]);
  });

  test.each([
    ["a database with another byte", (backup: string) => flip(join(backup, "flotilla.db"))],
    [
      "an artifact with another byte",
      (backup: string, hash: string) => flip(artifactPath(join(backup, "flotilla.db.artifacts"), hash)),
    ],
    ["a manifest that is cut off", (backup: string) => writeFileSync(join(backup, manifestName), '{"format":1')],
    [
      "a manifest that leads out of its folder",
      (backup: string) => {
        const manifest = manifestOf(backup);
        writeFileSync(
          join(backup, manifestName),
          JSON.stringify({ ...manifest, database: { ...manifest.database, file: "../a.db" } }),
        );
      },
    ],
  ])("refuses %s, and leaves nothing behind", async (_what, damage) => {
    const { folder, backup, hash } = await taken();
    damage(backup, hash);
    await expect(restore(backup, join(folder, "new", "c.db"))).rejects.toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
    expect(existsSync(join(folder, "new")) ? readdirSync(join(folder, "new")) : []).toEqual([]);
  });

  test("refuses what a newer version wrote", async () => {
    const { folder, backup } = await taken();
    writeFileSync(join(backup, manifestName), JSON.stringify({ ...manifestOf(backup), schema: 99 }));
    await expect(restore(backup, join(folder, "c.db"))).rejects.toMatchObject({
      code: "FLOTILLA_STORE_NEWER",
      details: { schema: 99 },
    });
  });

  test("with open runs begins nothing until somebody says that the original is gone", async () => {
    const folder = tempFolder();
    await using world = await openAt(join(folder, "a.db"));
    const worker = world.worker();
    const { id, task } = await begun(world, worker);
    await world.orchestrator.backup(join(folder, "b"));
    const copy = join(folder, "c.db");
    expect(await restore(join(folder, "b"), copy)).toMatchObject({ open: 1, resumed: false });
    const store = openSqliteStore({ path: copy });
    await expect(openWorld({ store })).rejects.toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
      fix: [expect.stringContaining("flotilla db resume")],
    });
    await store.close();
    expect(query(copy, "SELECT id FROM orchestrator")).toHaveLength(1);
    expect(resumeStore(copy)).toBe(true);
    expect(resumeStore(copy)).toBe(false);
    // From here on both do it: at least once, under the same effect keys, because the ids are the same.
    await using second = await openAt(copy, createRandom(2));
    const other = second.worker();
    await second.turn();
    expect(other.assigned).toMatchObject([{ publicId: task.publicId }]);
    expect(await second.orchestrator.run(id)).toMatchObject({ status: "running" });
  });
});

describe("two copies of one file", () => {
  /** The file is copied with cp while a task of it runs; both go on, the original in a new life. */
  async function split(first: Random, second: Random) {
    const folder = tempFolder();
    const path = join(folder, "a.db");
    const life = await openAt(path, createRandom(9));
    const worker = life.worker();
    const { id } = await begun(life, worker);
    await life[Symbol.asyncDispose]();
    cpSync(path, join(folder, "copy.db"));
    const original = await openAt(path, first);
    const copy = await openAt(join(folder, "copy.db"), second);
    const [ours, theirs] = [original.worker(), copy.worker()];
    await original.turn();
    await copy.turn();
    return { id, original, copy, ours, theirs, our: ours.assigned[0] as Assignment, their: theirs.assigned[0] as Assignment };
  }

  test("never give out the same fence: a result for the one changes nothing in the other", async () => {
    const s = await split(createRandom(3), createRandom(4));
    await using _original = s.original;
    await using _copy = s.copy;
    expect([s.our.fence.task, s.our.fence.leaseNo]).toEqual([s.their.fence.task, s.their.fence.leaseNo]);
    expect(s.our.fence.boot).not.toBe(s.their.fence.boot);
    settle(s.ours, s.their, '"of the copy"');
    await s.original.turn();
    expect(await s.original.orchestrator.run(s.id)).toMatchObject({ status: "running" });
    settle(s.ours, s.our, '"of the original"');
    expect(await s.original.orchestrator.outcome(s.id)).toMatchObject({ value: '"of the original"' });
    expect(await s.copy.orchestrator.run(s.id)).toMatchObject({ status: "running" });
  });

  test("would, if boot numbers only counted on", async () => {
    const s = await split(
      () => 0,
      () => 0,
    );
    await using _original = s.original;
    await using _copy = s.copy;
    settle(s.ours, s.their, '"of the copy"');
    expect(await s.original.orchestrator.outcome(s.id)).toMatchObject({ value: '"of the copy"' });
  });

  test("boot numbers stay whole numbers that JSON keeps", async () => {
    const path = join(tempFolder(), "a.db");
    for (let life = 0; life < 3; life++) {
      const world = await openAt(path, () => 0.999_999_999_9);
      const worker = world.worker({ definitions: [card("work")] });
      await begun(world, worker);
      await world[Symbol.asyncDispose]();
    }
    const ids = query<{ id: number }>(path, "SELECT id FROM orchestrator ORDER BY id").map((r) => r.id);
    expect(ids).toEqual([1_048_576, 2_097_152, 3_145_728]);
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  writeFileSync(file, bytes);
}
