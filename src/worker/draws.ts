// Random numbers of user code. A workflow's turns draw what a re-run draws again: SHA-256 of the task, the scope, the
// last delivery and the number of the draw since it. 1 us each, and no state to store. Agents and steps, whose results
// are stored, draw from the worker's generator.
import { hash, randomBytes } from "node:crypto";
import type { Random } from "../core/random.ts";

/** What a worker draws from that was given nothing else. Not Math.random: a uuid may be taken for a secret. */
export const systemRandom: Random = () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;

export function randomOf(seed: string): number {
  return Number.parseInt(hash("sha256", seed, "hex").slice(0, 13), 16) / 2 ** 52;
}

export function uuidOf(seed: string): string {
  return uuidFrom(hash("sha256", seed, "hex"));
}

/** Four draws of 32 bits: a seeded generator has no more in one. */
export function drawUuid(random: Random): string {
  const word = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return uuidFrom(word() + word() + word() + word());
}

/** In the shape of a version 4 UUID. */
function uuidFrom(hex: string): string {
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
