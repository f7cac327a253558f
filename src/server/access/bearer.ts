/** Longer is no token: JWTs of real issuers stay below 8 KiB. */
const tokenBytesMax = 8_192;

/** The token of an Authorization header; undefined when it holds none. Never from a URL: those end in logs and histories. */
export function readBearer(header: string | undefined): string | undefined {
  if (header === undefined || header.length > tokenBytesMax) return undefined;
  const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(header) ?? [];
  return token;
}
