// What `up` opens: the config file's fleet, with what was typed on top of it.
import type { FleetConfig } from "../../client/fleet-definition.ts";
import type { AnyCallable } from "../../core/definition.ts";
import type { Context } from "../context.ts";
import type { SharedPlace, StorePlace } from "../store-place.ts";

export interface UpOptions {
  readonly workers?: number;
  readonly slots?: number;
  readonly isolation?: "in-process" | "child-process";
  readonly offers?: string;
}

export interface FleetPlan {
  /** null: there is none. */
  readonly file: string | null;
  readonly config: FleetConfig<readonly AnyCallable[]>;
}

/** `required` false: without a file there are no definitions, and workers bring theirs. */
export async function planFleet(
  c: Context,
  place: StorePlace | SharedPlace,
  o: UpOptions,
  { required }: { readonly required: boolean } = { required: true },
): Promise<FleetPlan> {
  const { findDefinitionFile, loadDefinitions } = await import("../../runtime/load.ts");
  const file = await findDefinitionFile({ file: c.globals.config, cwd: c.io.cwd }).catch((error: unknown) => {
    if (required || c.globals.config !== undefined) throw error;
    return undefined;
  });
  const loaded = file === undefined ? { fleet: null, definitions: [] } : await loadDefinitions(file);
  const base: FleetConfig<readonly AnyCallable[]> = loaded.fleet?.config ?? { definitions: loaded.definitions };
  const typed = {
    ...(o.workers !== undefined && { count: o.workers }),
    ...(o.slots !== undefined && { slots: o.slots }),
    ...(o.isolation !== undefined && { isolation: o.isolation }),
    ...(o.offers !== undefined && { offers: o.offers.split(",").map((offer) => offer.trim()) }),
  };
  return {
    file: file ?? null,
    config: {
      ...withEnvironment(base, c.io.env["FLOTILLA_ENV"], (config) => ({ ...config, workers: { ...config.workers, ...typed } })),
      definitions: loaded.definitions,
      store: "settings" in place ? (place.settings.url as `postgres://${string}`) : `sqlite:${place.path}`,
      // Child processes can import what we imported.
      modules: base.modules ?? (file === undefined ? [] : [file]),
    },
  };
}

/** What is typed goes over the environment's part too. */
function withEnvironment(
  base: FleetConfig<readonly AnyCallable[]>,
  name: string | undefined,
  typed: (config: FleetConfig<readonly AnyCallable[]>) => FleetConfig<readonly AnyCallable[]>,
): FleetConfig<readonly AnyCallable[]> {
  const chosen = name === undefined ? undefined : base.environments?.[name];
  if (chosen === undefined) return typed(base); // An unknown environment is refused where the fleet is opened.
  const { environments: _, ...merged } = { ...base, ...chosen };
  return typed(merged);
}
