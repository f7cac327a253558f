import { resolve } from "node:path";
import { configInvalid } from "../client/check.ts";

export { realDatabasePath } from "../store/sqlite/path.ts";

export type StoreSettings =
  | { readonly kind: "memory" }
  /** `path` is absolute. */
  | { readonly kind: "sqlite"; readonly path: string }
  /** `directUrl`: past a pooler, for what needs a session of its own. */
  | { readonly kind: "postgres"; readonly url: string; readonly directUrl?: string };

const example = 'write "memory", "sqlite:.flotilla/flotilla.db" or "postgres://user@host/database"';

/** @throws FLOTILLA_CONFIG_INVALID for a form we do not know. */
export function parseStore(url: unknown, cwd: string, directUrl = process.env["FLOTILLA_POSTGRES_DIRECT_URL"]): StoreSettings {
  if (url === undefined || url === "memory" || url === "sqlite::memory:") return { kind: "memory" };
  if (typeof url !== "string") throw configInvalid("store", "it is not a string", example);
  if (/^postgres(ql)?:/.test(url)) return postgres(url, directUrl);
  const path = /^sqlite:(.+)$/.exec(url)?.[1];
  if (path === undefined) throw configInvalid("store", `${JSON.stringify(withoutUser(url))} is not a store`, example);
  // sqlite://a/b.db reads as a host in other tools and as the root folder here: neither is what was meant.
  if (path.startsWith("//"))
    throw configInvalid(
      "store",
      `${JSON.stringify(url)} has slashes of a URL`,
      `write "sqlite:${path.replace(/^\/+/, "/")}" or a path from the current folder`,
    );
  return { kind: "sqlite", path: resolve(cwd, path) };
}

/** A mistyped `postgres:` may hold a password, and messages go into logs: in anything with an @, only its scheme and what follows are shown. */
function withoutUser(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/*)?.*@/is, "$1...@").replace(/\?.*$/s, "");
}

/** What it says beyond its form is checked by whoever opens it. Never in a message: it may hold a password. */
function postgres(url: string, directUrl: string | undefined): StoreSettings {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw configInvalid("store", "it is not a PostgreSQL URL", 'write "postgres://user:password@host:5432/database"');
  return { kind: "postgres", url, ...(directUrl ? { directUrl } : {}) };
}

/** For people: without user and password. */
export function storeName(store: StoreSettings): string {
  if (store.kind === "memory") return "memory";
  if (store.kind === "sqlite") return store.path;
  const { host, pathname } = new URL(store.url);
  return `postgres://${host}${pathname}`;
}
