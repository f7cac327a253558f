import { isIP } from "node:net";
import { resolve } from "node:path";
import { checkKnown, checkObject, checkText, checkTexts, checkWhole, configInvalid, spanMs } from "../client/check.ts";
import type { OidcConfig, ServerConfig } from "../client/server-config.ts";
import { anyNamespace, defaultNamespace, isNamespaceName } from "../core/namespace.ts";
import { isRole, roles } from "../core/role.ts";
import type { OidcSettings, ServerSettings } from "../server/settings.ts";

export const listenDefault = "127.0.0.1:4700";
const requestsDefault = 6_000;
const connectionsDefault = 20_000;
const listMost = 100;
const textMost = 2_000;
const proxiesMost = 10;
const skewMostMs = 300_000;
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const known = ["listen", "tls", "hosts", "origins", "trustProxy", "basePath", "requestsPerMinute", "connections", "oidc"];

/** @throws FLOTILLA_CONFIG_INVALID naming the field */
export function resolveServer(given: ServerConfig = {}, cwd: string): ServerSettings {
  checkObject(given, "fleet.server");
  checkKnown(given, known, "fleet.server");
  const { requestsPerMinute = requestsDefault, connections = connectionsDefault } = given;
  checkWhole(requestsPerMinute, "fleet.server.requestsPerMinute", { least: 1, most: 100_000_000 });
  checkWhole(connections, "fleet.server.connections", { least: 1, most: 1_000_000 });
  const listen = parseListen(given.listen ?? listenDefault, "fleet.server.listen");
  return Object.freeze({
    listen,
    tls: resolveTls(given.tls, cwd),
    sites: Object.freeze({ hosts: resolveHosts(given.hosts, listen.host), origins: resolveOrigins(given.origins) }),
    namesHosts: given.hosts !== undefined,
    proxyHops: resolveProxy(given.trustProxy),
    basePath: resolveBasePath(given.basePath),
    requestsPerMinute,
    connectionsMax: connections,
    oidc: given.oidc === undefined ? null : resolveOidc(given.oidc),
  });
}

/** "127.0.0.1:4700", "[::1]:0", "localhost:4700". */
export function parseListen(text: unknown, field: string): ServerSettings["listen"] {
  const [, six, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(typeof text === "string" ? text : "") ?? [];
  const host = six ?? name;
  if (host === undefined || Number(port) > 65_535 || (six !== undefined && isIP(six) !== 6))
    throw configInvalid(field, `${JSON.stringify(text)} is no address with a port`, `write "${listenDefault}" or "[::1]:4700"`);
  return { host, port: Number(port) };
}

function resolveTls(given: ServerConfig["tls"], cwd: string): ServerSettings["tls"] {
  if (given === undefined) return null;
  checkObject(given, "fleet.server.tls");
  checkKnown(given, ["cert", "key"], "fleet.server.tls");
  checkText(given.cert, "fleet.server.tls.cert", textMost);
  checkText(given.key, "fleet.server.tls.key", textMost);
  return Object.freeze({ cert: resolve(cwd, given.cert), key: resolve(cwd, given.key) });
}

/** The name that it listens on is its own. */
function resolveHosts(given: readonly string[] = [], host: string): readonly string[] {
  checkTexts(given, "fleet.server.hosts", { most: listMost, length: textMost });
  for (const [i, name] of given.entries()) {
    if (!/^[a-z0-9._-]+$/i.test(name))
      throw configInvalid(`fleet.server.hosts[${i}]`, `${JSON.stringify(name)} is no host name`, 'write "flotilla.example.com"');
  }
  return Object.freeze([...given, host].map((name) => name.toLowerCase()));
}

function resolveOrigins(given: readonly string[] = []): readonly string[] {
  checkTexts(given, "fleet.server.origins", { most: listMost, length: textMost });
  for (const [i, origin] of given.entries()) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin.toLowerCase())
      throw configInvalid(
        `fleet.server.origins[${i}]`,
        `${JSON.stringify(origin)} is no origin`,
        'write scheme, host and port alone: "https://board.example.com"',
      );
  }
  return Object.freeze(given.map((origin) => origin.toLowerCase()));
}

function resolveProxy(given: ServerConfig["trustProxy"] = false): number {
  if (typeof given === "boolean") return given ? 1 : 0;
  checkWhole(given, "fleet.server.trustProxy", { least: 0, most: proxiesMost });
  return given;
}

function resolveBasePath(given: ServerConfig["basePath"] = ""): string {
  if (typeof given === "string" && /^(?:\/[\w.~-]+)*$/.test(given)) return given;
  throw configInvalid(
    "fleet.server.basePath",
    `${JSON.stringify(given)} is no path`,
    'write "/flotilla": a slash first, and none last',
  );
}

function resolveOidc(given: OidcConfig): OidcSettings {
  const field = "fleet.server.oidc";
  checkObject(given, field);
  checkKnown(given, ["issuer", "audience", "jwksUrl", "algorithms", "clockSkew", "role", "namespace"], field);
  checkText(given.issuer, `${field}.issuer`, textMost);
  const audience = typeof given.audience === "string" ? [given.audience] : given.audience;
  checkTexts(audience, `${field}.audience`, { most: listMost, length: textMost });
  if (audience.length === 0) throw configInvalid(`${field}.audience`, "it is empty", "say who its JWTs must be for");
  const accepted = given.algorithms ?? ["RS256", "ES256", "EdDSA"];
  checkTexts(accepted, `${field}.algorithms`, { most: algorithms.length, length: textMost });
  const odd = accepted.find((name) => !algorithms.includes(name));
  if (odd !== undefined || accepted.length === 0)
    throw configInvalid(
      `${field}.algorithms`,
      odd === undefined ? "it is empty" : `${JSON.stringify(odd)} is not accepted`,
      `use some of ${algorithms.join(", ")}: with them nobody but the issuer can sign`,
    );
  const clockSkewMs = spanMs(given.clockSkew ?? "30s", `${field}.clockSkew`) ?? 0;
  if (clockSkewMs > skewMostMs) throw configInvalid(`${field}.clockSkew`, "it is more than 5 minutes", "set the clocks instead");
  return Object.freeze({
    issuer: given.issuer,
    audience: Object.freeze([...audience]),
    jwksUrl: keysUrl(given.jwksUrl, `${field}.jwksUrl`),
    algorithms: Object.freeze([...accepted]),
    clockSkewMs,
    role: resolveRole(given.role ?? { claim: "flotilla_role" }, `${field}.role`),
    namespace: resolveNamespace(given.namespace ?? defaultNamespace.name, `${field}.namespace`),
  });
}

/** Whoever can change what comes from there can make any identity. */
function keysUrl(text: unknown, field: string): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  const local = url !== undefined && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && local)) return url.href;
  throw configInvalid(
    field,
    `${JSON.stringify(text)} is no https URL`,
    'write "https://issuer.example.com/.well-known/jwks.json"',
  );
}

function resolveRole(given: NonNullable<OidcConfig["role"]>, field: string): OidcSettings["role"] {
  checkObject(given, field);
  checkKnown(given, ["claim", "map"], field);
  checkText(given.claim, `${field}.claim`, textMost);
  if (given.map === undefined) return { claim: given.claim, map: null };
  checkObject(given.map, `${field}.map`);
  for (const [value, role] of Object.entries(given.map)) {
    if (!isRole(role))
      throw configInvalid(`${field}.map.${value}`, `${JSON.stringify(role)} is no role`, `use one of ${roles.join(", ")}`);
  }
  return { claim: given.claim, map: new Map(Object.entries(given.map)) };
}

function resolveNamespace(given: NonNullable<OidcConfig["namespace"]>, field: string): OidcSettings["namespace"] {
  if (typeof given === "string") {
    checkNamespace(given, field);
    return { fixed: given };
  }
  checkObject(given, field);
  checkKnown(given, ["claim", "map"], field);
  checkText(given.claim, `${field}.claim`, textMost);
  if (given.map === undefined) return { claim: given.claim, map: null };
  checkObject(given.map, `${field}.map`);
  for (const [value, name] of Object.entries(given.map)) checkNamespace(name, `${field}.map.${value}`);
  return { claim: given.claim, map: new Map(Object.entries(given.map)) };
}

function checkNamespace(name: unknown, field: string): void {
  if (name === anyNamespace || isNamespaceName(name)) return;
  const fix = 'use up to 63 lower-case letters, digits and single dashes, or "*" for every one';
  throw configInvalid(field, `${JSON.stringify(name)} is no namespace`, fix);
}
