// Artifacts in PostgreSQL: chunks, what is wrong is found, and one that somebody is about to use is not removed.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresArtifacts } from "../../src/store/postgres/artifacts.ts";
import { bootStore } from "../../src/store/postgres/boot.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { openPool, type Pool } from "../../src/store/postgres/pool.ts";
import { resolveSettings } from "../../src/store/postgres/settings.ts";
import type { Sql } from "../../src/store/postgres/sql.ts";
import { artifactGraceMs, openUpkeep } from "../../src/store/postgres/upkeep/open.ts";
import { insertUses } from "../../src/store/postgres/upkeep/uses.ts";
import type { UpkeepStore } from "../../src/store/upkeep.ts";
import { blockedBy } from "./blocked.ts";
import { dropSchema, freshUrl } from "./server.ts";

let url: string;
let db: Pool;
let upkeep: UpkeepStore;
const boot = 1;
beforeAll(async () => {
  url = await freshUrl("artifacts");
  const settings = resolveSettings({ url });
  await migrate(settings);
  db = openPool(settings);
  await bootStore(db, { leaseMs: 3_600_000, path: "" }, { nonce: "n", pid: 1, now: 0 });
  upkeep = openUpkeep(db);
});
afterAll(async () => {
  await db.close();
  await dropSchema(url);
});

const artifacts = () => postgresArtifacts(db);
/** As if everything had been put long ago. */
const laterOn = () => db.run("UPDATE artifact SET at = at - $1 * interval '1 ms'", [artifactGraceMs + 1]);
const pidOf = async (tx: Sql) => (await tx.row<{ pid: number }>("SELECT pg_backend_pid() AS pid"))?.pid ?? 0;
let texts = 0;
const text = () => `text ${++texts}`;
const missing = { code: "FLOTILLA_NOT_FOUND" };

describe("an artifact in PostgreSQL", () => {
  test.each([0, 1, 1_048_575, 1_048_576, 1_048_577, 3_500_000])("of %i bytes comes back as it was put", async (bytes) => {
    const content = randomBytes(Math.ceil(bytes / 2))
      .toString("hex")
      .slice(0, bytes);
    const put = await artifacts().put(content);
    expect(put.bytes).toBe(bytes);
    expect((await artifacts().get(put.hash)) === content).toBe(true);
    const { n } = (await db.row<{ n: number }>("SELECT count(*) AS n FROM artifact_chunk WHERE hash = $1", [put.hash])) as {
      n: number;
    };
    expect(n).toBe(Math.ceil(bytes / 1_048_576));
  });

  test("a letter that a chunk's end cuts in two is one letter again", async () => {
    const content = `${"x".repeat(1_048_575)}é\u0000\uFFFF`;
    expect((await artifacts().get((await artifacts().put(content)).hash)) === content).toBe(true);
  });

  test("that is put twice, also at once, is stored once", async () => {
    const content = "y".repeat(1_500_000);
    const puts = await Promise.all([1, 2, 3].map(() => artifacts().put(content)));
    expect(new Set(puts.map((p) => p.hash)).size).toBe(1);
    expect(await db.row("SELECT count(*) AS n FROM artifact_chunk WHERE hash = $1", [puts[0]?.hash])).toEqual({ n: 2 });
  });

  test("whose bytes were changed, or are not all there, is not given out", async () => {
    const { hash } = await artifacts().put("z".repeat(1_200_000));
    await db.run("UPDATE artifact_chunk SET bytes = set_byte(bytes, 5, 65) WHERE hash = $1 AND n = 1", [hash]);
    await expect(artifacts().get(hash)).rejects.toMatchObject(missing);
    await db.run("DELETE FROM artifact_chunk WHERE hash = $1 AND n = 1", [hash]);
    await expect(artifacts().get(hash)).rejects.toMatchObject(missing);
  });

  test("that does not exist, or whose name is none, is not found", async () => {
    for (const name of ["a".repeat(64), "../etc/passwd", "'; DROP TABLE task; --"]) {
      await expect(artifacts().get(name)).rejects.toMatchObject(missing);
      await artifacts().remove(name);
    }
  });

  test("is not copied into a folder: the error says how a backup is taken", async () => {
    await expect(artifacts().copy("a".repeat(64), "/nowhere")).rejects.toMatchObject({ code: "FLOTILLA_NOT_SUPPORTED" });
    await expect(upkeep.copyTo("/nowhere")).rejects.toMatchObject({ code: "FLOTILLA_NOT_SUPPORTED" });
  });
});

describe("removing one", () => {
  test("takes its chunks too, when nobody uses it and it was put long ago", async () => {
    const { hash } = await artifacts().put(text());
    await artifacts().remove(hash);
    expect(await artifacts().get(hash)).toContain("text");
    await laterOn();
    await upkeep.use({ boot, uses: [{ hash, run: 5 }] });
    await artifacts().remove(hash);
    expect(await artifacts().get(hash)).toContain("text");
    await db.run("DELETE FROM artifact_use WHERE hash = $1", [hash]);
    await artifacts().remove(hash);
    await expect(artifacts().get(hash)).rejects.toMatchObject(missing);
    expect(await db.rows("SELECT 1 FROM artifact_chunk WHERE hash = $1", [hash])).toEqual([]);
  });

  test("waits for a commit that is about to use it, and leaves it then", async () => {
    const { hash } = await artifacts().put(text());
    await laterOn();
    let removed: Promise<void> | undefined;
    await db.transaction(async (tx) => {
      await insertUses(tx, [{ hash, run: 6 }]);
      removed = artifacts().remove(hash);
      await blockedBy(await pidOf(tx));
    });
    await removed;
    expect(await artifacts().get(hash)).toContain("text");
    expect(await upkeep.unused([hash])).toEqual([]);
  });

  test("that has begun is waited for by whoever puts it again: it is written anew", async () => {
    const content = text();
    const { hash } = await artifacts().put(content);
    await laterOn();
    let put: Promise<unknown> | undefined;
    await db.transaction(async (tx) => {
      // As `remove` does it, up to its last statement.
      await tx.row("SELECT 1 FROM artifact WHERE hash = $1 FOR UPDATE", [hash]);
      await tx.run("DELETE FROM artifact WHERE hash = $1", [hash]);
      put = artifacts().put(content);
      await blockedBy(await pidOf(tx));
      await tx.run("DELETE FROM artifact_chunk WHERE hash = $1", [hash]);
    });
    await put;
    expect(await artifacts().get(hash)).toBe(content);
  });

  test("one that was put again a moment ago waits until its time is over", async () => {
    const { hash } = await artifacts().put(text());
    await laterOn();
    await artifacts().put(`text ${texts}`);
    await artifacts().remove(hash);
    expect(await artifacts().get(hash)).toContain("text");
  });
});

test("a probe writes and leaves nothing; lives may try at once", async () => {
  await Promise.all([1, 2, 3].map(async () => upkeep.probe({ boot })));
  expect(await db.rows("SELECT id FROM room")).toEqual([]);
  await expect(upkeep.probe({ boot: 99 })).rejects.toMatchObject({ code: "FLOTILLA_LIFE_OVER" });
});
