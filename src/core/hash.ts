import { hash } from "node:crypto";

/** SHA-256 of `text` in 22 letters (132 bits): enough to tell inputs apart, short enough for a row. */
export function shortHash(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 22);
}
