import { createHash } from "node:crypto";
import { FlotillaError } from "../../core/error.ts";

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function notFound(hash: string, cause?: unknown): FlotillaError {
  return new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: hash }, { cause });
}
