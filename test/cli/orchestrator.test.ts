// `flotilla orchestrator` on a real store, and a client of it over HTTP.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { systemClock } from "../../src/core/clock.ts";
import { cli as commandLine, tempDir } from "./harness.ts";

const index = new URL("../../src/index.ts", import.meta.url).href;
const config = (server = "{}") => `
import { z } from ${JSON.stringify(import.meta.resolve("zod"))};
import { agent, defineFleet } from ${JSON.stringify(index)};
const greet = agent({ name: "greet", input: z.object({ who: z.string() }), output: z.object({ text: z.string() }), run: ({ who }) => ({ text: "hello " + who }) });
const hangs = agent({ name: "hangs", input: z.object({}), output: z.null(), run: (_, ctx) => (ctx.log.info("it hangs"), new Promise((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)))) });
export default defineFleet({ definitions: [greet, hangs], server: ${server} });
`;

/** An orchestrator in this process, until `stop`. */
async function serve(
  cwd: string,
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  stopAt: (text: string) => boolean = () => false,
) {
  const { promise: url, resolve } = Promise.withResolvers<string>();
  let stop = (): void => {};
  const ended = commandLine(["orchestrator", ...argv], {
    cwd,
    clock: systemClock,
    env,
    onReady: (ready) => (stop = ready),
    onErr: (text) => {
      if (stopAt(text)) stop();
      const at = /at (https?:\S+)/.exec(text);
      if (at?.[1]) resolve(at[1]);
    },
  });
  const served = await Promise.race([url, ended.then(({ err }) => Promise.reject(new Error(err)))]);
  return { url: served, stop: () => stop(), ended };
}

async function token(cwd: string, role: string, namespace = "default"): Promise<string> {
  const argv = ["tokens", "create", "t", "--role", role, "--namespace", namespace];
  const { out, err } = await commandLine(argv, { cwd, clock: systemClock });
  if (!out.startsWith("flt_")) throw new Error(err);
  return out.trim();
}

describe("flotilla orchestrator", () => {
  it("serves a fleet to whoever has a token, runs nothing by itself, and drains", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config());
    const served = await serve(cwd, ["--listen", "127.0.0.1:0"]);
    const { url } = served;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/api/v1/runs`)).status).toBe(401);
    await using fleet = connect(url, { token: await token(cwd, "submitter") });
    const run = await fleet.start("greet", { who: "Ada" });
    const health = await commandLine(["tasks", "explain", `t_${run.id.slice(2)}`], { cwd, clock: systemClock });
    expect(health.out).toContain("NO_CAPABLE_WORKER");
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${await token(cwd, "viewer", "*")}` } });
    expect(await metrics.text()).toMatch(/^flotilla_tasks\{state="ready"\} 1$/m);
    served.stop();
    const { code, err } = await served.ended;
    expect([code, err]).toEqual([0, expect.stringContaining("stopped; what is unfinished is stored")]);
    await expect(fetch(`${url}/livez`)).rejects.toThrow("fetch failed");
    // What was accepted is done by who comes next, here with a worker.
    const next = await serve(cwd, ["--listen", "127.0.0.1:0", "--workers", "1"]);
    await using again = connect(next.url, { token: await token(cwd, "viewer") });
    expect(await (await again.get(run.id)).result()).toEqual({ text: "hello Ada" });
    next.stop();
    await next.ended;
  });

  it("needs no config: workers bring what there is to run", async () => {
    const served = await serve(tempDir(), [], { FLOTILLA_LISTEN: "127.0.0.1:0" });
    const version = (await (await fetch(`${served.url}/version`)).json()) as object;
    expect(version).toMatchObject({ api: "v1" });
    served.stop();
    expect((await served.ended).code).toBe(0);
  });

  it("what is typed goes over the environment, and that over the config", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config('{ listen: "192.0.2.1:1", basePath: "/fleet" }'));
    const served = await serve(cwd, ["--listen", "127.0.0.1:0"], { FLOTILLA_LISTEN: "192.0.2.2:1" });
    expect(served.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/fleet$/);
    expect((await fetch(`${served.url}/livez`)).status).toBe(200);
    served.stop();
    await served.ended;
  });

  it.each([
    [["--listen", "4700"], {}, "FLOTILLA_CONFIG_INVALID", "fleet.server.listen"],
    [["--listen", "192.0.2.1:4700"], {}, "FLOTILLA_CONFIG_INVALID", "neither a token nor an issuer"],
    [["--tls-cert", "a.pem"], {}, "A certificate and its key go together", "--tls-key"],
    [
      ["--listen", "127.0.0.1:0"],
      { FLOTILLA_TLS_CERT: "a", FLOTILLA_TLS_KEY: "b" },
      "FLOTILLA_CONFIG_INVALID",
      "server.tls.cert",
    ],
    [["--workers", "-1"], {}, "--workers", "from 0 to 1000"],
  ])("refuses %j %j", async (argv, env, title, why) => {
    const cwd = tempDir();
    const { code, err } = await commandLine(["orchestrator", ...argv], {
      cwd,
      clock: systemClock,
      env,
    });
    expect([code, err]).toEqual([2, expect.stringContaining(title)]);
    expect(err).toContain(why);
  });

  it("a second signal stops at once, and the run stays", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config());
    const served = await serve(cwd, ["--listen", "127.0.0.1:0", "--workers", "1"], {}, (text) =>
      /it hangs|draining: 1 task/.test(text),
    );
    await using fleet = connect(served.url, { token: await token(cwd, "submitter") });
    await fleet.start("hangs", {});
    expect(await served.ended).toMatchObject({ code: 130, err: expect.stringContaining("stopped at once") });
    const { out } = await commandLine(["runs", "ls"], { cwd, clock: systemClock });
    expect(out).toContain("● running");
  });

  it("as a process: SIGTERM ends streams and exits 0", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "flotilla.config.ts"), config());
    const bin = new URL("../../src/cli/bin.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [bin, "orchestrator", "--listen", "127.0.0.1:0", "-o", "json"], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { url, pid } = JSON.parse(String(line)) as { url: string; pid: number };
    expect(pid).toBe(child.pid);
    const key = await token(cwd, "submitter");
    const headers = { authorization: `Bearer ${key}` };
    const started = await fetch(`${url}/api/v1/runs`, {
      method: "POST",
      headers,
      body: '{"name":"greet","input":{"who":"Ada"}}',
    });
    const { id } = (await started.json()) as { id: string };
    const stream = await fetch(`${url}/api/v1/runs/${id}/events`, { headers });
    const told = stream.text();
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    expect(await told).toMatch(/: closing\nretry: 1000\n\n$/);
    expect(await exited).toEqual([0, null]);
    expect(existsSync(join(cwd, ".flotilla/dev.db.sock"))).toBe(false);
    const gone = new Promise((resolve) => {
      const socket = dial(Number(new URL(url).port), "127.0.0.1");
      socket.on("error", () => resolve(true)).on("connect", () => resolve(false));
    });
    expect(await gone).toBe(true);
  });
});
