// Whatever is sent, the server answers it with a word of its own and goes on. Long form: FLOTILLA_FUZZ_RUNS.
import { connect } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { resolveServer } from "../../src/runtime/server-config.ts";
import { probes, routes } from "../../src/server/routes.ts";
import { serveTcp } from "../../src/server/tcp-server.ts";
import { makeThings, noCommits, openDoor, pathOf, type Door, type Things } from "./door.ts";

const runs = Number(process.env["FLOTILLA_FUZZ_RUNS"] ?? 300);

/** What no answer may hold: places in files, names of modules, the lines of a stack. */
const leaks = /\bat (?:async )?[\w.<>]+ \(|node_modules|file:\/\/|\.ts:\d+|\/work\/|\/home\/|\/tmp\/|node:internal/;

const bearer = fc.oneof(
  { weight: 6, arbitrary: fc.constant("admin") },
  { weight: 2, arbitrary: fc.constant("stranger") },
  { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 100 }) },
);

const junk = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom("", ".", "..", "../../etc/passwd", "%00", "%2e%2e%2f", "%E0%A4%A", "%", "null", "-1", "1e999", "__proto__"),
  fc.constantFrom(
    "'; DROP TABLE task; --",
    "a\u0000b",
    "\u{1F600}".repeat(40),
    "x".repeat(5_000),
    "r_",
    "t_.1",
    "a_0.999999999999",
  ),
);
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.record({ name: fc.constantFrom("work", "flow", "nobody"), input: fc.jsonValue({ maxDepth: 3 }) }),
  fc.dictionary(
    fc.constantFrom("name", "input", "tenant", "tags", "priority", "idempotencyKey", "ttlMs", "reason", "value"),
    fc.jsonValue({ maxDepth: 2 }),
  ),
  fc.dictionary(
    fc.constantFrom("target", "cron", "everyMs", "timeZone", "overlap", "startAt", "run", "folder", "role", "expiresAt"),
    fc.oneof(junk, fc.jsonValue({ maxDepth: 1 })),
  ),
);
/** Deep, and JSON to the last bracket. */
const deep = (n: number) => `{"name":"work","idempotencyKey":"k","input":${"[".repeat(n)}${"]".repeat(n)}}`;
const body = fc.oneof(
  { weight: 4, arbitrary: json.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: junk },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "{",
      '{"name":',
      "[".repeat(300_000),
      deep(100_000),
      deep(150),
      '{"a":'.repeat(100_000),
      `"${"x".repeat(1_200_000)}"`,
      "\uFEFF{}",
      "{}{}",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"__proto__":{"role":"admin"}}',
      '{"name":"work","input":1e400}',
      '{"name":"work","input":"\\ud800"}',
    ),
  },
);
const headers = fc.dictionary(
  fc.constantFrom(
    "last-event-id",
    "content-type",
    "accept",
    "flotilla-namespace",
    "content-length",
    "x-forwarded-for",
    "if-none-match",
    "accept-encoding",
  ),
  fc.string({ unit: "grapheme-ascii", maxLength: 200 }),
  { maxKeys: 4 },
);
const query = fc.oneof(
  fc
    .array(fc.tuple(fc.constantFrom("limit", "after", "status", "name", "state", "waitMs", "types", "x"), junk), { maxLength: 4 })
    .map((pairs) => pairs.map(([k, v]) => `${k}=${encodeURIComponent(v.toWellFormed())}`).join("&")),
  fc.constantFrom("", "=", "&&&", "%", "limit=1&limit=2", "limit[]=1", "a".repeat(4_000)),
);

const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] as const;
const method = fc.constantFrom(...methods);

/** Routes as they are, or with another method, or with a part of their path replaced; and others. */
function target(things: Things): fc.Arbitrary<{ method: string; at: string }> {
  const asked = [...routes, ...probes].filter((r) => r.type !== "text/event-stream");
  const named = routes.filter((r) => r.path.includes(":"));
  const route = fc.constantFrom(...asked.map((r) => ({ method: r.method, at: pathOf(r.path, things) })));
  const replaced = fc
    .tuple(fc.constantFrom(...named), junk)
    .map(([r, part]) => ({ method: r.method, at: r.path.replaceAll(/:\w+/g, encodeURIComponent(part.toWellFormed())).slice(1) }));
  return fc.oneof(
    { weight: 6, arbitrary: route },
    { weight: 4, arbitrary: replaced },
    { weight: 1, arbitrary: fc.tuple(fc.oneof(route, replaced), method).map(([r, other]) => ({ ...r, method: other })) },
    { weight: 1, arbitrary: fc.tuple(junk, method).map(([text, m]) => ({ method: m, at: encodeURI(text.toWellFormed()) })) },
  );
}

async function send(
  door: Door,
  at: string,
  r: { method: string; token: string; body: string; headers: Record<string, string>; query: string },
) {
  const url = `http://localhost/api/v1/${at}?${r.query}`;
  const text = r.method === "GET" || r.method === "HEAD" ? {} : { body: r.body };
  let request: Request;
  try {
    request = new Request(url, { method: r.method, headers: { ...r.headers, authorization: `Bearer ${r.token}` }, ...text });
  } catch {
    return undefined; // No client could send it; raw bytes are below.
  }
  const asked = door.fetch(request);
  // Long polls and questions that nobody answers end by the clock.
  const hurry = setInterval(() => door.world.clock.advance(30_000));
  try {
    const reply = await asked;
    return { status: reply.status, text: await reply.text(), type: reply.headers.get("content-type") };
  } finally {
    clearInterval(hurry);
  }
}

type Answered = NonNullable<Awaited<ReturnType<typeof send>>>;

function expectSound(reply: Answered, verb: string, things: Things): void {
  expect(reply.status).not.toBe(500);
  expect(reply.text).not.toMatch(leaks);
  const told = reply.status >= 400 && verb !== "HEAD" && verb !== "OPTIONS";
  expect(told ? codeOf(reply) : "FLOTILLA_").toMatch(/^FLOTILLA_/);
  // Ids that were asked for are named again in a refusal; nobody else is told any.
  expect(verb === "GET" && reply.status < 300 ? reply.text : "").not.toContain(things.run.slice(2));
}

/** Of a refusal in the one shape. */
function codeOf({ type, text }: Answered): string {
  const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown };
  return type?.startsWith("application/json") && typeof message === "string" ? String(code) : `no refusal of ours: ${text}`;
}

describe("requests of any kind", () => {
  test("are answered in the one shape, with nothing of the inside, and change nothing of another namespace", async () => {
    await using door = await openDoor({ requestsPerMinute: 100_000_000 });
    const things = await makeThings(door, await door.token("admin"));
    const tokens = { admin: await door.token("admin", "other"), stranger: await door.token("viewer", "stranger") };
    const statuses = new Map<number, number>();
    const arbitrary = fc.record({
      target: target(things),
      token: bearer,
      body,
      headers,
      query,
    });
    const kept = async () => {
      const { orchestrator } = door.world;
      const [run, approval, schedule] = [
        orchestrator.run(things.run),
        orchestrator.approval(things.approval),
        orchestrator.schedules.get("nightly"),
      ];
      return [
        (await run).status,
        (await approval).state,
        (await schedule).updatedAt,
        (await orchestrator.runs({ limit: 500 })).items.length,
      ];
    };
    // Its ticks would start runs while the clock is moved on.
    await door.world.orchestrator.schedules.pause("nightly");
    const before = JSON.stringify(await kept());
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ target: { method: verb, at }, token, ...others }) => {
        const rest = { ...others, method: verb };
        // What went wrong before is not counted against this one.
        door.world.clock.advance(1_000);
        const reply = await send(door, at, { ...rest, token: tokens[token as keyof typeof tokens] ?? token });
        if (!reply) return;
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
        expectSound(reply, rest.method, things);
      }),
      { numRuns: runs, endOnFailure: true },
    );
    expect(JSON.stringify(await kept())).toBe(before);
    // It came by answers of each kind, or it would have looked at one door only.
    expect([200, 400, 401, 403, 404].filter((status) => !statuses.has(status))).toEqual([]);
  });
});

describe("bytes of any kind", () => {
  test("do not end the server", async () => {
    await using door = await openDoor();
    const settings = resolveServer({ listen: "127.0.0.1:0" }, "/");
    const patience = { headersMs: 50, requestMs: 50, silentMs: 50, lookMs: 10 };
    const errors: unknown[] = [];
    const log = (level: string, message: string) => void (level === "error" && errors.push(message));
    const tcp = await serveTcp(door.world.orchestrator, settings, { clock: systemClock, log, commits: noCommits, patience });
    try {
      const port = Number(new URL(tcp.url).port);
      const token = await door.token("admin", "*");
      const exchange = (bytes: Uint8Array) =>
        new Promise<string>((resolve) => {
          let got = "";
          const socket = connect(port, "127.0.0.1");
          socket.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
          socket.on("error", () => {}).on("close", () => resolve(got));
          socket.end(bytes);
        });
      const line = fc.oneof(
        fc.constantFrom(
          "GET /api/v1/runs HTTP/1.1",
          "POST /api/v1/runs HTTP/1.1",
          "GET //x HTTP/1.1",
          "GET http://evil.example/ HTTP/1.1",
          "OPTIONS * HTTP/1.1",
          "CONNECT a:1 HTTP/1.1",
          "GET /%zz HTTP/1.1",
          "GET /api/v1/runs/%E0%A4%A HTTP/1.1",
          "PRI * HTTP/2.0",
        ),
        fc.string({ unit: "binary-ascii", maxLength: 80 }),
      );
      const header = fc.oneof(
        fc.constantFrom(
          "Host: localhost",
          "Host: evil",
          "Host:",
          `Authorization: Bearer ${token}`,
          "Authorization: Bearer x",
          "Content-Length: 5",
          "Content-Length: -1",
          "Content-Length: 99999999999",
          "Transfer-Encoding: chunked",
          "Transfer-Encoding: chunked, gzip",
          "Expect: 100-continue",
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Upgrade: h2c",
          "Origin: https://evil",
          "Cookie: a=b",
        ),
        fc.string({ unit: "binary-ascii", maxLength: 60 }),
      );
      const bytes = fc.oneof(
        fc
          .tuple(line, fc.array(header, { maxLength: 6 }), fc.string({ unit: "binary-ascii", maxLength: 100 }))
          .map(([first, rest, end]) => Buffer.from(`${[first, ...rest].join("\r\n")}\r\n\r\n${end}`, "latin1")),
        fc.uint8Array({ maxLength: 200 }),
      );
      await fc.assert(
        fc.asyncProperty(bytes, async (sent) => {
          const got = await exchange(sent);
          expect(got).not.toMatch(/^HTTP\/1.1 500/);
          expect(got).not.toMatch(leaks);
        }),
        { numRuns: Math.min(runs, 3_000), endOnFailure: true },
      );
      const alive = await exchange(Buffer.from("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
      expect(alive).toMatch(/^HTTP\/1.1 200/);
      expect(errors).toEqual([]);
    } finally {
      await tcp.close();
    }
  });
});
