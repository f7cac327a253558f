// Random numbers that a re-run draws again: SHA-256 of the task, the scope, the last delivery and the number of the
// draw since it. 1 us each, and no state to store.
import { hash } from "node:crypto";

export function randomOf(seed: string): number {
  return Number.parseInt(hash("sha256", seed, "hex").slice(0, 13), 16) / 2 ** 52;
}

/** In the shape of a version 4 UUID. */
export function uuidOf(seed: string): string {
  const h = hash("sha256", seed, "hex");
  const variant = ((Number.parseInt(h[16] as string, 16) & 3) | 8).toString(16);
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`;
}
