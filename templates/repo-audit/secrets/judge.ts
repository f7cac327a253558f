// Is a candidate a real secret? Judged by how issuers build their tokens and by how people write examples, never by the
// pattern that found it.

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

export type Judgement =
  | { readonly real: "yes"; readonly how: string }
  | { readonly real: "maybe"; readonly how: string; readonly why: string }
  | { readonly real: "no"; readonly how: string; readonly why: string };

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function base62(value: number, length: number): string {
  let rest = value;
  let text = "";
  while (rest > 0) {
    text = (alphabet[rest % 62] ?? "") + text;
    rest = Math.floor(rest / 62);
  }
  return text.padStart(length, "0");
}

/** GitHub and npm end their tokens with six characters of CRC-32 over the random part. */
export function checksumOf(random: string): string {
  return base62(crc32(random), 6);
}

export function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}

const exampleWords =
  /example|sample|placeholder|change[-_]?me|changeit|dummy|fake|your[-_]?|insert|replace|redacted|secret[-_]?key|my[-_]?(secret|token|password|key)|test[-_]?(key|token|secret|password)|not[-_]?(a[-_]?)?real|x{5,}|\*{3,}|0{6,}|1234567|abcdef(gh|12)|deadbeef|foobar|password|letmein|hunter2|default|localhost|(^|[-_.])(test|demo|todo|none|null|undefined)([-_.]|$)/i;

/** Long runs and keyboard order: nobody's random generator makes them. */
function looksTyped(value: string): boolean {
  if (/(.)\1{4,}/.test(value)) return true;
  let run = 1;
  for (let at = 1; at < value.length; at += 1) {
    run = value.charCodeAt(at) - value.charCodeAt(at - 1) === 1 ? run + 1 : 1;
    if (run >= 6) return true;
  }
  // The same block again and again.
  return /^(.{1,8})\1{2,}$/.test(value);
}

function decoded(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function judgePrivateKey(value: string): Judgement {
  const how = "structure of the key's encoding";
  // As it may stand in code: with written line ends, quoted, joined by plus signs.
  const body = value
    .replaceAll("\\n", "\n")
    .replaceAll(/-----[^-]+-----/g, "")
    .replaceAll(/^[A-Za-z-]+:.*$/gm, "")
    .replaceAll(/["'`]\s*\+\s*["'`]/g, "")
    .replaceAll(/["'`,\s\\]/g, "");
  if (!/^[A-Za-z0-9+/]+=*$/.test(body)) return { real: "no", how, why: "Its body is no Base64." };
  const bytes = Buffer.from(body, "base64");
  if (bytes.subarray(0, 14).toString("latin1") === "openssh-key-v1") return { real: "yes", how };
  // DER: a SEQUENCE whose stated length is the rest of the bytes.
  const long = (bytes[1] ?? 0) & 0x80 ? (bytes[1] ?? 0) & 0x7f : 0;
  const length = long === 0 ? (bytes[1] ?? 0) : bytes.readUIntBE(2, Math.min(long, 4, Math.max(1, bytes.length - 2)));
  if (bytes[0] === 0x30 && length === bytes.length - 2 - long) return { real: "yes", how };
  return { real: "no", how, why: "Its body is not the encoding of a key." };
}

function judgeWebToken(value: string, now: Date): Judgement {
  const how = "decoded header and claims";
  const [head = "", payload = ""] = value.split(".");
  const header = decoded(head);
  const claims = decoded(payload);
  if (header === null || typeof header["alg"] !== "string" || claims === null)
    return { real: "no", how, why: "It does not decode to a token." };
  if (claims["sub"] === "1234567890" || /john doe|jane doe|example/i.test(JSON.stringify(claims)))
    return { real: "no", how, why: "It is the well-known example token." };
  if (claims["role"] === "anon") return { real: "no", how, why: "Its role is anonymous: such tokens are meant to be public." };
  const expires = claims["exp"];
  if (typeof expires === "number" && expires * 1000 < now.getTime()) return { real: "maybe", how, why: "It has expired." };
  return { real: "yes", how };
}

function judgeGeneric(value: string): Judgement {
  const how = "character statistics and known shapes";
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/i.test(value))
    return { real: "maybe", how, why: "It is a UUID, which may be a mere identifier." };
  if (/^(sha\d+-|https?:|\/|\.{1,2}\/|[a-z]+:\/\/|data:)/i.test(value))
    return { real: "no", how, why: "It is a path, an address or a checksum." };
  if (/[[\](){}|^*]/.test(value)) return { real: "no", how, why: "It is an expression or a pattern." };
  const classes = [/[a-z]/, /[A-Z]/, /\d/].filter((each) => each.test(value)).length;
  const words = value
    .split(/[-_.:/ ]|(?<=[a-z])(?=[A-Z])/)
    .filter((part) => /^[A-Za-z]{3,}$/.test(part))
    .join("").length;
  if (words > value.length * 0.5 || classes < 2) return { real: "no", how, why: "It is made of words: a name, not a secret." };
  const bits = entropy(value);
  if (bits < 3.4) return { real: "no", how, why: "It is not random enough for a secret." };
  return classes === 3 && bits >= 4 && value.length >= 24
    ? { real: "yes", how }
    : { real: "maybe", how, why: "It might be an identifier." };
}

/** Documentation of the issuers, copied everywhere. */
const publishedExamples = /^(AKIAIOSFODNN7EXAMPLE|AKIAI44QH8DHBEXAMPLE|AKIA[A-Z0-9]*EXAMPLE|AKIA1234567890.*)$/;

export function judge(rule: string, value: string, now: Date): Judgement {
  if (publishedExamples.test(value))
    return { real: "no", how: "list of published examples", why: "It is an example from the issuer's documentation." };
  if (rule === "private-key") return judgePrivateKey(value);
  if (rule === "json-web-token") return judgeWebToken(value, now);
  const random = value.replace(/^(gh[pousr]_|github_pat_|npm_|AKIA|ASIA|xox[a-z]-|[sr]k_live_|AIza|sk-|glpat-|SG\.|hf_)/, "");
  if (exampleWords.test(random)) return { real: "no", how: "words of examples", why: "Its text says that it is an example." };
  if (looksTyped(random)) return { real: "no", how: "runs and repeats", why: "It was typed, not generated." };
  if (rule === "github-token" || rule === "npm-token") {
    const how = "checksum inside the token";
    return checksumOf(random.slice(0, 30)) === random.slice(30)
      ? { real: "yes", how }
      : { real: "no", how, why: "Its checksum is wrong: no such token was ever issued." };
  }
  if (rule === "aws-access-key") {
    const how = "alphabet of the key id";
    return /^[A-Z2-7]{16}$/.test(random) && entropy(random) > 2.8
      ? { real: "yes", how }
      : { real: "no", how, why: "Key ids are Base32, and this one is not." };
  }
  if (rule === "assigned-secret" || rule === "url-password") return judgeGeneric(value);
  const how = "prefix, length and character statistics";
  return entropy(random) >= 3.4 && /\d/.test(random + "0")
    ? { real: "yes", how }
    : { real: "no", how, why: "It is not random enough for a token." };
}
