import type { Orchestrator } from "../orchestrator/orchestrator.ts";
import type { HookDoor } from "../server/hooks/receive.ts";
import type { HookSettings } from "./webhooks.ts";

/** What a server needs to let signed requests in; undefined: the fleet has no hooks, and no such route. */
export function hookDoor(
  orchestrator: Orchestrator,
  hooks: readonly HookSettings[],
): Pick<HookDoor, "hooks" | "apiIn"> | undefined {
  if (hooks.length === 0) return undefined;
  // A namespace that the fleet's own config names is made when it is first used.
  const apiIn = async (name: string) => orchestrator.within(await orchestrator.access.internNamespace(name));
  return { hooks, apiIn };
}
