// Whether a request was signed by somebody who has the hook's secret, and lately. Every comparison takes the same time
// wherever two texts differ, and every key and every signature is tried whatever came of the ones before.
import { createHmac } from "node:crypto";
import { equalTexts, webhookSignature } from "../../core/webhook.ts";
import type { HookSettings, Scheme } from "./settings.ts";

/** A request as it came: what is signed is its bytes. */
export interface Delivery {
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

/** A sender that replaces its secret sends two; nobody needs more than a few. */
const signaturesMax = 10;
const secondsShape = /^\d{1,12}$/;

export function isSigned({ scheme, keys }: Pick<HookSettings, "scheme" | "keys">, d: Delivery, now: number): boolean {
  switch (scheme.kind) {
    case "standard":
      return isStandard(keys, d, now, scheme.toleranceMs);
    case "stripe":
      return isStripe(keys, d, now, scheme.toleranceMs);
    case "hmac":
      return isHmac(keys, d, scheme);
  }
}

function isStandard(keys: readonly Uint8Array[], { header, body }: Delivery, now: number, toleranceMs: number): boolean {
  const id = header("webhook-id") ?? "";
  const sent = header("webhook-timestamp") ?? "";
  const given = (header("webhook-signature") ?? "").split(" ").slice(0, signaturesMax);
  const wanted = webhookSignature(keys, { id, timestamp: Number(sent), body }).split(" ");
  const fits = anyEqual(given, wanted);
  return fits && id !== "" && isLately(sent, now, toleranceMs);
}

/** `t=1700000000,v1=<hex>`, over `t.body`. */
function isStripe(keys: readonly Uint8Array[], { header, body }: Delivery, now: number, toleranceMs: number): boolean {
  const parts = (header("stripe-signature") ?? "").split(",").slice(0, signaturesMax);
  const of = (name: string) => parts.filter((p) => p.startsWith(`${name}=`)).map((p) => p.slice(name.length + 1));
  const sent = of("t")[0] ?? "";
  const wanted = keys.map((key) => createHmac("sha256", key).update(`${sent}.`).update(body).digest("hex"));
  const fits = anyEqual(of("v1"), wanted);
  return fits && isLately(sent, now, toleranceMs);
}

function isHmac(
  keys: readonly Uint8Array[],
  { header, body }: Delivery,
  { header: name, prefix, algorithm, encoding }: Extract<Scheme, { kind: "hmac" }>,
): boolean {
  const given = header(name) ?? "";
  const wanted = keys.map((key) => prefix + createHmac(algorithm, key).update(body).digest(encoding));
  return anyEqual([given], wanted);
}

function anyEqual(given: readonly string[], wanted: readonly string[]): boolean {
  let fits = false;
  for (const a of given) for (const b of wanted) fits = equalTexts(a, b) || fits;
  return fits;
}

/** Against replay: what was signed long ago, or is said to be signed later than now, counts no more. */
function isLately(seconds: string, now: number, toleranceMs: number): boolean {
  return secondsShape.test(seconds) && Math.abs(now - Number(seconds) * 1_000) <= toleranceMs;
}
