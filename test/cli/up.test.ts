// Fleets opened by the command line, on a real store.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createFleet } from "../../src/runtime/create-fleet.ts";
import { readStore } from "../../src/runtime/read-store.ts";
import { cli as commandLine, tempDir } from "./harness.ts";
import type { CliOptions, CliResult } from "./harness.ts";

const index = new URL("../../src/index.ts", import.meta.url).href;
const command = new URL("../../src/cli/bin.ts", import.meta.url);
const zod = import.meta.resolve("zod");

const config = `
import { z } from ${JSON.stringify(zod)};
import { agent, workflow, defineFleet } from ${JSON.stringify(index)};
const greet = agent({ name: "greet", input: z.object({ who: z.string() }), output: z.object({ text: z.string() }), run: ({ who }) => ({ text: "hello " + who }) });
const fails = agent({ name: "fails", input: z.object({}), output: z.null(), retry: { attempts: 1 }, run() { throw new Error("cursed"); } });
const breach = agent({ name: "breach", input: z.object({ planOnly: z.boolean().optional() }), output: z.any(), run: (i) => ({ planned: i.planOnly === true, gate: { passed: false, breaches: [{ message: "3 high" }] } }) });
const hangs = agent({ name: "hangs", input: z.object({}), output: z.null(), run: (_, ctx) => new Promise((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))) });
const many = workflow({ name: "many", input: z.object({ n: z.int() }), output: z.int(), run: async ({ n }, ctx) => (await ctx.map(greet, Array.from({ length: n }, (_, i) => ({ who: String(i) })))).length });
export default defineFleet({ definitions: [greet, fails, breach, hangs, many] });
`;

function project(): (argv: readonly string[], o?: CliOptions) => Promise<CliResult> {
  const cwd = tempDir();
  writeFileSync(join(cwd, "flotilla.config.ts"), config);
  return (argv, o) => commandLine(argv, { cwd, clock: systemClock, ...o });
}

describe("up --run", () => {
  it("opens a fleet, runs, prints the output, and what it did can be read afterwards", async () => {
    const cli = project();
    const { code, out, err } = await cli(["up", "--run", "many", "--input", "n=30", "--workers", "2", "--slots", "4"]);
    expect({ code, out }).toEqual({ code: 0, out: "30\n" });
    expect(err).toContain("2 workers with 8 slots, in-process");
    expect(err).toMatch(/✔ many succeeded · \S+ · 31 tasks\n/);
    const runs = JSON.parse((await cli(["runs", "ls", "-o", "json"])).out) as { items: { id: string; tasks: unknown }[] };
    expect(runs.items.map((r) => r.tasks)).toEqual([{ total: 31, done: 31, failed: 0 }]);
    const tasks = await cli(["tasks", "ls", "--name", "greet", "--limit", "10"]);
    expect(tasks.err).toContain("showing 10 of 30 tasks; more: flotilla tasks ls --run ");
    const task = /^t_\S+/m.exec(tasks.out)?.[0] ?? "";
    expect((await cli(["tasks", "get", task])).out).toContain('"text": "hello 0"');
    expect((await cli(["runs", "watch"])).out).toBe("30\n");
    expect((await cli(["workers", "ls"])).err).toContain("no fleet is up on this store");
    expect((await cli(["doctor"])).code).toBe(0);
  });

  it("fails as the run does", async () => {
    const cli = project();
    const { code, out, err } = await cli(["up", "--run", "fails"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("  cause  cursed");
  });

  it("exits 3 when the run's gate is not passed", async () => {
    const cli = project();
    const { code, out, err } = await cli(["up", "--run", "breach", "--plan-only", "-q"]);
    expect([code, JSON.parse(out), err]).toMatchObject([3, { planned: true }, ""]);
  });

  it.each([
    [["--run", "greet", "--input", "who=5"], "FLOTILLA_INPUT_INVALID", "who"],
    [["--run", "gret"], "FLOTILLA_UNKNOWN_DEFINITION", 'did you mean "greet"?'],
    [["--run", "greet", "--plan-only", "--input", "who=x"], "greet cannot plan only", "no field planOnly"],
    [["--workers", "0"], '"0" is no value for --workers', "from 1 to 1000"],
  ])("refuses %j before anything is stored", async (argv, title, why) => {
    const cli = project();
    const { code, err } = await cli(["up", ...argv]);
    expect([code, err]).toEqual([2, expect.stringContaining(title)]);
    expect(err).toContain(why);
    expect((await cli(["runs", "ls", "-o", "json"])).out).not.toContain("r_");
  });

  it("is stopped by a second signal, and the run stays", async () => {
    const cli = project();
    let stop = (): void => {};
    const { code, err } = await cli(["up", "--run", "hangs"], {
      onReady: (ready) => (stop = ready),
      onErr: (text) => {
        if (text.includes("busy=1")) stop();
        if (text.includes("draining")) stop();
      },
    });
    expect(code).toBe(130);
    expect(err).toContain("stopped at once");
    expect((await cli(["runs", "ls"])).out).toContain("● running");
    const watched = await cli(["runs", "watch"]);
    expect([watched.code, watched.err]).toEqual([4, expect.stringContaining("no fleet works on it")]);
  });
});

describe("up", () => {
  it("serves other commands until it is asked to stop, and refuses a second owner", async () => {
    const cli = project();
    let stop = (): void => {};
    const listening = Promise.withResolvers<void>();
    const up = cli(["up"], {
      onReady: (ready) => (stop = ready),
      onErr: (text) => text.includes("Ctrl-C") && listening.resolve(),
    });
    await listening.promise;
    const { code, out } = await cli(["run", "greet", "--input", "who=Ada"]);
    expect([code, JSON.parse(out)]).toEqual([0, { text: "hello Ada" }]);
    const refused = await cli(["run", "greet", "--input", "who=5"]);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("FLOTILLA_INPUT_INVALID")]);
    expect((JSON.parse((await cli(["runs", "ls", "-o", "json"])).out) as { items: unknown[] }).items).toHaveLength(1);
    expect((await cli(["workers", "ls"])).out).toContain("in-process");
    expect((await cli(["doctor"])).out).toMatch(/fleet +process \d+ is up with 1 worker/);
    stop();
    expect((await up).code).toBe(0);
    expect((await cli(["run", "greet", "--input", "who=Ada"])).code).toBe(4);
  });
});

describe("a look at a store that no fleet has open", () => {
  it("changes nothing in it, and leaves its lock free", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config);
    const cli = (argv: readonly string[]) => commandLine(argv, { cwd, clock: systemClock });
    const up = spawn(process.execPath, [fileURLToPath(command), "up", "--run", "hangs"], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void up.kill("SIGKILL"));
    for await (const text of up.stderr) if (String(text).includes("busy=1")) break;
    up.kill("SIGKILL");
    await once(up, "exit");
    const path = (await cli(["doctor"])).out.match(/store +(\S+),/)?.[1] ?? "";
    const before = contents(path);
    expect(before["running"]).toHaveLength(1);
    const task = JSON.parse((await cli(["tasks", "ls", "-o", "json"])).out) as { items: { id: string; state: string }[] };
    expect(task.items.map((t) => t.state)).toEqual(["running"]);
    const explained = await cli(["tasks", "explain", task.items[0]?.id ?? ""]);
    expect(explained.out).toContain("it was running when its fleet ended");
    expect(explained.out).toContain("no fleet is up: flotilla up");
    for (const look of [["runs", "ls"], ["runs", "get"], ["workers", "ls"], ["doctor"]])
      expect([look, (await cli(look)).code]).toEqual([look, 0]);
    expect(contents(path)).toEqual(before);
    // What was running is taken up by a life, not by a look.
    const opened = await readStore(path, systemClock);
    await using fleet = await createFleet({ definitions: [], store: `sqlite:${path}` });
    await expect(opened.api.cancel(task.items[0]?.id ?? "", "why")).rejects.toMatchObject({ code: "FLOTILLA_UNREACHABLE" });
    await expect(Promise.all(opened.api.start([{ name: "greet", input: "{}" }]))).rejects.toMatchObject({
      code: "FLOTILLA_UNREACHABLE",
    });
    await opened[Symbol.asyncDispose]();
    expect(fleet.url).toBeUndefined();
    expect(contents(path)["running"]).toEqual([]);
  });

  it("refuses a schema that it does not know, and leaves it", async () => {
    const cwd = tempDir();
    const db = new DatabaseSync(join(cwd, "a.db"));
    db.exec("CREATE TABLE t (x); PRAGMA user_version = 99");
    const look = () => commandLine(["runs", "ls", "--store", "sqlite:a.db"], { cwd, clock: systemClock });
    expect(await look()).toMatchObject({ code: 4, err: expect.stringContaining("FLOTILLA_STORE_NEWER") as string });
    db.exec("PRAGMA user_version = 0");
    expect(await look()).toMatchObject({ code: 4, err: expect.stringContaining("FLOTILLA_STORE_UNUSABLE") as string });
    db.close();
  });
});

function contents(path: string): Record<string, unknown[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
  const all = Object.fromEntries(tables.map(({ name }) => [name, db.prepare(`SELECT * FROM ${name}`).all()]));
  db.close();
  return all;
}

describe("a store whose owner answers on no control socket", () => {
  it("is named with its process by every command, and is no fault to doctor", async () => {
    const cli = project();
    await cli(["up", "--run", "greet", "--input", "who=Ada"]);
    const lock = join((await cli(["doctor"])).out.match(/store +(\S+),/)?.[1] ?? "");
    const hold = `const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync(${JSON.stringify(`${lock}.lock`)}); db.exec("BEGIN EXCLUSIVE"); process.stdout.write("held"); setInterval(() => {}, 1e6)`;
    const owner = spawn(process.execPath, ["-e", hold], { stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => void owner.kill("SIGKILL"));
    await once(owner.stdout, "data");
    const { code, err } = await cli(["runs", "ls"]);
    expect([code, err]).toEqual([4, expect.stringContaining("through a socket beside its database")]);
    const doctor = await cli(["doctor"]);
    expect([doctor.code, doctor.out]).toEqual([0, expect.stringContaining("holds the lock, and no control socket answers")]);
  });
});

describe("doctor", () => {
  it("finds a file that is no database", async () => {
    const cwd = tempDir();
    const path = join(cwd, "a.db");
    writeFileSync(path, "x".repeat(5_000));
    const { code, out } = await commandLine(["doctor", "--store", "sqlite:a.db", "-o", "json"], { cwd, clock: systemClock });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ check: "integrity", status: "fail" }));
    expect((await commandLine(["runs", "ls", "--store", "sqlite:a.db"], { cwd, clock: systemClock })).code).toBe(4);
  });

  it("says which definitions cannot be loaded, and why", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), "export enum Color { Red }\n");
    const { code, out } = await commandLine(["doctor", "--store", "sqlite:a.db"], { cwd, clock: systemClock });
    expect([code, out]).toEqual([1, expect.stringMatching(/✖ definitions/)]);
  });
});

const bin = new URL("../../dist/cli/bin.js", import.meta.url).pathname;

describe("the built command", () => {
  beforeAll(() => {
    if (!existsSync(bin)) throw new Error("dist is missing: npm run build");
  });

  const spawned = (argv: readonly string[], cwd: string) => {
    const child = spawn(process.execPath, [bin, ...argv], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  };

  it("answers, and leaves at once", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "explain", "store-locked"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("FLOTILLA_STORE_LOCKED");
  });

  it("survives a reader that goes away", () => {
    const { stdout, stderr } = spawnSync("sh", ["-c", `"${process.execPath}" "${bin}" explain | head -1`], { encoding: "utf8" });
    expect([stdout.trim().split(/\s+/), stderr]).toEqual([["CODE", "MEANS"], ""]);
  });

  it("drains and exits 0 on SIGTERM, as in a container", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config);
    const up = spawned(["up"], cwd);
    for await (const text of up.stderr) if (String(text).includes("Ctrl-C")) break;
    up.kill("SIGTERM");
    expect(await once(up, "exit")).toEqual([0, null]);
    expect(existsSync(join(cwd, ".flotilla/dev.db.sock"))).toBe(false);
  });

  it("gives the store free when it is killed, and the run goes on", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config);
    const up = spawned(["up", "--run", "hangs"], cwd);
    for await (const text of up.stderr) if (String(text).includes("busy=1")) break;
    up.kill("SIGKILL");
    await once(up, "exit");
    const { code, out } = await commandLine(["runs", "ls"], { cwd, clock: systemClock });
    expect([code, out]).toEqual([0, expect.stringContaining("● running")]);
  });
});
