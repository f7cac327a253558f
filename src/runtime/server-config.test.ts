import { describe, expect, test } from "vitest";
import type { ServerConfig } from "../client/server-config.ts";
import { parseListen, resolveServer } from "./server-config.ts";

const oidc = { issuer: "https://issuer.example", audience: "flotilla", jwksUrl: "https://issuer.example/keys" };

describe("listen", () => {
  test.each([
    ["127.0.0.1:4700", "127.0.0.1", 4700],
    ["[::1]:0", "::1", 0],
    ["localhost:65535", "localhost", 65_535],
    ["fleet.example.com:443", "fleet.example.com", 443],
  ])("%s", (text, host, port) => expect(parseListen(text, "f")).toEqual({ host, port }));

  test.each([
    "4700",
    ":4700",
    "127.0.0.1",
    "127.0.0.1:65536",
    "::1:4700",
    "[127.0.0.1]:1",
    "http://a:1",
    "a:1/",
    "a b:1",
    "",
    4700,
  ])("refuses %j", (text) =>
    expect(() => parseListen(text, "f")).toThrow(expect.objectContaining({ code: "FLOTILLA_CONFIG_INVALID" })),
  );
});

describe("refused, naming the field", () => {
  test.each([
    [{ port: 1 }, "fleet.server.port"],
    [{ tls: { cert: "a" } }, "fleet.server.tls.key"],
    [{ hosts: ["a:1"] }, "fleet.server.hosts[0]"],
    [{ hosts: "a" }, "fleet.server.hosts"],
    [{ origins: ["board.example.com"] }, "fleet.server.origins[0]"],
    [{ origins: ["https://board.example.com/"] }, "fleet.server.origins[0]"],
    [{ origins: ["*"] }, "fleet.server.origins[0]"],
    [{ trustProxy: -1 }, "fleet.server.trustProxy"],
    [{ trustProxy: "yes" }, "fleet.server.trustProxy"],
    [{ basePath: "flotilla" }, "fleet.server.basePath"],
    [{ basePath: "/flotilla/" }, "fleet.server.basePath"],
    [{ basePath: "/a?b" }, "fleet.server.basePath"],
    [{ requestsPerMinute: 0 }, "fleet.server.requestsPerMinute"],
    [{ connections: 1.5 }, "fleet.server.connections"],
    [{ oidc: {} }, "fleet.server.oidc.issuer"],
    [{ oidc: { ...oidc, audience: [] } }, "fleet.server.oidc.audience"],
    [{ oidc: { ...oidc, jwksUrl: "http://issuer.example/keys" } }, "fleet.server.oidc.jwksUrl"],
    [{ oidc: { ...oidc, jwksUrl: "file:///keys" } }, "fleet.server.oidc.jwksUrl"],
    [{ oidc: { ...oidc, algorithms: ["none"] } }, "fleet.server.oidc.algorithms"],
    [{ oidc: { ...oidc, algorithms: ["HS256"] } }, "fleet.server.oidc.algorithms"],
    [{ oidc: { ...oidc, algorithms: [] } }, "fleet.server.oidc.algorithms"],
    [{ oidc: { ...oidc, clockSkew: "10m" } }, "fleet.server.oidc.clockSkew"],
    [{ oidc: { ...oidc, role: { claim: "r", map: { a: "root" } } } }, "fleet.server.oidc.role.map.a"],
    [{ oidc: { ...oidc, namespace: "Team A" } }, "fleet.server.oidc.namespace"],
    [{ oidc: { ...oidc, namespace: { claim: "t", map: { a: "" } } } }, "fleet.server.oidc.namespace.map.a"],
  ])("%j", (given, field) => {
    const refusal = { code: "FLOTILLA_CONFIG_INVALID", details: expect.objectContaining({ field }) as object };
    expect(() => resolveServer(given as unknown as ServerConfig, "/")).toThrow(expect.objectContaining(refusal));
  });
});

test("what is given is kept, resolved", () => {
  const given: ServerConfig = {
    listen: "10.0.0.1:443",
    tls: { cert: "cert.pem", key: "/etc/key.pem" },
    hosts: ["Fleet.Example.com"],
    origins: ["https://Board.example.com"],
    trustProxy: 2,
    basePath: "/a/b",
    oidc: {
      ...oidc,
      audience: ["a", "b"],
      clockSkew: "1m",
      role: { claim: "g", map: { x: "admin" } },
      namespace: { claim: "t" },
    },
  };
  expect(resolveServer(given, "/srv")).toMatchObject({
    tls: { cert: "/srv/cert.pem", key: "/etc/key.pem" },
    sites: { hosts: ["fleet.example.com", "10.0.0.1"], origins: ["https://board.example.com"] },
    namesHosts: true,
    proxyHops: 2,
    basePath: "/a/b",
    oidc: {
      audience: ["a", "b"],
      clockSkewMs: 60_000,
      role: { claim: "g", map: new Map([["x", "admin"]]) },
      namespace: { claim: "t", map: null },
    },
  });
});
