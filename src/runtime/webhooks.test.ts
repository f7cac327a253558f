import { describe, expect, test } from "vitest";
import type { LookupAddress } from "node:dns";
import { isClosedAddress, lookupOpen } from "../orchestrator/webhooks/address.ts";
import { resolveHooks, resolveWebhooks } from "./webhooks.ts";

const secret = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;
const env = { SECRET: secret, PLAIN: "a-plain-secret-of-theirs", SHORT: "short", EMPTY: "" };
const ok = { url: "https://example.com/in?token=t", events: ["run.finished"], secret };
const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (e) {
    const { code, details, message } = e as { code: string; details: { field: string }; message: string };
    return { code, field: details.field, message };
  }
  throw new Error("it was taken");
};

describe("webhooks", () => {
  test("defaults are filled in; the name is the URL's host", () => {
    expect(resolveWebhooks(undefined)).toEqual([]);
    expect(resolveWebhooks([ok])).toEqual([
      {
        name: "example.com",
        url: new URL(ok.url),
        events: ["run.finished"],
        definitions: null,
        namespace: null,
        keys: [Buffer.alloc(32, 5)],
        timeoutMs: 15_000,
        retryForMs: 86_400_000,
      },
    ]);
    const all = {
      ...ok,
      name: "n",
      definitions: ["audit"],
      timeout: "1s",
      retryFor: "2h",
      secret: undefined,
      secretEnv: "SECRET",
    };
    expect(resolveWebhooks([all], env)[0]).toMatchObject({
      name: "n",
      definitions: ["audit"],
      timeoutMs: 1_000,
      retryForMs: 7_200_000,
      keys: [Buffer.alloc(32, 5)],
    });
  });

  test.each<[string, unknown, string]>([
    ["no list", {}, "fleet.webhooks"],
    ["no object", ["https://example.com"], "fleet.webhooks[0]"],
    ["an unknown option", [{ ...ok, uri: "x" }], "fleet.webhooks[0].uri"],
    ["no URL", [{ ...ok, url: "example" }], "fleet.webhooks[0].url"],
    ["another protocol", [{ ...ok, url: "file:///etc/passwd" }], "fleet.webhooks[0].url"],
    ["a password in the URL", [{ ...ok, url: "https://me:hidden@example.com" }], "fleet.webhooks[0].url"],
    ["a metadata address in disguise", [{ ...ok, url: "http://2852039166/latest" }], "fleet.webhooks[0].url"],
    ["no namespace", [{ ...ok, namespace: "A B" }], "fleet.webhooks[0].namespace"],
    ["no event", [{ ...ok, events: [] }], "fleet.webhooks[0].events"],
    ["an unknown event", [{ ...ok, events: ["run.started"] }], "fleet.webhooks[0].events"],
    ["no secret", [{ ...ok, secret: undefined }], "fleet.webhooks[0].secretEnv"],
    ["two secrets", [{ ...ok, secretEnv: "SECRET" }], "fleet.webhooks[0].secretEnv"],
    ["a variable that is not set", [{ ...ok, secret: undefined, secretEnv: "NONE" }], "fleet.webhooks[0].secretEnv"],
    ["a variable that is empty", [{ ...ok, secret: undefined, secretEnv: "EMPTY" }], "fleet.webhooks[0].secretEnv"],
    ["a secret of another form", [{ ...ok, secret: "hunter2hunter2hunter2hunter2" }], "fleet.webhooks[0].secret"],
    ["a secret that is too short", [{ ...ok, secret: "whsec_aGlkZGVu" }], "fleet.webhooks[0].secret"],
    ["one host twice, and no names", [ok, { ...ok, url: "https://example.com/b" }], "fleet.webhooks[1].name"],
    ["no time", [{ ...ok, timeout: "0s" }], "fleet.webhooks[0].timeout"],
  ])("%s is refused, with the field and without the secret", (_, given, field) => {
    const refused = refusal(() => resolveWebhooks(given, env));
    expect(refused).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", field });
    expect(refused.message).not.toMatch(/hunter2|hidden|aGlkZGVu|token=t/);
  });

  test("a metadata address that is named as it is may be meant", () => {
    expect(resolveWebhooks([{ ...ok, url: "http://169.254.169.254/x" }])[0]?.url.host).toBe("169.254.169.254");
  });
});

describe("addresses", () => {
  test.each([
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "::ffff:169.254.169.254",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
  ])("%s is closed", (address) => expect(isClosedAddress(address)).toBe(true));
  test.each(["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd00::1", "93.184.216.34", "example.com"])("%s is open", (address) =>
    expect(isClosedAddress(address)).toBe(false),
  );

  test("a name that resolves to a closed address is not connected to, whichever way it is asked for", async () => {
    const find = (host: string, all: boolean) =>
      new Promise<{ code: string | undefined; address: unknown }>((resolve) =>
        lookupOpen(host, { all }, (error, address) => resolve({ code: error?.code, address })),
      );
    // An address is its own name: no DNS is asked.
    expect((await find("169.254.169.254", true)).code).toMatch(/resolves to 169\.254\.169\.254/);
    expect((await find("169.254.169.254", false)).code).toMatch(/link-local or metadata/);
    expect((await find("127.0.0.1", false)).address).toBe("127.0.0.1");
    expect(((await find("127.0.0.1", true)).address as LookupAddress[])[0]?.address).toBe("127.0.0.1");
  });
});

describe("hooks", () => {
  const hook = { target: "audit", scheme: "standard", secret };
  test("defaults are filled in", () => {
    expect(resolveHooks(undefined)).toEqual([]);
    expect(resolveHooks({ a: hook, b: { target: "audit", scheme: "github", secret: "0123456789abcdef" } })).toEqual([
      {
        name: "a",
        target: "audit",
        scheme: { kind: "standard", toleranceMs: 300_000 },
        keys: [Buffer.alloc(32, 5)],
        pick: "",
        namespace: "default",
        tenant: null,
      },
      {
        name: "b",
        target: "audit",
        scheme: {
          kind: "hmac",
          header: "x-hub-signature-256",
          prefix: "sha256=",
          algorithm: "sha256",
          encoding: "hex",
          id: { header: "x-github-delivery" },
        },
        keys: [Buffer.from("0123456789abcdef")],
        pick: "",
        namespace: "default",
        tenant: null,
      },
    ]);
  });

  test.each<[string, unknown, string]>([
    ["no object", [], "fleet.hooks"],
    ["a name that is no part of a path", { "a/b": hook }, "fleet.hooks.a/b"],
    ["no target", { a: { ...hook, target: undefined } }, "fleet.hooks.a.target"],
    ["an unknown scheme", { a: { ...hook, scheme: "gitlab" } }, "fleet.hooks.a.scheme"],
    ["a header that is none", { a: { ...hook, scheme: { header: "x y", id: { header: "x" } } } }, "fleet.hooks.a.scheme.header"],
    [
      "an algorithm that is broken",
      { a: { ...hook, scheme: { header: "x", algorithm: "md5", id: { header: "x" } } } },
      "fleet.hooks.a.scheme.algorithm",
    ],
    ["nothing that tells deliveries apart", { a: { ...hook, scheme: { header: "x" } } }, "fleet.hooks.a.scheme.id"],
    ["a pointer that is none", { a: { ...hook, input: { pick: "data" } } }, "fleet.hooks.a.input.pick"],
    [
      "a tolerance where no time is signed",
      { a: { ...hook, scheme: "github", secretEnv: "PLAIN", secret: undefined, tolerance: "1m" } },
      "fleet.hooks.a.tolerance",
    ],
    [
      "a plain secret that is too short",
      { a: { ...hook, scheme: "github", secret: undefined, secretEnv: "SHORT" } },
      "fleet.hooks.a.secretEnv",
    ],
    ["a standard secret of another form", { a: { ...hook, secret: "0123456789abcdef0123456789abcdef" } }, "fleet.hooks.a.secret"],
  ])("%s is refused with its field", (_, given, field) => {
    expect(refusal(() => resolveHooks(given, env))).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", field });
  });
});
