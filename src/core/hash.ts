import { hash } from "node:crypto";

/** SHA-256 of `text` in 22 letters (132 bits): enough to tell inputs apart, short enough for a row. */
export function shortHash(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 22);
}

/**
 * A number below 2^47 for `text`: several processes give the same name the same number without asking one another. Among
 * 10,000 names two share one with a chance of 4 in 10 million.
 */
export function numberOf(text: string): number {
  return Number.parseInt(hash("sha256", text, "hex").slice(0, 12), 16) % 2 ** 47;
}
