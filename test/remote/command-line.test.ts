// The command line against a fleet elsewhere, and what it never says.
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { openFleet } from "../../src/runtime/create-fleet.ts";
import { cli, fakeFleet, type CliOptions } from "../cli/harness.ts";
import { fakeOrchestrator, runView } from "../cli/fake-api.ts";
import { fleetDefinitions } from "./definitions.ts";
import { serveHttp } from "./serve.ts";

async function farFleet() {
  const { definitions } = fleetDefinitions();
  const { fleet, orchestrator } = await openFleet({ definitions });
  const served = await serveHttp(orchestrator);
  onTestFinished(async () => {
    await served[Symbol.asyncDispose]();
    await fleet.close();
  });
  return { fleet, url: served.url };
}

describe("with --url", () => {
  test("commands speak to the fleet there: run, ls, get, watch, cancel, purge, doctor", async () => {
    const { fleet, url } = await farFleet();
    const far = (line: string, o?: CliOptions) => cli([...line.split(" "), "--url", url], o);
    const ran = await far("run greet --input who=Ada -o json");
    expect([ran.code, (JSON.parse(ran.out) as { outcome: { value: unknown } }).outcome.value]).toEqual([
      0,
      { text: "Hello, Ada" },
    ]);
    const { run } = JSON.parse(ran.out) as { run: { id: string } };
    expect((await far("runs ls")).out).toContain("greet");
    expect((await far(`runs get ${run.id.slice(0, 8)}`)).code).toBe(0);
    expect((await far("runs watch")).code).toBe(0);
    const talk = await fleet.start("talk", { topic: "tea" });
    expect((await far(`runs cancel ${talk.id}`)).code).toBe(0);
    expect(await talk.outcome()).toMatchObject({ status: "canceled" });
    expect((await far(`db purge --run ${run.id} -y`)).out).toContain("deleted 1 run");
    expect((await far("doctor")).out).toContain(`${url} answers`);
  });

  test("FLOTILLA_URL is the default, a store that is named comes before it", async () => {
    const near = await fakeFleet();
    near.fake.putRun(runView({ name: "near-by" }));
    const far = fakeOrchestrator();
    far.putRun(runView({ name: "far-off" }));
    const served = await serveHttp(far.api);
    onTestFinished(() => served[Symbol.asyncDispose]());
    const env = { FLOTILLA_URL: served.url };
    expect((await cli(["runs", "ls"], { env })).out).toContain("far-off");
    expect((await near.cli("runs ls", { env })).out).toContain("near-by");
    const both = await near.cli(`runs ls --url ${served.url}`);
    expect([both.code, both.err]).toEqual([2, expect.stringContaining("name two fleets")]);
  });

  test("what needs the database itself says so, and touches none here", async () => {
    for (const line of ["db status", "db check", "db migrate", "up --run greet"]) {
      const { code, err } = await cli([...line.split(" "), "--url", "http://127.0.0.1:1"]);
      expect([line, code, err]).toEqual([line, 2, expect.stringContaining("needs the database itself")]);
    }
  });

  test("a fleet that is not there, and what is no fleet, are told apart", async () => {
    const other = createServer((_, res) => res.writeHead(404, { "content-type": "text/html" }).end("<h1>no</h1>"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const strange = await cli(["runs", "ls", "--url", `http://127.0.0.1:${port}`]);
    expect([strange.code, strange.err]).toEqual([4, expect.stringContaining("no API of a fleet")]);
    other.close();
    other.closeAllConnections();
    await once(other, "close");
    const bad = await cli(["runs", "ls", "--url", "fleet.example"]);
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining("--url")]);
  });
});

describe("the token", () => {
  test("goes in a header, from the option or the environment, and is never printed", async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((req, res) => {
      seen.push(req.headers.authorization);
      const error = { code: "FLOTILLA_NOT_FOUND", message: "no", details: { what: "run", id: "x" } };
      res.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify(error));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const printed: string[] = [];
    const say = async (argv: string[], env: Record<string, string> = {}) => {
      const { out, err } = await cli(argv, { env });
      printed.push(out, err);
    };
    await say(["runs", "ls", "--url", url, "--token", "s3cret-a"]);
    await say(["runs", "ls", "--url", url, "-o", "json"], { FLOTILLA_TOKEN: "s3cret-b" });
    await say(["runs", "ls", "--url", url, "--token", "s3cret c"]);
    await say(["runs", "ls", "--token", "s3cret-d"]);
    await say(["runs", "sl", "--token", "s3cret-e", "--url", url]);
    await say(["--help"], { FLOTILLA_TOKEN: "s3cret-f" });
    expect(seen).toEqual(["Bearer s3cret-a", "Bearer s3cret-b"]);
    expect(printed.join("\n")).not.toContain("s3cret");
    expect(printed[5]).toContain("--token or FLOTILLA_TOKEN");
    expect(printed[7]).toContain("--token goes with --url");
  });
});
