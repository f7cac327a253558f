import { resolve } from "node:path";
import { configInvalid } from "../client/check.ts";
import { FlotillaError } from "../core/error.ts";

export { realDatabasePath } from "../store/sqlite/path.ts";

export type StoreSettings =
  | { readonly kind: "memory" }
  /** `path` is absolute. */
  | { readonly kind: "sqlite"; readonly path: string };

const example = 'write "memory" or "sqlite:.flotilla/flotilla.db"';

/** @throws FLOTILLA_CONFIG_INVALID for a form we do not know, FLOTILLA_NOT_SUPPORTED for PostgreSQL. */
export function parseStore(url: unknown, cwd: string): StoreSettings {
  if (url === undefined || url === "memory" || url === "sqlite::memory:") return { kind: "memory" };
  if (typeof url !== "string") throw configInvalid("store", "it is not a string", example);
  if (/^postgres(ql)?:/.test(url)) {
    throw new FlotillaError("FLOTILLA_NOT_SUPPORTED", {
      what: "a PostgreSQL store is not in this version",
      instead: 'use SQLite, which is as durable on one machine: store: "sqlite:.flotilla/flotilla.db"',
    });
  }
  const path = /^sqlite:(.+)$/.exec(url)?.[1];
  if (path === undefined) throw configInvalid("store", `${JSON.stringify(url)} is not a store`, example);
  // sqlite://a/b.db reads as a host in other tools and as the root folder here: neither is what was meant.
  if (path.startsWith("//"))
    throw configInvalid(
      "store",
      `${JSON.stringify(url)} has slashes of a URL`,
      `write "sqlite:${path.replace(/^\/+/, "/")}" or a path from the current folder`,
    );
  return { kind: "sqlite", path: resolve(cwd, path) };
}
