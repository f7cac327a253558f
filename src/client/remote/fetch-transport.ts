import { FlotillaError, isFlotillaError } from "../../core/error.ts";
import { base, namespaceHeader, type Transport } from "../../protocol/http.ts";
import { configInvalid } from "../check.ts";

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
/** Asked before each request when it is a function, so that one that expires can be renewed. */
export type Token = string | (() => string | Promise<string>);

/** What the far side asks about the caller. */
export interface Credentials {
  readonly token?: Token | undefined;
  /** The one that is meant, for a token of every namespace. */
  readonly namespace?: string | undefined;
}

/** @param url checked by `fleetUrl` */
export function fetchTransport(url: string, { token, namespace }: Credentials, fetch: Fetch): Transport {
  const meant = namespace === undefined ? {} : { [namespaceHeader]: namespace };
  return {
    target: url,
    async send(path, { method, headers, body, signal }) {
      const value = typeof token === "function" ? await renewed(token) : token;
      return await fetch(url + base + path, {
        method,
        headers: { ...headers, ...meant, ...(value === undefined ? {} : { authorization: `Bearer ${value}` }) },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
        // A token goes where it was meant to and nowhere else, and neither do cookies of the page.
        redirect: "manual",
        credentials: "omit",
        cache: "no-store",
      });
    },
  };
}

async function renewed(token: () => string | Promise<string>): Promise<string> {
  try {
    return tokenText(await token(), "connect().token()");
  } catch (error) {
    if (isFlotillaError(error)) throw error;
    // Not taken for a fleet that does not answer, which would be asked again.
    throw new FlotillaError(
      "FLOTILLA_CONFIG_INVALID",
      { field: "connect().token", problem: "the function that gives the token threw", fix: "see the cause below" },
      { cause: error },
    );
  }
}

/** It is never shown, also not when it is wrong. @throws FLOTILLA_CONFIG_INVALID */
export function tokenText(token: unknown, field: string): string {
  if (typeof token === "string" && /^[\x21-\x7e]{1,8192}$/.test(token)) return token;
  throw configInvalid(field, "it is no token", "pass it as it was given out, without spaces and line ends");
}

/** The URL that a fleet is served under, without a slash at its end. @throws FLOTILLA_CONFIG_INVALID */
export function fleetUrl(text: unknown, field: string): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw configInvalid(field, "it is not an http or https URL", 'pass one such as "https://fleet.example"');
  // Not shown: it may hold a password.
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw configInvalid(
      field,
      "it holds more than a place",
      "leave out user, password, query and fragment; a token is passed as `token`",
    );
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
