// A fleet elsewhere, if one is meant: --url, else FLOTILLA_URL unless a store is named. Its token is never printed.
import type { Context } from "./context.ts";
import { UsageError } from "./usage-error.ts";

export interface FarFleet {
  readonly url: string;
  readonly token: string | undefined;
  /** The one that is meant, for a token of every namespace. */
  readonly namespace: string | undefined;
  readonly from: "--url" | "FLOTILLA_URL";
}

export function farFleet(c: Context): FarFleet | undefined {
  const { url, store, token = c.io.env["FLOTILLA_TOKEN"] || undefined } = c.globals;
  if (url !== undefined && store !== undefined)
    throw new UsageError("--url and --store name two fleets", {
      why: "a fleet elsewhere keeps its own store",
      fix: ["leave out one of them"],
    });
  const namespace = c.io.env["FLOTILLA_NAMESPACE"] || undefined;
  if (url !== undefined) return { url, token, namespace, from: "--url" };
  const env = c.io.env["FLOTILLA_URL"];
  if (env && store === undefined) return { url: env, token, namespace, from: "FLOTILLA_URL" };
  if (c.globals.token !== undefined)
    throw new UsageError("--token goes with --url", {
      why: "a fleet on this machine is asked through its control socket, which knows its user",
      fix: ["name the fleet too: --url https://fleet.example", "or leave out --token"],
    });
  return undefined;
}
