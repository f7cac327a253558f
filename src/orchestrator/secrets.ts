import { randomFillSync } from "node:crypto";
import { secretBytes, secretFrom } from "../core/id.ts";

// 256 at a time: one call into the crypto library costs about 1 us whatever its size.
const pooled = 256;

/** 128 random bits each, as 26 letters. */
export function cryptoSecrets(): () => string {
  const pool = new Uint8Array(secretBytes * pooled);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    const secret = secretFrom(pool, at);
    at += secretBytes;
    return secret;
  };
}
