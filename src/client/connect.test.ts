import { describe, expect, test } from "vitest";
import { connect, type ConnectOptions } from "./connect.ts";
import type { FleetDefinition } from "./fleet-definition.ts";

type Any = FleetDefinition<readonly []>;
type Reply = { status?: number; type?: string; text?: string; headers?: Record<string, string> };

/** A fetch that answers from a list, the last one for ever, and notes what it was asked. */
function scripted(...replies: (Reply | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const reply = replies[Math.min(asked.length, replies.length - 1)] as Reply | Error;
    asked.push({ url, init });
    if (reply instanceof Error) throw reply;
    const { status = 200, type = "application/json", text = "{}", headers = {} } = reply;
    return new Response(text, { status, headers: { "content-type": type, ...headers } });
  };
  return { asked, fetch };
}

const far = (fetch: NonNullable<ConnectOptions["fetch"]>, o: ConnectOptions = {}) =>
  connect<Any>("https://fleet.example/team/", { fetch, ...o });

describe("connect", () => {
  test.each([
    ["no URL", undefined],
    ["not a URL", "fleet.example"],
    ["another scheme", "postgres://db/x"],
    ["a password", "https://ada:secret@fleet.example"],
    ["a query", "https://fleet.example?token=secret"],
  ])("refuses %s, and does not show it", (_, url) => {
    const refused = (() => {
      try {
        connect<Any>(url as string);
      } catch (e) {
        return e as Error;
      }
      return undefined;
    })();
    expect(refused).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field: "connect().url" } });
    expect(JSON.stringify(refused)).not.toContain("secret");
  });

  test.each([
    [{ tokens: "x" }, "connect().tokens"],
    [{ token: "" }, "connect().token"],
    [{ token: "a b" }, "connect().token"],
    [{ token: "a\n" }, "connect().token"],
    [{ fetch: 5 }, "connect().fetch"],
    [{ signal: {} }, "connect().signal"],
    [{ retry: { call: "1s" } }, "connect().retry.call"],
    [{ retry: { calls: "0s" } }, "connect().retry.calls"],
    [{ timeout: "soon" }, "connect().timeout"],
  ])("refuses %o", (o, field) => {
    expect(() => connect<Any>("http://127.0.0.1:1", o as never)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ field }) as unknown }) as Error,
    );
  });

  test("asks under the URL's path, with the token in a header, and follows no redirect", async () => {
    const { asked, fetch } = scripted({ text: '{"id":"r_1"}' });
    const tokens = ["t1", "t2"];
    const fleet = far(fetch, { token: async () => tokens.shift() as string });
    expect(fleet.url).toBe("https://fleet.example/team");
    await fleet.get("r_1/x");
    await fleet.get("r_2");
    expect(asked.map((a) => [a.url, (a.init.headers as Record<string, string>)["authorization"]])).toEqual([
      ["https://fleet.example/team/api/v1/runs/r_1%2Fx", "Bearer t1"],
      ["https://fleet.example/team/api/v1/runs/r_2", "Bearer t2"],
    ]);
    expect(asked[0]?.init).toMatchObject({ redirect: "manual", credentials: "omit", cache: "no-store" });
  });

  test("a token that cannot be had, or is none, is told at once and not shown", async () => {
    const { asked, fetch } = scripted({});
    const thrown = far(fetch, { token: () => Promise.reject(new Error("no login")) }).get("r_1");
    await expect(thrown).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", cause: { message: "no login" } });
    const bad = await far(fetch, { token: () => "secret\n" })
      .get("r_1")
      .catch((e: unknown) => e);
    expect(bad).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(JSON.stringify(bad)).not.toContain("secret");
    expect(asked).toEqual([]);
  });

  test.each([
    [{ status: 401, type: "text/plain", text: "who?" }, "token"],
    [{ status: 403, type: "text/html", text: "<h1>no</h1>" }, "token"],
    [{ status: 404, type: "text/html", text: "<h1>?</h1>" }, "no API of a fleet"],
    [{ status: 426, type: "text/plain", text: "" }, "another version"],
    [{ status: 302, type: "text/html", text: "", headers: { location: "https://login.example" } }, "redirects"],
    [{ status: 200, type: "text/html", text: "<html>" }, "not JSON"],
    [{ status: 401, text: '{"error":"unauthorized"}' }, "token"],
  ])("says plainly what %o means, at once", async (reply, word) => {
    const { asked, fetch } = scripted(reply);
    const error = await far(fetch, { token: "secret" })
      .get("r_1")
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "FLOTILLA_UNEXPECTED_REPLY", details: { status: reply.status } });
    expect((error as Error).message).toContain(word);
    expect(JSON.stringify(error)).not.toContain("secret");
    expect(asked).toHaveLength(1);
  });

  test("without retry every failure is told at once, and a start carries no key", async () => {
    const { asked, fetch } = scripted(new TypeError("fetch failed"));
    const fleet = far(fetch, { retry: false });
    await expect(fleet.start("a" as never, 1 as never)).rejects.toMatchObject({
      code: "FLOTILLA_UNREACHABLE",
      details: { target: "https://fleet.example/team" },
      cause: { message: "fetch failed" },
    });
    expect(asked.map((a) => a.init.body)).toEqual(['{"name":"a","input":1}']);
  });

  test("one drawn key goes with every try of a start; the caller's own is kept", async () => {
    const ok = { status: 201, text: '{"id":"r_1","existing":false,"depth":0,"pressure":"none"}' };
    const { asked, fetch } = scripted(new TypeError("fetch failed"), { status: 503, type: "text/html", text: "" }, ok);
    const fleet = far(fetch);
    expect((await fleet.start("a" as never, 1 as never)).id).toBe("r_1");
    const keys = asked.map((a) => (JSON.parse(a.init.body as string) as { idempotencyKey: string }).idempotencyKey);
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(3);
    expect(keys[0]).toMatch(/^once:[0-9a-f]{32}$/);
    await fleet.start("a" as never, 1 as never);
    await fleet.start("a" as never, 1 as never, { idempotencyKey: "mine" });
    const later = asked.slice(3).map((a) => (JSON.parse(a.init.body as string) as { idempotencyKey: string }).idempotencyKey);
    expect([later[0] === keys[0], later[1]]).toEqual([false, "mine"]);
  });

  test("a wait that the server asks for and that is too long is not waited", async () => {
    const { asked, fetch } = scripted({ status: 429, type: "text/plain", text: "", headers: { "retry-after": "3600" } });
    await expect(far(fetch).get("r_1")).rejects.toMatchObject({ details: { status: 429 } });
    expect(asked).toHaveLength(1);
  });

  test("its signal and its close end what is under way", async () => {
    const hanging = (_: string, init: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error)));
    const stop = new AbortController();
    const fleet = far(hanging, { signal: stop.signal });
    const ended = fleet.get("r_1");
    stop.abort(new Error("the page is left"));
    await expect(ended).rejects.toThrow("the page is left");
    await expect(fleet.get("r_1")).rejects.toThrow("the page is left");
    const other = far(hanging);
    const waiting = other.get("r_1");
    await other.close();
    await expect(waiting).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
  });
});
