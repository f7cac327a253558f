import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { exerciseAccess } from "./exercise-access.ts";
import { exerciseBuilds } from "./exercise-builds.ts";
import { exerciseSchedules } from "./exercise-schedules.ts";
import { exerciseStore, type Exercise } from "./exercise-store.ts";
import { exerciseWebhooks } from "./exercise-webhooks.ts";
import { batch, begin, root } from "./rows.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const fresh = () => join(folder, `${++files}.db`);

const inMemory: Exercise = { open: () => openSqliteStore({ path: ":memory:" }), reopen: null };
const inFile: Exercise = {
  open: () => openSqliteStore({ path: fresh(), durability: "process" }),
  reopen(store) {
    const path = store.facts.url.slice("sqlite:".length);
    void store.close();
    return openSqliteStore({ path, durability: "process" });
  },
};
for (const exercise of [exerciseStore, exerciseSchedules, exerciseBuilds, exerciseWebhooks]) {
  exercise("sqlite in memory", inMemory);
  exercise("sqlite file", inFile);
}
for (const [name, exercise] of [
  ["sqlite in memory", inMemory],
  ["sqlite file", inFile],
] as const)
  exerciseAccess(name, { ...exercise, upkeep: true });

const opener = new URL("./open-child.ts", import.meta.url).pathname;

describe("sqlite file: the door", () => {
  const refusal = (path: string) => {
    try {
      void openSqliteStore({ path }).close();
    } catch (e) {
      return e as { code: string; fix: string[]; why: string };
    }
    throw new Error("it opened");
  };

  test("a file has one owner, and the error says who", () => {
    const path = fresh();
    const store = openSqliteStore({ path });
    expect(refusal(path)).toMatchObject({
      code: "FLOTILLA_STORE_LOCKED",
      why: expect.stringContaining(String(process.pid)) as string,
    });
    void store.close();
    void openSqliteStore({ path }).close();
  });

  test("a killed owner's lock is free", async () => {
    const path = fresh();
    const owner = spawn(process.execPath, [opener, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(owner.stdout, "data");
    expect(refusal(path)).toMatchObject({
      code: "FLOTILLA_STORE_LOCKED",
      why: expect.stringContaining(String(owner.pid)) as string,
    });
    owner.kill("SIGKILL");
    await once(owner, "exit");
    void openSqliteStore({ path }).close();
  });

  test("something that is not a database is refused and left as it was", () => {
    const path = fresh();
    writeFileSync(path, "just a text, nothing more ".repeat(100));
    expect(refusal(path)).toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
      why: expect.stringContaining("not a database") as string,
    });
    expect(readFileSync(path, "utf8")).toContain("just a text");
  });

  test("another program's database is refused and left as it was", () => {
    const path = fresh();
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE precious (id INTEGER)");
    db.close();
    expect(refusal(path)).toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE", why: expect.stringContaining("precious") as string });
    const again = new DatabaseSync(path);
    expect(again.prepare("SELECT count(*) AS n FROM sqlite_schema").get()).toEqual({ n: 1 });
    again.close();
  });

  test("a newer schema is refused", () => {
    const path = fresh();
    void openSqliteStore({ path }).close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 999");
    db.close();
    expect(refusal(path)).toMatchObject({ code: "FLOTILLA_STORE_NEWER" });
  });

  test("a damaged file is refused", async () => {
    const path = fresh();
    const store = openSqliteStore({ path });
    await begin(store);
    await store.commit(batch({ tasks: Array.from({ length: 500 }, (_, i) => root(i + 1)) }));
    void store.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 100, 4_096);
    writeFileSync(path, bytes);
    expect(refusal(path)).toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE", why: expect.stringContaining("damaged") as string });
  });

  test("two names of one file are one store, also before it exists", () => {
    const path = fresh();
    const link = fresh();
    symlinkSync(path, link);
    const store = openSqliteStore({ path: link });
    expect(refusal(path)).toMatchObject({ code: "FLOTILLA_STORE_LOCKED" });
    void store.close();
  });

  test("a folder that cannot be made is refused with its path", () => {
    const file = fresh();
    writeFileSync(file, "");
    expect(refusal(join(file, "below", "x.db"))).toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
  });

  test("a read-only file is refused", async () => {
    const path = fresh();
    void openSqliteStore({ path }).close();
    for (const f of [path, `${path}.lock`]) chmodSync(f, 0o444);
    chmodSync(folder, 0o755);
    // Root may write anything, so the opener is nobody.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const child = spawn(process.execPath, [opener, path], { stdio: ["ignore", "pipe", "inherit"], ...user });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    child.kill();
    expect(JSON.parse(String(line))).toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
      why: expect.stringContaining("read-only") as string,
    });
  });

  test("a full disk takes nothing of the batch, and the next one when there is room", async () => {
    const path = fresh();
    // The page limit gives the same result code as a full disk, on any machine.
    const full = openSqliteStore({ path, pagesMax: 100 });
    await begin(full);
    const big = Array.from({ length: 500 }, (_, i) => root(i + 1, { input: JSON.stringify("x".repeat(2_000)) }));
    await expect((async () => full.commit(batch({ tasks: big })))()).rejects.toMatchObject({ code: "FLOTILLA_STORE_FULL" });
    expect(await full.tasks.get([1])).toEqual([]);
    void full.close();
    const store = openSqliteStore({ path });
    await store.commit(batch({ tasks: big }));
    expect(await store.tasks.get([500])).toHaveLength(1);
    void store.close();
  });
});
