// Who owns the store, and whether that one is well.
import { existsSync } from "node:fs";
import { isFlotillaError } from "../../core/error.ts";
import type { Context } from "../context.ts";
import { openToRead, silentOwner } from "../open-api.ts";
import type { OpenedApi } from "../open-api.ts";
import type { StorePlace } from "../store-place.ts";
import { plural } from "../text/format.ts";
import { fail, failed, ok, warn } from "./check.ts";
import type { Check } from "./check.ts";

/** The fleet elsewhere that is meant: whether it answers, and how it is. */
export async function checkFar(c: Context): Promise<Check[]> {
  try {
    return await checkFleet(c);
  } catch (error) {
    return [failed("fleet", error)];
  }
}

export async function checkOwner(c: Context, place: StorePlace): Promise<Check[]> {
  return existsSync(place.path) ? await checkFleet(c) : [ok("fleet", "none is up on this store")];
}

async function checkFleet(c: Context): Promise<Check[]> {
  let opened: OpenedApi;
  try {
    opened = await openToRead(c);
  } catch (error) {
    return [notOpened(error)];
  }
  await using disposed = opened;
  try {
    const health = await disposed.api.health();
    const schema = ok("schema", `${health.schema}`);
    if (!disposed.live) return [schema, ok("fleet", "none is up on this store")];
    const how = disposed.remote ? disposed.name : "control socket";
    const up = ok("fleet", `process ${health.pid} is up with ${plural(health.workers.live, "worker")}, ${how} answers`);
    if (health.storeFullAt !== null)
      return [
        schema,
        up,
        fail(
          "room",
          `the store has no room since ${health.storeFullAt}: nothing is started or claimed, results are held`,
          "free some space: the fleet goes on by itself",
        ),
      ];
    return [schema, up, uncoveredCheck(health.uncovered), await workersCheck(disposed)];
  } catch (error) {
    return [failed("fleet", error)];
  }
}

function notOpened(error: unknown): Check {
  if (!isFlotillaError(error, "FLOTILLA_STORE_LOCKED"))
    return failed(isFlotillaError(error, "FLOTILLA_STORE_NEWER") ? "schema" : "fleet", error);
  const { pid } = error.details;
  const who = pid === null ? "another process" : `process ${pid}`;
  // Not broken: it works, and only this command cannot see how.
  return warn("fleet", `${who} holds the lock, and no control socket answers`, ...silentOwner(pid));
}

function uncoveredCheck(uncovered: readonly string[]): Check {
  return uncovered.length === 0
    ? ok("coverage", "every definition that tasks need has a live worker")
    : warn(
        "coverage",
        `no live worker has ${uncovered.join(", ")}: such tasks wait`,
        "start a fleet whose definitions hold them",
        "or cancel their runs: flotilla runs ls --status running",
      );
}

async function workersCheck({ api }: OpenedApi): Promise<Check> {
  const workers = await api.workers();
  const stuck = workers.filter((w) => w.state === "unresponsive");
  if (stuck.length > 0)
    return warn(
      "workers",
      `${stuck.map((w) => w.name).join(", ")}: the main loop is blocked`,
      "move long computations into child processes: --isolation child-process",
    );
  return workers.length === 0
    ? warn("workers", "none is connected: nothing runs", "flotilla up --workers 1")
    : ok("workers", plural(workers.length, "worker"));
}
