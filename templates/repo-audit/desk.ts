// What a worker keeps of a repository between two tasks of one run: the open handle and its inventory, read once.
import type { BaseContext, Ref } from "flotilla";
import type { FileEntry, Inventory, Shard } from "./finding.ts";
import { rememberInventory } from "./inventory.ts";
import { openRepository, type Repository } from "./repository.ts";
import type { ShardTask } from "./schemas.ts";

export interface Desk {
  readonly repo: Repository;
  readonly inventory: Inventory;
  readonly files: ReadonlyMap<string, FileEntry>;
}

const desksMax = 2;
const desks = new Map<string, Promise<Desk>>();

/** The desk for an inventory: made once in this worker, however many tasks ask for it. */
export function deskFor(ref: Ref<Inventory>, ctx: BaseContext): Promise<Desk> {
  const known = desks.get(ref.$artifact);
  if (known) return known;
  const desk = openDesk(ref, ctx);
  desks.set(ref.$artifact, desk);
  // A desk that could not be set up is tried again by the next attempt.
  desk.catch(() => desks.delete(ref.$artifact));
  if (desks.size > desksMax) desks.delete(desks.keys().next().value as string);
  return desk;
}

async function openDesk(ref: Ref<Inventory>, ctx: BaseContext): Promise<Desk> {
  const inventory = await ctx.artifact.get(ref);
  const repo = await openRepository(inventory.root);
  await rememberInventory(repo, inventory);
  return { repo, inventory, files: new Map(inventory.files.map((file) => [file.path, file])) };
}

export function shardOf(task: ShardTask, desk: Desk): Shard {
  const files = task.paths.map((path) => desk.files.get(path)).filter((file) => file !== undefined);
  return { key: task.key, dimension: task.dimension, contentHash: task.contentHash, files };
}
