import type { AnyCallable } from "../core/definition.ts";
import type { Client } from "./client.ts";
import type { FleetDefinition } from "./fleet-definition.ts";
import { notSupported } from "../core/not-supported.ts";

/**
 * A client of a fleet elsewhere: `connect<typeof config>(url)`, types only, none of the fleet's code in the bundle.
 * @throws FLOTILLA_NOT_SUPPORTED in this version.
 */
export function connect<F extends FleetDefinition<readonly AnyCallable[]>>(
  _url: string,
  _o?: { token?: string },
): Client<F extends FleetDefinition<infer D> ? D : never> {
  throw notSupported("connect()", "use the fleet that createFleet gives, in the same process");
}
