import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { FlotillaError } from "../../core/error.ts";
import type { FromWorker, Settle } from "../../protocol/worker.ts";
import { unreadable } from "../../runtime/unreadable.ts";
import { startChildProcess, type ChildExit, type ChildProcessOptions, type ChildWorker } from "./child-process.ts";

const agents = new URL("../../../test/replay/fixtures/agents.ts", import.meta.url).href;
const twin = new URL("../../../test/replay/fixtures/twin.ts", import.meta.url).href;
const ofFleet = new URL("../../../test/replay/fixtures/fleet.ts", import.meta.url).href;
const killedParent = new URL("../../../test/replay/fixtures/parent.ts", import.meta.url).href;
const fence = { task: 1, boot: 1, leaseNo: 1 };

interface Open {
  readonly child: ChildWorker;
  readonly exit: Promise<ChildExit>;
  readonly output: () => string;
  assign(definition: string, input?: string): void;
  next<T extends FromWorker["t"]>(t: T): Promise<Extract<FromWorker, { t: T }>>;
  said(text: string): Promise<void>;
}

async function open(over: Partial<ChildProcessOptions> = {}): Promise<Open> {
  let output = "";
  const said: FromWorker[] = [];
  let changed = (): void => {};
  let exited: (exit: ChildExit) => void = () => {};
  const exit = new Promise<ChildExit>((resolve) => (exited = resolve));
  const child = await startChildProcess(
    {
      name: "kid",
      slots: 2,
      offers: ["gpu"],
      build: "b1",
      modules: [agents],
      // As the fleet does.
      explain: (e, file) => unreadable(e, file.startsWith("file:") ? fileURLToPath(file) : file),
      output: (text) => ((output += text), changed()),
      ...over,
    },
    { clock: systemClock },
    { onMessage: (m) => (said.push(m), changed()), onExit: (e) => exited(e) },
  );
  onTestFinished(() => child.link.kill("the test is over"));
  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (changed = resolve));
    }
  };
  return {
    child,
    exit,
    output: () => output,
    assign: (definition, input = "null") =>
      child.link.send({
        t: "assign",
        tasks: [
          {
            fence,
            publicId: "t_x",
            definition,
            tenant: "d",
            attempt: 1,
            input,
            startedAt: 0,
            acts: 0,
            journal: [],
            deliveries: [],
          },
        ],
      }),
    next: <T extends FromWorker["t"]>(t: T) => until(() => said.find((m): m is Extract<FromWorker, { t: T }> => m.t === t)),
    said: (text) => until(() => (output.includes(text) ? true : undefined)).then(() => {}),
  };
}
const valueOf = ({ result }: Settle): unknown => (result.status === "succeeded" ? JSON.parse(result.value) : result);

describe("a child", () => {
  test("says hello, runs what its modules export, in its own process", async () => {
    const { child, assign, next } = await open();
    expect(child.hello).toMatchObject({
      name: "kid",
      isolation: "child-process",
      slots: 2,
      offers: ["gpu"],
      build: "b1",
      pid: child.pid,
    });
    expect(child.hello.definitions.map((d) => d.name)).toContain("flow");
    assign("where");
    expect(valueOf(await next("settle"))).toBe(child.pid);
    child.link.send({ t: "ping", n: 3 });
    expect(await next("pong")).toEqual({ t: "pong", n: 3, holds: 0 });
  });
  test("takes the definitions of a defineFleet export", async () => {
    const { child } = await open({ modules: [fileURLToPath(ofFleet), agents] });
    expect(child.hello.definitions.map((d) => d.name)).toContain("where");
  });
  test("offers what its fleet names, and nothing else that the file exports", async () => {
    const folder = mkdtempSync(join(tmpdir(), "flotilla-child-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "fleet.ts");
    writeFileSync(file, `export * from ${JSON.stringify(agents)}; export { default } from ${JSON.stringify(ofFleet)};`);
    const { child } = await open({ modules: [file] });
    expect(child.hello.definitions.map((d) => d.name)).toEqual(["where"]);
  });
  test("sees an allow-listed environment", async () => {
    process.env["FLOTILLA_TEST_SECRET"] = process.env["FLOTILLA_TEST_PASSED"] = "x";
    const { assign, next } = await open({ passEnv: ["FLOTILLA_TEST_PASSED"], env: { SET: "1" } });
    assign("environment");
    const names = valueOf(await next("settle"));
    expect(names).toEqual(expect.arrayContaining(["PATH", "FLOTILLA_TEST_PASSED", "SET"]));
    expect(names).not.toContain("FLOTILLA_TEST_SECRET");
  });
  test("prints through its parent, with its name", async () => {
    const { assign, said, output } = await open();
    assign("prints");
    await said("to stdout");
    await said("to stderr");
    expect(output()).toContain("[kid] to stdout\n");
  });
  test("stops when asked", async () => {
    const { child, exit } = await open();
    await child.stop();
    expect(await exit).toEqual({ how: "exited with code 0", expected: true });
    await child.stop();
  });
  test("that ignores the asking is killed", async () => {
    const { child, exit, assign, said } = await open({ stopMs: 50 });
    assign("blocks");
    await said("blocked");
    await child.stop();
    expect(await exit).toEqual({ how: "was killed by SIGKILL: it did not stop in time", expected: true });
  });
});

describe("what is too large for the channel ends its attempt, not the process", () => {
  const failed = { status: "failed", terminal: true, error: { code: "FLOTILLA_TOO_LARGE" } };
  test("a result", async () => {
    const { assign, next } = await open();
    assign("quotes");
    expect((await next("settle")).result).toMatchObject(failed);
  });
  test("an input, a delivery", async () => {
    const { child, assign, next, said } = await open();
    // Six characters each as JSON.
    const large = "\u0001".repeat(45 * 1_048_576);
    assign("where", large);
    expect((await next("settle")).result).toMatchObject(failed);
    assign("waits");
    await said("waiting");
    child.link.send({
      t: "deliver",
      fence,
      deliveries: [{ seq: 1, act: 1, status: "succeeded", value: large, error: null, at: 1 }],
    });
    await next("ended");
  });
});

describe("how it ended", () => {
  const ends: readonly (readonly [string, string, RegExp])[] = [
    ["process.exit", "exits", /^exited with code 3$/],
    ["an error that nobody catches", "throws", /^exited with code 1 \(it said: Error: thrown in a timer\)$/],
  ];
  test.each(ends)("%s", async (_, definition, how) => {
    const { exit, assign } = await open();
    assign(definition);
    expect(await exit).toEqual({ how: expect.stringMatching(how), expected: false });
  });
  test("killed by its parent, also when its loop is blocked", async () => {
    const { child, exit, assign, said } = await open();
    assign("blocks");
    await said("blocked");
    child.link.kill("its loop was blocked for 30s");
    expect(await exit).toEqual({ how: "was killed: its loop was blocked for 30s", expected: false });
    // A link whose end is gone takes messages and loses them.
    child.link.send({ t: "drain" });
  });
  test("killed by the system", async () => {
    const { child, exit } = await open();
    process.kill(child.pid, "SIGKILL");
    expect((await exit).how).toMatch(/^was killed by SIGKILL, as a system/);
  });
});

describe("a module that cannot be imported", () => {
  // Written here, not kept: the compiler would refuse them too.
  const folder = mkdtempSync(join(tmpdir(), "flotilla-child-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const written = (source: string): string => {
    const file = join(folder, "module.ts");
    writeFileSync(file, source);
    return file;
  };
  const sources: readonly (readonly [string, string, RegExp])[] = [
    ["an enum", "export enum Color { Red }", /as const/],
    ["a parameter property", "export class A { constructor(private n: number) {} }", /declare the field/],
    ["an import without extension", 'import "./module-two";', /check the path/],
    ["nothing exported", "export const x = 1;", /export const review = agent/],
    ["a throw at the top", 'throw new Error("no");', /should only define/],
    ["a decorator", "const d = () => {};\n@d class A {}", /call the function instead/],
  ];
  test.each(sources)("%s", async (_, source, fix) => {
    const file = written(source);
    await expect(open({ modules: [file] })).rejects.toMatchObject({
      code: "FLOTILLA_DEFINITION_UNREADABLE",
      details: { file: expect.stringContaining(file), fix: expect.stringMatching(fix) },
    });
  });
  test("no such file", async () => {
    await expect(open({ modules: [new URL("./is-not-there.ts", import.meta.url).href] })).rejects.toMatchObject({
      details: { file: expect.stringContaining("is-not-there") },
    });
  });
  test("two definitions of one name", async () => {
    await expect(open({ modules: [agents, twin] })).rejects.toMatchObject({
      code: "FLOTILLA_DUPLICATE_NAME",
      details: { name: "where" },
    });
  });
  test("the caller may explain it", async () => {
    const explain = (error: unknown, file: string) =>
      new FlotillaError("FLOTILLA_NOT_FOUND", { what: (error as { code: string }).code, id: file });
    const file = written("export enum Color { Red }");
    await expect(open({ modules: [file], explain })).rejects.toMatchObject({
      details: { what: "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX", id: file },
    });
  });
});

describe("when its parent is killed with -9 the child goes", () => {
  test.each(["idle", "blocked"])("%s", async (what) => {
    const parent = fork(fileURLToPath(killedParent), [what], { stdio: "ignore", execArgv: [] });
    onTestFinished(() => void parent.kill("SIGKILL"));
    const { pid } = await new Promise<{ pid: number }>((resolve) => parent.once("message", (m) => resolve(m as { pid: number })));
    onTestFinished(() => void (runs(pid) && process.kill(pid, "SIGKILL")));
    expect(runs(pid)).toBe(true);
    parent.kill("SIGKILL");
    while (runs(pid)) await after(20);
  });
});

/** A process that has ended and that nobody has buried yet does not run. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
