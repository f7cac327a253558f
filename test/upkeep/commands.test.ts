// flotilla db, on stores of real fleets: one that is up, one that is not.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { agent, createFleet } from "flotilla";
import * as z from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { serveControlSocket } from "../../src/server/control-socket.ts";
import { fakeOrchestrator, healthView, runView, type FakeOrchestrator } from "../cli/fake-api.ts";
import { cli, type CliOptions, type CliResult } from "../cli/harness.ts";
import { tempFolder } from "./folder.ts";

const write = agent({ name: "write", input: z.object({ n: z.int() }), run: ({ n }) => "x".repeat(n) });

interface Place {
  readonly folder: string;
  readonly path: string;
  readonly ids: readonly string[];
  db(line: string, o?: CliOptions): Promise<CliResult>;
}

/** A store with two finished runs, the first of tenant acme. */
async function place(o: { up: boolean }): Promise<Place> {
  const folder = tempFolder();
  const path = join(folder, "a.db");
  const fleet = await createFleet({ definitions: [write], store: `sqlite:${path}` });
  const ids: string[] = [];
  for (const [n, tenant] of [
    [70_000, "acme"],
    [3, "default"],
  ] as const) {
    const run = await fleet.start(write, { n }, { tenant });
    await run.result();
    ids.push(run.id);
  }
  if (o.up) {
    onTestFinished(() => fleet.close());
    // The control socket opens behind the first task.
    while (!existsSync(`${path}.sock`)) await new Promise((resolve) => setImmediate(resolve));
  } else await fleet.close();
  return {
    folder,
    path,
    ids,
    db: (line, more) =>
      cli(["db", ...line.split(" "), "--store", `sqlite:${path}`], { cwd: folder, clock: systemClock, ...more }),
  };
}

/** An orchestrator that answers what the test says, for a store of which nobody is the owner. */
async function fakeOwner(path: string): Promise<FakeOrchestrator> {
  const fake = fakeOrchestrator();
  const control = await serveControlSocket(fake.api, { database: path });
  onTestFinished(() => control.close());
  return fake;
}

describe.each([
  ["of a fleet that is up", true],
  ["that nobody has open", false],
])("a store %s", (_what, up) => {
  test("status", async () => {
    const { db, path } = await place({ up });
    const { code, out } = await db("status");
    expect(code).toBe(0);
    expect(out).toContain(path);
    expect(out).toMatch(/^durability +(power|as its next fleet asks; none is up)$/m);
    expect(out).toMatch(/^oldest open +none: every run has ended$/m);
    expect(out).toMatch(/^task +2$/m);
    expect(JSON.parse((await db("status --exact -o json")).out)).toMatchObject({
      path,
      durability: up ? "power" : null,
      storeFullAt: null,
    });
  });

  test("backup, restore, check", async () => {
    const { db, folder, ids } = await place({ up });
    const taken = await db("backup copies/first");
    expect(taken).toMatchObject({ code: 0, err: "" });
    expect(taken.out).toMatch(/^✔ copies\/first: schema \d+, 1 artifact, \d+\.\d KiB\n$/);
    expect(await db("backup copies/first")).toMatchObject({ code: 2, err: expect.stringContaining("there already") as string });
    const restored = await db("restore copies/first b.db");
    expect(restored.out).toMatch(/^✔ b\.db: as of .*Z, schema \d+, 1 artifact\n$/);
    expect(restored).toMatchObject({ code: 0, err: "" });
    expect(await db("restore copies/first b.db")).toMatchObject({
      code: 2,
      err: expect.stringContaining("there already") as string,
    });
    const copy = ["--store", `sqlite:${join(folder, "b.db")}`];
    expect(await cli(["db", "check", ...copy])).toEqual({
      code: 0,
      out: "✔ 2 tasks and 1 artifact looked at, all as it must be\n",
      err: "",
    });
    const listed = JSON.parse((await cli(["runs", "ls", "-o", "json", ...copy])).out) as { items: { id: string }[] };
    expect(listed.items.map((r) => r.id)).toEqual(ids.toReversed());
  });

  test("purge asks, and deletes what is named", async () => {
    const { db, path, ids } = await place({ up });
    const no = await db(`purge --run ${ids[1]}`, { answer: "" });
    expect(no.err).toMatch(/^Delete run r_.{8}, with inputs, results and journals, for good\? \[y\/N\] nothing was deleted\n$/);
    const yes = await db(`purge --run ${ids[1]?.slice(0, 12)}`, { answer: "y" });
    expect(yes.err).toMatch(/\[y\/N\] $/);
    expect(yes.out).toBe("✔ deleted 1 run of 1 task in all\n");
    expect(existsSync(join(`${path}.artifacts`))).toBe(true);
    expect(JSON.parse((await db("purge --tenant acme -y -o json")).out)).toEqual({ runs: 1, tasks: 1, open: 0 });
    expect((await db("status")).out).not.toMatch(/^task /m);
    expect(await db(`purge --run ${ids[0]} -y`)).toMatchObject({ code: 2, err: expect.stringContaining("Not found") as string });
  });
});

test("purge names what it would delete when nobody is there to ask, and takes one of two", async () => {
  const { db, ids } = await place({ up: false });
  expect(await db("purge --tenant acme", { stdin: "" })).toMatchObject({
    code: 2,
    err: expect.stringContaining("say so: -y") as string,
  });
  expect((await db("purge")).code).toBe(2);
  expect((await db(`purge --run ${ids[0]} --tenant acme -y`)).code).toBe(2);
});

test("purge tells what it left open, and refuses an open run", async () => {
  const { db, path } = await place({ up: false });
  const fake = await fakeOwner(path);
  fake.putRun(runView());
  expect(await db("purge --tenant acme -y")).toEqual({
    code: 0,
    out: "✔ deleted 1 run of 11 tasks in all\n",
    err: "! 2 open and left: cancel them, then purge again\n",
  });
  expect(await db("purge --run r_ -y")).toMatchObject({ code: 2 });
  const refused = await db(`purge --run ${runView().id} -y`);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(`flotilla runs cancel ${runView().id}`) as string });
});

test("check exits 3 with a finding, and 0 when all of it was mended", async () => {
  const { db, path } = await place({ up: false });
  const spoil = (sql: string) => {
    const file = new DatabaseSync(path);
    file.exec(sql);
    file.close();
  };
  spoil("INSERT INTO gate (task, started_at) VALUES (999, 1)");
  const found = await db("check");
  expect(found.code).toBe(3);
  expect(found.out).toContain("✖ 1 rows of gate without a task\n    task 999\n");
  expect(found.out).toContain("flotilla db check --fix");
  expect(await db("check --fix")).toMatchObject({ code: 0, out: expect.stringContaining("mended") as string });
  expect((await db("check")).code).toBe(0);
  spoil("DELETE FROM outcome");
  expect((await db("check --fix -o json")).code).toBe(3);
});

test("migrate says what it would do, and does it", async () => {
  const { db } = await place({ up: false });
  expect((await db("migrate --dry-run")).out).toMatch(/^schema \d+: nothing to do\n$/);
  expect(JSON.parse((await db("migrate -o json")).out)).toMatchObject({ files: [], dryRun: false });
});

test("resume on a store that nothing holds says so", async () => {
  const { db } = await place({ up: false });
  expect(await db("resume")).toEqual({ code: 0, out: "", err: "nothing kept it from going on\n" });
});

test("each needs a store that is there, and creates none", async () => {
  const folder = tempFolder();
  for (const line of ["status", "migrate", "backup b", "check", "purge --tenant a -y", "resume"]) {
    const { code } = await cli(["db", ...line.split(" "), "--store", `sqlite:${join(folder, "none.db")}`], { cwd: folder });
    expect([line, code]).toEqual([line, 4]);
  }
  expect(existsSync(join(folder, "none.db"))).toBe(false);
});

test("doctor says that a store has no room", async () => {
  const { db, path } = await place({ up: false });
  const fake = await fakeOwner(path);
  fake.setHealth(healthView({ storeFullAt: "2026-11-22T10:00:00.000Z" }));
  expect((await db("status")).out).toMatch(/^full +since 2026-11-22T10:00:00.000Z: nothing is started or claimed$/m);
  const { code, out } = await cli(["doctor", "--store", `sqlite:${path}`], { cwd: tempFolder() });
  expect(out).toMatch(/✖ room +the store has no room since 2026-11-22T10:00:00.000Z/);
  expect(code).toBe(1);
});
