// The options `webhooks` and `hooks` of a fleet: defaults filled in, checked, frozen. What is refused here says which field
// it is, and never what a secret or the path of a URL holds.
import { isIP } from "node:net";
import { checkKnown, checkName, checkObject, checkText, checkTexts, configInvalid, spanMs } from "../client/check.ts";
import type { HmacScheme, HookConfig, WebhookConfig } from "../client/webhooks.ts";
import { bounds } from "../core/bounds.ts";
import { defaultNamespace, isNamespaceName, namespaceLength } from "../core/namespace.ts";
import { webhookEvents, webhookKeys, type WebhookEvent } from "../core/webhook.ts";
import { isClosedAddress } from "../orchestrator/webhooks/address.ts";
import type { WebhookSettings } from "../orchestrator/webhooks/settings.ts";
import type { HookSettings, Place, Scheme } from "../server/hooks/settings.ts";

export type { WebhookSettings } from "../orchestrator/webhooks/settings.ts";
export type { HookSettings } from "../server/hooks/settings.ts";

type Env = Readonly<Record<string, string | undefined>>;

const webhooksMost = 32;
const hooksMost = 256;
const secretLength = 4_096;
/** Of a secret that has no form of its own. */
const plainSecretLeast = 16;
const headerShape = /^[A-Za-z0-9-]{1,100}$/;
const makeSecret = `make one: node -p "'whsec_' + crypto.randomBytes(32).toString('base64')"`;

/** @throws FLOTILLA_CONFIG_INVALID naming the field. */
export function resolveWebhooks(given: unknown, env: Env = process.env): readonly WebhookSettings[] {
  if (given === undefined) return Object.freeze([]);
  if (!Array.isArray(given))
    throw configInvalid(
      "fleet.webhooks",
      "it is not a list",
      'write webhooks: [{ url: "https://...", events: ["run.finished"], secretEnv: "HOOK_SECRET" }]',
    );
  if (given.length > webhooksMost)
    throw configInvalid("fleet.webhooks", `${given.length} entries, the limit is ${webhooksMost}`, "use fewer");
  const names = new Set<string>();
  const webhooks = given.map((webhook: unknown, i) => {
    const settings = resolveWebhook(webhook, `fleet.webhooks[${i}]`, env);
    if (names.has(settings.name))
      throw configInvalid(
        `fleet.webhooks[${i}].name`,
        `${JSON.stringify(settings.name)} is there twice`,
        "name it: what is not told yet is stored under the name",
      );
    names.add(settings.name);
    return settings;
  });
  return Object.freeze(webhooks);
}

const webhookOptions = ["url", "events", "secret", "secretEnv", "definitions", "namespace", "name", "timeout", "retryFor"];

function resolveWebhook(given: unknown, field: string, env: Env): WebhookSettings {
  checkObject(given, field);
  checkKnown(given, webhookOptions, field);
  const o = given as WebhookConfig;
  const url = resolveUrl(o.url, `${field}.url`);
  checkEvents(o.events, `${field}.events`);
  if (o.definitions !== undefined) checkTexts(o.definitions, `${field}.definitions`, { most: 1_000, length: bounds.nameLength });
  const name = o.name ?? url.host;
  checkText(name, `${field}.name`, bounds.nameLength);
  return Object.freeze({
    name,
    url,
    events: Object.freeze([...o.events]),
    definitions: o.definitions === undefined ? null : Object.freeze([...o.definitions]),
    namespace: o.namespace === undefined ? null : namespaceOf(o.namespace, field),
    keys: standardKeys(o, field, env),
    timeoutMs: spanMs(o.timeout, `${field}.timeout`) ?? 15_000,
    retryForMs: spanMs(o.retryFor, `${field}.retryFor`) ?? 86_400_000,
  });
}

function resolveUrl(given: unknown, field: string): URL {
  const text = given instanceof URL ? given.href : given;
  const fix = 'write "https://example.com/hooks/flotilla"';
  if (typeof text !== "string" || !URL.canParse(text)) throw configInvalid(field, "it is not a URL", fix);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw configInvalid(field, `${url.protocol} is neither http nor https`, fix);
  if (url.username !== "" || url.password !== "")
    throw configInvalid(field, "it holds a user or a password", "leave them out: the signature says who calls");
  // By its number it may be meant; written in another way (decimal, octal) it is hidden.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && isClosedAddress(host) && !text.includes(host))
    throw configInvalid(
      field,
      `its host is ${host}, a link-local or metadata address`,
      "name that address as it is, if it is meant",
    );
  return url;
}

function checkEvents(events: unknown, field: string): asserts events is readonly WebhookEvent[] {
  checkTexts(events, field, { most: webhookEvents.length, length: bounds.nameLength });
  const unknown = events.find((event) => !(webhookEvents as readonly string[]).includes(event));
  if (unknown !== undefined || events.length === 0)
    throw configInvalid(
      field,
      unknown === undefined ? "it is empty" : `${JSON.stringify(unknown)} is not an event`,
      `use ${webhookEvents.map((e) => JSON.stringify(e)).join(" or ")}`,
    );
}

function namespaceOf(name: unknown, field: string): string {
  if (!isNamespaceName(name))
    throw configInvalid(
      `${field}.namespace`,
      "it is not the name of a namespace",
      `use up to ${namespaceLength} small letters, digits and single dashes`,
    );
  return name;
}

interface Secret {
  readonly secret?: string;
  readonly secretEnv?: string;
}

function secretText({ secret, secretEnv }: Secret, field: string, env: Env): { text: string; from: string } {
  if ((secret === undefined) === (secretEnv === undefined))
    throw configInvalid(
      `${field}.secretEnv`,
      "one of secret and secretEnv is needed",
      "name an environment variable that holds the secret",
    );
  const from = secret === undefined ? `${field}.secretEnv` : `${field}.secret`;
  if (secretEnv !== undefined) checkText(secretEnv, from, bounds.nameLength);
  const text = secretEnv === undefined ? secret : env[secretEnv];
  if (text === undefined || text === "")
    throw configInvalid(from, `the environment variable ${secretEnv} is not set`, "set it to the secret");
  if (typeof text !== "string" || text.length > secretLength)
    throw configInvalid(from, `it is not a text of up to ${secretLength} characters`, "give the secret as it was given to you");
  return { text, from };
}

function standardKeys(o: Secret, field: string, env: Env): readonly Uint8Array[] {
  const { text, from } = secretText(o, field, env);
  const keys = webhookKeys(text);
  if (!keys) throw configInvalid(from, "it is not whsec_ and the base64 of 24 to 64 bytes", makeSecret);
  return keys;
}

function plainKeys(o: Secret, field: string, env: Env): readonly Uint8Array[] {
  const { text, from } = secretText(o, field, env);
  const secrets = text.trim().split(/\s+/);
  if (secrets.some((secret) => secret.length < plainSecretLeast))
    throw configInvalid(from, `it has fewer than ${plainSecretLeast} characters`, "use a random one");
  return secrets.map((secret) => Buffer.from(secret));
}

/** @throws FLOTILLA_CONFIG_INVALID naming the field. */
export function resolveHooks(given: unknown, env: Env = process.env): readonly HookSettings[] {
  if (given === undefined) return Object.freeze([]);
  checkObject(given, "fleet.hooks");
  const entries = Object.entries(given);
  if (entries.length > hooksMost)
    throw configInvalid("fleet.hooks", `${entries.length} entries, the limit is ${hooksMost}`, "use fewer");
  return Object.freeze(entries.map(([name, hook]) => resolveHook(name, hook, env)));
}

const hookOptions = ["target", "scheme", "secret", "secretEnv", "input", "tolerance", "namespace", "tenant"];

function resolveHook(name: string, given: unknown, env: Env): HookSettings {
  const field = `fleet.hooks.${name}`;
  checkName(name, field);
  if (name.includes("/")) throw configInvalid(field, "it holds a /", "leave it out: the name is one part of a path");
  checkObject(given, field);
  checkKnown(given, hookOptions, field);
  const o = given as HookConfig;
  const target: unknown = typeof o.target === "string" ? o.target : (o.target as { name?: unknown } | undefined)?.name;
  checkName(target, `${field}.target`);
  if (o.tenant !== undefined) checkText(o.tenant, `${field}.tenant`, bounds.tenantLength);
  const scheme = resolveScheme(o, field);
  return Object.freeze({
    name,
    target,
    scheme,
    keys: (scheme.kind === "standard" ? standardKeys : plainKeys)(o, field, env),
    pick: o.input === undefined || o.input === "body" ? "" : pointer(o.input, `${field}.input`),
    namespace: o.namespace === undefined ? defaultNamespace.name : namespaceOf(o.namespace, field),
    tenant: o.tenant ?? null,
  });
}

function resolveScheme({ scheme, tolerance }: HookConfig, field: string): Scheme {
  const timed = scheme === "standard" || scheme === "stripe";
  if (!timed && tolerance !== undefined) throw configInvalid(`${field}.tolerance`, "this scheme signs no time", "leave it out");
  const toleranceMs = spanMs(tolerance, `${field}.tolerance`) ?? 300_000;
  if (timed) return { kind: scheme, toleranceMs };
  if (scheme === "github") return hmac({ header: "x-hub-signature-256", prefix: "sha256=", id: { header: "x-github-delivery" } });
  const where = `${field}.scheme`;
  if (typeof scheme === "string" || scheme === undefined)
    throw configInvalid(
      where,
      `${JSON.stringify(scheme)} is not a scheme`,
      'use "standard", "github", "stripe" or { header, id }',
    );
  checkObject(scheme, where);
  checkKnown(scheme, ["header", "prefix", "algorithm", "encoding", "id"], where);
  checkHeader(scheme.header, `${where}.header`);
  if (scheme.prefix !== undefined) checkText(scheme.prefix, `${where}.prefix`, 100);
  oneOf(scheme.algorithm, ["sha256", "sha512"], `${where}.algorithm`);
  oneOf(scheme.encoding, ["hex", "base64"], `${where}.encoding`);
  return hmac({ ...scheme, id: place(scheme.id, `${where}.id`) });
}

function hmac({
  header,
  prefix = "",
  algorithm = "sha256",
  encoding = "hex",
  id,
}: HmacScheme | (Omit<HmacScheme, "id"> & { id: Place })): Scheme {
  return { kind: "hmac", header: header.toLowerCase(), prefix, algorithm, encoding, id };
}

function place(given: unknown, field: string): Place {
  checkObject(given, field);
  checkKnown(given, ["header", "pick"], field);
  if ("header" in given) {
    checkHeader(given.header, `${field}.header`);
    return { header: given.header.toLowerCase() };
  }
  return { pick: pointer(given, field) };
}

function pointer(given: unknown, field: string): string {
  checkObject(given, field);
  checkKnown(given, ["pick"], field);
  const { pick } = given as { pick?: unknown };
  if (typeof pick !== "string" || !/^(\/([^~/]|~[01])*)+$/.test(pick) || pick.length > bounds.keyLength)
    throw configInvalid(`${field}.pick`, "it is not a JSON Pointer", 'write "/data/object"');
  return pick;
}

function checkHeader(value: unknown, field: string): asserts value is string {
  if (typeof value !== "string" || !headerShape.test(value))
    throw configInvalid(field, "it is not the name of a header", 'write "x-signature"');
}

function oneOf(value: unknown, choices: readonly string[], field: string): void {
  if (value !== undefined && !choices.includes(value as string))
    throw configInvalid(
      field,
      `${JSON.stringify(value)} is not one of them`,
      `use ${choices.map((c) => JSON.stringify(c)).join(" or ")}`,
    );
}
