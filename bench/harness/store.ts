/** A file by its path, or a database by its URL. */
export function storeOf(o: { readonly path?: string; readonly url?: string }): `sqlite:${string}` | `postgres://${string}` {
  return o.url === undefined ? `sqlite:${o.path}` : (o.url as `postgres://${string}`);
}
