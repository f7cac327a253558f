// Signatures of webhooks, as the Standard Webhooks specification (1.0.0) writes them: HMAC-SHA256 over `id.timestamp.body`.
// Pure: keys in, texts out. No file of the client loads it.
import { createHmac, timingSafeEqual } from "node:crypto";

/** The order is the number that is stored, from 1 on: append only. */
export const webhookEvents = ["run.finished", "approval.asked"] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** As the specification asks: shorter keys can be guessed, longer ones gain nothing. */
const keyBytesMin = 24;
const keyBytesMax = 64;
const secretShape = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/**
 * The keys in `text`: one secret, or several with spaces between them while one is being replaced. Undefined when one of
 * them is not `whsec_` and the base64 of 24 to 64 bytes.
 */
export function webhookKeys(text: string): readonly Uint8Array[] | undefined {
  const keys: Uint8Array[] = [];
  for (const secret of text.trim().split(/\s+/)) {
    const key = Buffer.from(secretShape.exec(secret)?.[1] ?? "", "base64");
    if (key.length < keyBytesMin || key.length > keyBytesMax) return undefined;
    keys.push(key);
  }
  return keys;
}

/** A message to sign. `id` and `timestamp` hold no dot, so that none can be read as another. */
export interface SignedMessage {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string | Uint8Array;
}

/** The value of `webhook-signature`: one signature for each key. */
export function webhookSignature(keys: readonly Uint8Array[], m: SignedMessage): string {
  return keys
    .map((key) => `v1,${createHmac("sha256", key).update(`${m.id}.${m.timestamp}.`).update(m.body).digest("base64")}`)
    .join(" ");
}

/** Whether two texts are equal, in a time that says nothing of where they differ. */
export function equalTexts(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
